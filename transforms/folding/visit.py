"""In-person drafts once accounts are known: visits that were one, trade events by account and day (semantics 1.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

import msgspec

from transforms.event import hash_id
from transforms.folding.common import OURS, Draft, Seat, customers, set_assets
from transforms.folding.meeting import GENERIC_KINDS
from transforms.settings import Folding
from transforms.times import MINUTE, SECOND, from_datetime, to_datetime

LONGEST_FAIR = 30
"""Days after the first; what takes longer is no fair, and its days are not looked for together (``transforms.folding.linking``)."""

AccountsOf = Callable[[Draft], Sequence[str]]
"""The accounts of a draft, the primary one first."""


def settle_visits(drafts: Sequence[Draft], accounts_of: AccountsOf, settings: Folding, zone: tzinfo) -> list[Draft]:
    """Drafts of any channel in, the same out, with held in-person ones split and merged; order does not matter.

    ``zone`` is the reporting time zone, whose days count.
    """
    kept: list[Draft] = []
    visits: dict[date, list[Visit]] = {}
    trade: dict[tuple[str, date], list[Draft]] = {}
    for draft in drafts:
        if draft.row.channel != "in_person" or draft.row.status != "held" or draft.row.is_voided:
            kept.append(draft)
            continue
        parts = [draft]
        if draft.row.medium == "trade_event":
            parts = [day for part in split_by_account(draft) for day in split_by_day(part, zone)]
        for part in parts:
            accounts = accounts_of(part)
            day_of = to_datetime(part.row.occurred_at).astimezone(zone).date()
            if not accounts:
                kept.append(part)
            elif part.row.medium == "trade_event":
                trade.setdefault((accounts[0], day_of), []).append(part)
            else:
                visits.setdefault(day_of, []).append(Visit.of(part, accounts))
    for days in trade.values():
        kept.append(_fold(sorted(days, key=_by_time), "trade_day"))
    for day in visits.values():
        kept.extend(merge_same_day(day, settings.visit_merge_gap_minutes * MINUTE))
    return kept


class Visit(msgspec.Struct, gc=False):
    """Drafts of one day that are one visit."""

    parts: list[Draft]
    start: int
    end: int
    accounts: frozenset[str]
    """All that it is a visit to."""
    outsiders: frozenset[str]

    @staticmethod
    def of(draft: Draft, accounts: Sequence[str]) -> Visit:
        row = draft.row
        return Visit([draft], row.occurred_at, row.ended_at, frozenset(accounts), frozenset(_outsiders(draft)))

    def is_also(self, other: Visit, gap: int) -> bool:
        """Whether it is to an account of the other's, at most ``gap`` after or before it, and they share a buyer."""
        between = max(self.start, other.start) - min(self.end, other.end)
        return (
            between <= gap
            and not self.accounts.isdisjoint(other.accounts)
            and not self.outsiders.isdisjoint(other.outsiders)
        )

    def with_(self, other: Visit) -> Visit:
        return Visit(
            self.parts + other.parts,
            min(self.start, other.start),
            max(self.end, other.end),
            self.accounts | other.accounts,
            self.outsiders | other.outsiders,
        )


def merge_same_day(day: Sequence[Visit], gap: int) -> list[Draft]:
    """Visits of one day, until no two of them are one: what has become one may be near to more, and share a buyer with more."""
    merged: list[Visit] = []
    for visit in day:
        while (known := next((one for one in merged if one.is_also(visit, gap)), None)) is not None:
            merged.remove(known)
            visit = known.with_(visit)
        merged.append(visit)
    return [_fold(sorted(visit.parts, key=_by_time), "same_day_visit") for visit in merged]


def split_by_account(draft: Draft) -> list[Draft]:
    """A trade event's contacts with several accounts to one draft an account; our people are in each."""
    accounts: dict[str, list[Seat]] = {}
    for seat in draft.seats:
        if seat.side not in OURS:
            party = seat.party
            only = party.domain_accounts[0] if len(party.domain_accounts) == 1 else ""
            accounts.setdefault(party.account_id or only, []).append(seat)
    if len(accounts) < 2:
        return [draft]
    ours = [seat for seat in draft.seats if seat.side in OURS]
    return [_part_of(draft, account, [*ours, *theirs]) for account, theirs in sorted(accounts.items())]


def split_by_day(draft: Draft, zone: tzinfo) -> list[Draft]:
    """A trade event of several days to one draft a day, the first of which keeps its identity. Of entries with dates alone each
    day is placed at noon, as a day is."""
    row = draft.row
    start, end = to_datetime(row.occurred_at).astimezone(zone), to_datetime(row.ended_at).astimezone(zone)
    has_times = row.time_quality != "date_only"
    if has_times and row.ended_at > row.occurred_at:
        end -= timedelta(microseconds=1)  # what ends at midnight has no part of the next day
    count = (end.date() - start.date()).days
    if count > LONGEST_FAIR:
        return [draft]
    parts = []
    for number in range(count + 1):
        day = start.date() + timedelta(days=number)
        part = _part(draft, f"{row.dedupe_key}@{day}", draft.seats) if number else draft
        if has_times:
            began = row.occurred_at if number == 0 else _midnight(day, zone)
            ended = row.ended_at if number == count else _midnight(day + timedelta(days=1), zone)
        else:
            began = ended = from_datetime(start + timedelta(days=number))
        parts.append((part, began, ended))
    for part, began, ended in parts:
        part.row.occurred_at, part.row.ended_at = began, ended
        part.row.duration_seconds = (ended - began) // SECOND
    return [part for part, *_ in parts]


def _midnight(day: date, zone: tzinfo) -> int:
    return from_datetime(datetime.combine(day, time.min, zone))


def _part(draft: Draft, key: str, seats: Sequence[Seat]) -> Draft:
    """A draft like another, of its own, with these people in it."""
    row = msgspec.structs.replace(draft.row, dedupe_key=key, touchpoint_id=hash_id(key))
    copies = [msgspec.structs.replace(seat) for seat in seats]
    acting = draft.actor.party.party_id if draft.actor is not None else None
    return msgspec.structs.replace(
        draft,
        row=row,
        seats=copies,
        actor=next((seat for seat in copies if seat.party.party_id == acting), None),
        events=dict(draft.events),
        assets=list(draft.assets),
    )


def _part_of(draft: Draft, account: str, seats: Sequence[Seat]) -> Draft:
    part = _part(draft, f"{draft.row.dedupe_key}@{account}", seats)
    # its people name the account; what the payload says of the whole holds for one part only
    part.account_hint = draft.account_hint if account and account == draft.account_hint else None
    return part


def _fold(parts: Sequence[Draft], rule: str) -> Draft:
    """Drafts in order of time to one: the first one's identity, the span of those whose times are known, everybody once."""
    if len(parts) == 1:
        return parts[0]
    first, *others = parts
    row = first.row
    seats = {seat.party.party_id: seat for seat in first.seats}
    rows = [part.row for part in parts]
    # noon, where a date alone is placed, is no time at which anybody came or went
    timed = [one for one in rows if one.time_quality != "date_only"] or rows
    row.occurred_at, row.ended_at = min(one.occurred_at for one in timed), max(one.ended_at for one in timed)
    row.time_quality = next((one.time_quality for one in reversed(timed) if one.time_quality != "source"), "source")
    for other in others:
        row.received_at = min(row.received_at, other.row.received_at)
        row.revision = max(row.revision, other.row.revision)
        row.subject_text = row.subject_text or other.row.subject_text
        row.place = row.place or other.row.place
        if row.interaction_kind in GENERIC_KINDS and other.row.interaction_kind not in GENERIC_KINDS:
            row.interaction_kind, first.meeting_type = other.row.interaction_kind, other.meeting_type
        for seat in other.seats:
            known = seats.get(seat.party.party_id)
            seats[seat.party.party_id] = seat if known is None else _both(known, seat)
        for event_id in other.events:
            first.events.setdefault(event_id, rule)
        first.assets.extend(other.assets)
        first.account_hint = first.account_hint or other.account_hint
        first.opportunity_hint = first.opportunity_hint or other.opportunity_hint
        first.explicit_job = first.explicit_job or other.explicit_job
        first.stated_tags = tuple(sorted({*first.stated_tags, *other.stated_tags}))
    row.duration_seconds = (row.ended_at - row.occurred_at) // SECOND
    first.seats = [seats[key] for key in sorted(seats)]
    if first.actor is not None:
        first.actor = seats[first.actor.party.party_id]
    set_assets(first)
    return first


def _both(one: Seat, other: Seat) -> Seat:
    """One person's seat in two visits that are one."""
    seconds = [seat.attended_seconds for seat in (one, other) if seat.attended_seconds is not None]
    joined = [seat.joined_at for seat in (one, other) if seat.joined_at is not None]
    left = [seat.left_at for seat in (one, other) if seat.left_at is not None]
    return msgspec.structs.replace(
        one,
        attended=bool(one.attended or other.attended),
        attended_seconds=sum(seconds) if seconds else None,
        joined_at=min(joined, default=None),
        left_at=max(left, default=None),
    )


def _outsiders(draft: Draft) -> set[str]:
    theirs = customers(seat.side for seat in draft.seats)
    # a bare name may be anybody's
    known = (seat for seat in draft.seats if seat.party.identifier_type not in (None, "name"))
    return {seat.party.party_id for seat in known if seat.side in theirs and seat.attended}


def _by_time(draft: Draft) -> tuple[int, int, str]:
    return (draft.row.occurred_at, draft.row.ended_at, draft.row.dedupe_key)
