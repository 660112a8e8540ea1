"""App: one person's sessions of events that are at most 30 minutes apart (semantics 1.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from transforms.crm.directory import ResolvedParty
from transforms.crm.files import Asset
from transforms.event import Event, Party
from transforms.folding.common import (
    AssetTrace,
    Draft,
    Fact,
    Seat,
    StepTrace,
    Workbench,
    bridge,
    components,
    new_row,
    recognise,
    set_assets,
    tells_account,
)
from transforms.folding.identity import PartyBook
from transforms.jobs.rules import PageSpan
from transforms.normal import last_part

SINGLE_ACTS = frozenset({"form_submit", "plan_update", "signature", "introduction"})
"""Kinds that a session keeps if it consists of nothing else, and that are tags of every session in which they happen."""


class Step(msgspec.Struct, gc=False):
    """One app event of one user."""

    occurred_at: int
    fact: Fact
    user: ResolvedParty


def fold_apps(facts: Sequence[Fact], parties: PartyBook, bench: Workbench) -> list[Draft]:
    """Facts of family ``app`` to drafts, one a session."""
    users: dict[tuple[str, str], list[Step]] = {}
    known: dict[tuple[tuple[Party, ...], str, str | None], ResolvedParty] = {}
    is_steady = parties.is_steady
    for fact in facts:
        if fact.is_void:
            continue
        event = fact.event
        seen = (event.parties, event.source, event.account_hint)
        user = known.get(seen)
        if user is None:
            party = user_of(event)
            user = parties(event, party)
            if is_steady and party in event.parties:
                known[seen] = user
        step = Step(event.occurred_at, fact, user)
        key = (event.source, step.user.party_id)
        if key in users:
            users[key].append(step)
        else:
            users[key] = [step]
    drafts: list[Draft] = []
    for steps in _one_by_user(users, parties):
        steps.sort(key=step_order)
        drafts.extend(_session(session, parties, bench) for session in sessions(steps, bench.settings.app_session_gap))
    return drafts


def _one_by_user(users: dict[tuple[str, str], list[Step]], parties: PartyBook) -> list[list[Step]]:
    """Steps by user: a stranger is one by the user id, whatever further addresses some of the events show (a form's, an old one's)."""
    strangers = [key for key, steps in users.items() if steps[0].user.person_id is None]
    if len(strangers) < 2:
        return list(users.values())
    edges = []
    for source, party_id in strangers:
        for step in users[source, party_id]:
            native = parties.user_id(step.fact.event, user_of(step.fact.event))
            if native is not None:
                edges.append((f"{source} {party_id}", f"{source} {native}"))
    root_of = components((), edges)
    joined: dict[str, list[Step]] = {}
    for (source, party_id), steps in users.items():
        key = f"{source} {party_id}"
        joined.setdefault(root_of.get(key, key), []).extend(steps)
    return list(joined.values())


def user_of(event: Event) -> Party:
    """The acting party; an event without identifiers belongs to its user key, else to nobody but itself."""
    for party in event.parties:
        if party.role in ("actor", "viewer") and party.ids:
            return party
    return Party((f"anonymous_id:{event.source}:{event.conversation_id or event.dedupe_key}",), "actor")


def step_order(step: Step) -> tuple[int, str, str]:
    return (step.occurred_at, step.fact.event.sequence or "", step.fact.event.source_event_id)


def sessions(steps: Sequence[Step], gap: int) -> Iterator[list[Step]]:
    """Ordered steps of one user to sessions: a new one where more than ``gap`` microseconds have passed."""
    current: list[Step] = []
    for step in steps:
        if current and step.occurred_at - current[-1].occurred_at > gap:
            yield current
            current = []
        current.append(step)
    if current:
        yield current


def _session(steps: list[Step], parties: PartyBook, bench: Workbench) -> Draft:
    first = steps[0]
    event = first.fact.event
    facts = [step.fact for step in steps]
    events = [fact.event for fact in facts]
    user_key = event.conversation_id or user_of(event).ids[0]
    row = new_row(
        first.fact,
        f"app:{event.source}/{user_key}/{last_part(event.source_event_id)}",
        occurred_at=first.occurred_at,
        ended_at=steps[-1].occurred_at,
        channel="app",
        medium=event.medium or "web_app",
        kind=_kind(events),
    )
    row.subject_text = None
    user = steps[0].user
    if [step for step in steps if step.user is not user]:
        # of the user's resolutions during the session, the one with the strongest rule explains it best, of those that tell an account
        user = min(
            (step.user for step in steps),
            key=lambda found: (not tells_account(found), found.rule_id, found.identifier or ""),
        )
    actor = Seat(user, "actor", user.side, event.source, attended=True)
    draft = Draft(
        row=row,
        seats=[actor, *_others(events, {step.user.party_id for step in steps}, parties)],
        actor=actor,
        events=bridge(facts, "session"),
        stated_direction=event.direction,
    )
    _gather(draft, facts, events, bench)
    if draft.account_hint is None:
        draft.account_hint = parties.account_hint(events, row.occurred_at)
    _trace(draft, steps, bench)
    draft.steps = [trace for step in steps if step.fact.event.plan_items for trace in _told(step, parties)]
    return draft


def _told(step: Step, parties: PartyBook) -> Iterator[StepTrace]:
    event = step.fact.event
    for item in event.plan_items:
        owner = None if item.owner is None else parties(event, item.owner)
        yield StepTrace(item, event, step.fact.witness.event_id, step.user, owner)


def _gather(draft: Draft, facts: Sequence[Fact], events: Sequence[Event], bench: Workbench) -> None:
    """What all events of a session say together; of single values, the first that is known."""
    row = draft.row
    tags: set[str] = set()
    for fact, event in zip(facts, events, strict=True):
        if fact.received_at < row.received_at:
            row.received_at = fact.received_at
        if event.revision > row.revision:
            row.revision = event.revision
        if event.ended_at is not None and event.ended_at > row.ended_at:
            row.ended_at = event.ended_at
        if not event.is_automated:
            row.is_automated = False
        row.native_session_id = row.native_session_id or event.native_session_id
        draft.account_hint = draft.account_hint or bench.directory.known_account(event.account_hint)
        draft.opportunity_hint = draft.opportunity_hint or event.opportunity_hint
        draft.explicit_job = draft.explicit_job or event.explicit_job
        if found := _tags(event):
            tags.update(found)
    draft.stated_tags = tuple(sorted(tags))


def _tags(event: Event) -> tuple[str, ...]:
    """The event's own, and its kind where that does not tell of the session that it is a part of."""
    kind = event.interaction_kind
    return (*event.tags, kind) if kind is not None and kind in SINGLE_ACTS else event.tags


def _kind(events: Sequence[Event]) -> str:
    kinds = {event.interaction_kind for event in events}
    only = kinds.pop() if len(kinds) == 1 else None
    return only if only in SINGLE_ACTS else "session"


def _others(events: Sequence[Event], users: Collection[str], parties: PartyBook) -> list[Seat]:
    """Parties beside the user: whom a message in a deal room is for."""
    seats: dict[str, Seat] = {}
    for event in events:
        if len(event.parties) > 1:
            for party in event.parties:
                found = parties(event, party)
                if found.party_id not in users and found.party_id not in seats:
                    seats[found.party_id] = Seat(found, party.role, found.side, event.source, party.attended)
    return list(seats.values())


def _trace(draft: Draft, steps: Sequence[Step], bench: Workbench) -> None:
    """Where the time went, and which assets were seen: dwell is the time until the next event, 0 for the last."""
    page: str | None = None
    spent: dict[str, tuple[int, int]] = {}
    shown: dict[str, tuple[str, ...]] = {}
    gap = bench.settings.app_session_gap
    spans = []
    moments = [step.occurred_at for step in steps]
    for step, at, following in zip(steps, moments, [*moments[1:], moments[-1]], strict=True):
        event = step.fact.event
        page = event.page_path or page  # a click or a download happens on the page that is open
        stay = following - at
        if stay > gap:
            stay = gap
        types: tuple[str, ...] = ()
        if event.asset_id or event.links or event.attachments:
            assets = recognise(bench.assets, event)
            if assets:
                draft.assets.extend([_seen(asset, step) for asset in assets])
                types = tuple([asset.asset_type for asset in assets])
        if page is not None:
            if types and event.event_name is None:
                shown[page] = types
            elif not types and shown:  # who clicks on an asset's page is still reading it
                types = shown.get(page, ())
            spent[page] = (spent[page][0] + stay if page in spent else stay, at)
        spans.append(PageSpan(page, event.event_name, stay, at, types, event.interaction_kind, _tags(event)))
    draft.pages = spans
    if spent:
        # of two pages with equal dwell, the one seen last
        draft.row.page_path = max(spent, key=lambda path: (*spent[path], path))
    if draft.assets:
        set_assets(draft)


def _seen(asset: Asset, step: Step) -> AssetTrace:
    event = step.fact.event
    if event.asset_action:
        action = event.asset_action
    else:
        action = "download" if event.interaction_kind == "asset_download" else "view"
    return AssetTrace(asset, action, step.occurred_at, step.user.party_id)
