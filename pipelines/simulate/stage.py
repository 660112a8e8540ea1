"""What the scenes of one account share: who is there, what time is taken, and where records and truth go."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from pipelines.simulate.clock import DAY, HOUR, MICROS, MINUTE
from pipelines.simulate.truth import TrueTouchpoint
from pipelines.simulate.words import JOBS, UNCLASSIFIED, Phrase
from pipelines.simulate.world import ACCOUNTS_PER_TEAM, Account, Human

Put = Callable[[str, int, str, str], None]
"""(stream, seconds at which it happened, payload, expected outcome: accepted or ignored)"""

FIRST_SLOT = 8 * HOUR
SLOT = 75 * MINUTE
INTERNAL_AT = 19 * HOUR
PRIVATE_PAUSE = 45 * MINUTE
"""Between two app sessions of one person: clearly more than the 30 minutes that make them two."""


class Stage:
    """One account's stage. ``start`` and ``end`` bound what happened, in seconds; plans may lie later."""

    def __init__(self, rng: Random, account: Account, start: int, end: int, put: Put) -> None:
        self.rng, self.account, self.start, self.end, self.put = rng, account, start, end, put
        self.touchpoints: list[TrueTouchpoint] = []
        self._starts: set[int] = set()
        self._meeting_days: set[int] = set()
        self.internal_days: set[int] = set()
        self._sessions: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def moment(self, seconds: int) -> int:
        """The first second from then on at which no other touchpoint of the account begins."""
        while seconds in self._starts:
            seconds += 1
        self._starts.add(seconds)
        return seconds

    def quiet(self, source: str, person: str, seconds: int, length: int) -> int | None:
        """The next time at which the person has no app session near; None if that is past the end."""
        known = self._sessions.setdefault((source, person), [])
        while any(seconds - end < PRIVATE_PAUSE and begin - seconds - length < PRIVATE_PAUSE for begin, end in known):
            seconds += HOUR
        if seconds + length >= self.end:
            return None
        known.append((seconds, seconds + length))
        return seconds

    def slot(self, seconds: int) -> int | None:
        """Start of the account's slot on the next day without a meeting; None if that is past the end."""
        day = seconds // DAY
        while day in self._meeting_days:
            day += 1
        if (day + 1) * DAY >= self.end:
            return None
        self._meeting_days.add(day)
        return self.slot_of(day)

    def later_slot(self) -> int:
        """A slot in the weeks after the end, on a day without a meeting."""
        day = self.end // DAY + self.rng.randrange(3, 25)
        while day in self._meeting_days:
            day += 1
        self._meeting_days.add(day)
        return self.slot_of(day)

    def slot_of(self, day: int) -> int:
        """The team's accounts take turns over the day, each in a slot of its own."""
        return day * DAY + FIRST_SLOT + (self.account.slot + day) % ACCOUNTS_PER_TEAM * SLOT

    def internal_day(self, seconds: int) -> int:
        """The next day on which this account may call its team's internal meeting: no two accounts call one at once."""
        day = seconds // DAY
        return day + (self.account.slot - day) % ACCOUNTS_PER_TEAM

    def job(self) -> str:
        return self.rng.choice(JOBS)

    def phrase(self, book: dict[str, tuple[Phrase, ...]], job: str) -> Phrase:
        return self.rng.choice(book[job])

    def buyer(self) -> Human:
        """Champions speak most, and some people come late."""
        buyers = self.account.buyers
        return buyers[min(self.rng.randrange(len(buyers)), self.rng.randrange(len(buyers)))]

    def hex(self, digits: int) -> str:
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        text = self.hex(32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def happened(
        self,
        dedupe_key: str,
        channel: str,
        direction: str,
        kind: str,
        occurred_at: int,
        ended_at: int,
        *,
        job: str = UNCLASSIFIED,
        is_ours: bool = True,
        is_excused: bool = False,
        status: str = "held",
        messages: int = 1,
        witnesses: int = 1,
        tags: tuple[str, ...] = (),
        engaged: tuple[str, ...] = (),
    ) -> TrueTouchpoint:
        """Write down a touchpoint; times in microseconds.

        ``is_ours``: it names this account. ``is_excused``: automated or internal, so it counts for nothing.
        """
        account_id = self.account.account_id if is_ours else None
        found = TrueTouchpoint(
            dedupe_key=dedupe_key,
            channel=channel,
            direction=direction,
            interaction_kind=kind,
            status=status,
            occurred_at=occurred_at,
            ended_at=ended_at,
            account_id=account_id,
            opportunity_id=self.account.deal_at(occurred_at) if is_ours else None,
            buying_job=job,
            is_countable=is_ours and status == "held" and not is_excused,
            message_count=messages,
            witness_count=witnesses,
            tags=tags,
            engaged=engaged,
        )
        self.touchpoints.append(found)
        return found


def micros(seconds: int) -> int:
    return seconds * MICROS
