"""Emails: one touchpoint per Message-ID, however many mailboxes hold it; threads by References (semantics 1.3, 1.4)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transforms.event import Event, system_of
from transforms.folding.common import (
    AssetTrace,
    Draft,
    Fact,
    Resolver,
    Workbench,
    acting_seat,
    bridge,
    components,
    first_known,
    new_row,
    recognise,
    seat_parties,
    set_assets,
)

SINGLE_VALUES = (
    "subject_text", "sequence", "recorded_at", "content_chars", "status", "interaction_kind", "opportunity_hint",
    "direction", "explicit_job", "first_line", "has_question",
)  # fmt: skip
"""Of these a message has one: that of the richest copy that says it."""
SOURCE_RANK = {"email": 0, "gmail": 1}
"""Precedence of reports of one message: the message itself, then an API's rendering of it, then everyone else."""


def fold_emails(facts: Sequence[Fact], resolve: Resolver, bench: Workbench) -> list[Draft]:
    """Facts of family ``email`` to drafts, with threads and parents set."""
    messages: dict[str, list[Fact]] = {}
    for fact in facts:
        messages.setdefault(fact.event.dedupe_key, []).append(fact)
    drafts: dict[str, Draft] = {}
    by_id: dict[str, str] = {}
    for key, copies in sorted(messages.items()):
        copies.sort(key=_richest_first)
        drafts[key] = _message(key, copies, resolve, bench)
        for fact in copies:
            if fact.event.message_id:
                by_id.setdefault(fact.event.message_id, key)
    _link(messages, drafts, by_id)
    return list(drafts.values())


def _richest_first(fact: Fact) -> tuple[bool, int, int, str, str, str]:
    event = fact.event
    rank = SOURCE_RANK.get(system_of(event.source), len(SOURCE_RANK))
    return (fact.is_void, -event.revision, rank, fact.witness.payload_hash, event.source, event.source_event_id)


def _message(key: str, copies: list[Fact], resolve: Resolver, bench: Workbench) -> Draft:
    """One message from its copies, richest first; a copy deleted from one mailbox does not unsend the others."""
    events = [fact.event for fact in copies]
    first = events[0] if len(events) == 1 else _together(events)  # most messages lie in one mailbox
    row = new_row(
        copies[0],
        key,
        occurred_at=first.occurred_at,
        ended_at=first.occurred_at,
        channel="email",
        medium=first.medium or "email",
        kind="message",
    )
    row.time_quality = first.time_quality
    row.is_voided = all(fact.is_void for fact in copies)
    row.received_at = min(fact.received_at for fact in copies)
    row.revision = first.revision
    row.subject_text = first.subject_text
    row.sequence = first.sequence
    row.recorded_at = first.recorded_at
    row.content_chars = first.content_chars or 0
    row.status = first.status or "held"
    row.is_automated = first.is_automated
    stated = first.interaction_kind
    row.is_reply = bool(first.references) or stated == "reply"  # an In-Reply-To may name no id that can be read
    row.interaction_kind = "reply" if row.is_reply and stated in (None, "message") else stated or "message"
    seats = seat_parties(copies, resolve)
    actor = acting_seat(seats)
    draft = Draft(
        row=row,
        seats=seats,
        actor=actor,
        events=bridge(copies, "dedupe_key"),
        account_hint=first_known([bench.directory.known_account(event.account_hint) for event in events]),
        opportunity_hint=first.opportunity_hint,
        stated_direction=first.direction,
        stated_tags=tuple(sorted(set(first.tags))),
        explicit_job=first.explicit_job,
        first_line=first.first_line,
        has_question=first.has_question,
    )
    draft.text = draft.first_line
    assets = {asset.asset_id: asset for event in events for asset in recognise(bench.assets, event)}
    party_id = actor.party.party_id if actor else None
    if assets:
        draft.assets = [AssetTrace(asset, "share", first.occurred_at, party_id) for asset in assets.values()]
        set_assets(draft)
    return draft


def _together(events: Sequence[Event]) -> Event:
    """What the copies of one message say together: the richest, with what it lacks from the others.

    When it was sent is what a copy with a Date says; other clocks tell when some server had it (semantics 1.5).
    """
    dated = next((event for event in events if event.time_quality != "estimated"), events[0])
    known = {name: first_known([getattr(event, name) for event in events]) for name in SINGLE_VALUES}
    return msgspec.structs.replace(
        events[0],
        **known,
        occurred_at=dated.occurred_at,
        time_quality=dated.time_quality,
        revision=max(event.revision for event in events),
        is_automated=any(event.is_automated for event in events),
        references=next((event.references for event in events if event.references), ()),
        tags=tuple(tag for event in events for tag in event.tags),
    )


def _link(messages: dict[str, list[Fact]], drafts: dict[str, Draft], by_id: dict[str, str]) -> None:
    """Name each message's thread and find its parent: In-Reply-To, else the last of References that we hold."""
    if len(messages) == 1:  # alone, it can have no parent and shares its thread with nobody
        ((key, copies),) = messages.items()
        drafts[key].row.thread_id = drafts[key].account_thread = _thread_name(copies, [key])
        return
    edges: list[tuple[str, str]] = []
    for key, copies in messages.items():
        node = f"k:{key}"
        for fact in copies:
            event = fact.event
            edges.extend((node, f"m:{name}") for name in (event.message_id, *event.references) if name)
            if event.conversation_id:
                edges.append((node, f"t:{event.source}/{event.conversation_id}"))
        references = next((fact.event.references for fact in copies if fact.event.references), ())
        # In-Reply-To stands last, else the last of References does; what these name without being here is no parent's
        parent = by_id.get(references[-1]) if references else None
        if parent is not None and parent != key:
            drafts[key].parent = drafts[parent]
            drafts[key].row.in_reply_to = drafts[parent].row.touchpoint_id
    root_of = components((f"k:{key}" for key in messages), edges)
    threads: dict[str, list[str]] = {}
    for key in messages:
        threads.setdefault(root_of[f"k:{key}"], []).append(key)
    for keys in threads.values():
        name = _thread_name(messages[min(keys, key=lambda key: (drafts[key].row.occurred_at, key))], keys)
        for key in keys:
            drafts[key].row.thread_id = drafts[key].account_thread = name


def _thread_name(earliest: list[Fact], keys: list[str]) -> str:
    """The root of the earliest message's References, else that message's own id, else the provider's thread id."""
    events = [fact.event for fact in earliest]
    references = next((event.references for event in events if event.references), ())
    if references:
        return references[0]
    known = first_known([event.message_id for event in events])
    provider = first_known(f"{e.source}/{e.conversation_id}" for e in events if e.conversation_id)
    return known or provider or min(keys)
