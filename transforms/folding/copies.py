"""Records that tell of one chat message: equal dedupe keys (semantics 1.5, rule 1).

A page and a server may both report what was written, each under an id of its own, and a conversation's start may repeat its
first message; the message's own id says that it was written once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from transforms.crm.person_index import is_native
from transforms.event import Event, Party
from transforms.folding.common import Fact, first_known
from transforms.normal import ANONYMOUS, names_of

SINGLE_VALUES = (
    "subject_text", "first_line", "has_question", "content_chars", "opportunity_hint", "explicit_job",
)  # fmt: skip
"""Of these a message has one: that of the richest record that says it."""


KnownAccount = Callable[[str | None], str | None]
"""An account that a payload names, if it is one of ours."""


def told_once(facts: Sequence[Fact], known_account: KnownAccount) -> Sequence[Fact]:
    """Facts of family ``chat``, one a message: the richest, with what it lacks from the others, which become its trail."""
    if len({fact.event.dedupe_key for fact in facts}) == len(facts):  # as nearly always
        return facts
    messages: dict[str, list[Fact]] = {}
    for fact in facts:
        messages.setdefault(fact.event.dedupe_key, []).append(fact)
    return [_together(copies, known_account) for copies in messages.values()]


def _together(copies: list[Fact], known_account: KnownAccount) -> Fact:
    if len(copies) == 1:
        return copies[0]
    richest, *others = sorted(copies, key=_richest_first)
    trail = {event_id: why for fact in copies for event_id, why in fact.trail}
    trail |= {fact.witness.event_id: "dedupe_key" for fact in others}
    return msgspec.structs.replace(
        richest,
        event=_completed([richest.event, *(fact.event for fact in others)], known_account),
        received_at=min(fact.received_at for fact in copies),
        trail=tuple(sorted(trail.items())),
    )


def _completed(events: Sequence[Event], known_account: KnownAccount) -> Event:
    """The first, with what it does not say from those behind it, at the earliest time that is told: the nearest to the sending.

    Of the accounts that they name it is in the first of ours: a number of a chat tool's own hides none that is.
    """
    sent = min(events, key=lambda event: (event.time_quality == "estimated", event.occurred_at))
    known = {name: first_known(getattr(event, name) for event in events) for name in SINGLE_VALUES}
    return msgspec.structs.replace(
        events[0],
        **known,
        account_hint=first_known(known_account(event.account_hint) for event in events),
        occurred_at=sent.occurred_at,
        time_quality=sent.time_quality,
        is_automated=any(event.is_automated for event in events),
        parties=tuple(_people(events)),
        links=tuple(dict.fromkeys(link for event in events for link in event.links)),
        tags=tuple(dict.fromkeys(tag for event in events for tag in event.tags)),
    )


def _people(events: Sequence[Event]) -> Iterator[Party]:
    """One person writes a live chat's message and one reads it: whom each copy names, by all identifiers but other copies' devices.

    Whose a device is R5 knows, which looks at every record.
    """
    for role in dict.fromkeys(party.role for event in events for party in event.parties):
        told = [party for event in events for party in event.parties if party.role == role]
        told.sort(key=lambda party: (-len(names_of(party.ids)), not party.ids, not party.name))
        best = told[0]
        names = sorted(
            dict.fromkeys(one for party in told for one in names_of(party.ids)), key=lambda one: not is_native(one)
        )
        devices = [one for one in best.ids if one.startswith(ANONYMOUS)]
        yield msgspec.structs.replace(best, ids=(*names, *devices), name=first_known(party.name for party in told))


def _richest_first(fact: Fact) -> tuple[bool, int, bool, int, str, str]:
    """What was taken back stays so; who names the author by more than a device knows him better."""
    event = fact.event
    author = next((party.ids for party in event.parties if party.role == "actor"), ())
    return (
        not fact.is_void,
        -len(names_of(author)),
        event.first_line is None,
        event.occurred_at,
        fact.witness.payload_hash,
        event.source_event_id,
    )
