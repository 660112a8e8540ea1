"""Meetings and visits: one occurrence from calendar entries, attendance reports and CRM activities."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transforms.channels import MEDIUM_OF_CHANNEL
from transforms.event import Event, Party
from transforms.folding.common import (
    OURS,
    AssetTrace,
    Draft,
    Fact,
    Resolver,
    Seat,
    Workbench,
    acting_seat,
    bridge,
    channel_and_medium,
    customers,
    first_known,
    hear_account,
    new_row,
    recognise,
    set_assets,
)
from transforms.folding.names import by_all_names
from transforms.folding.occasion import Occasion, meetings, occasions, richest_first
from transforms.folding.presence import Presence, both_sides, length, presence
from transforms.jobs.rules import Rulebook
from transforms.times import SECOND

KIND_OF_MEDIUM = {"phone_call": "call", "onsite_visit": "visit", "trade_event": "event_contact"}
GENERIC_KINDS = frozenset({"meeting", "call", "visit", "event_contact"})
"""Kinds that a title or another witness may make more precise."""
NOT_THERE = ("cancelled", "no_show")


def fold_meetings(facts: Sequence[Fact], resolve: Resolver, rules: Rulebook, bench: Workbench) -> list[Draft]:
    """Facts of families ``schedule`` and ``attendance`` to drafts, one an occurrence."""
    found = meetings(occasions(facts, resolve), bench.settings)
    return [_draft(group, resolve, rules, bench) for group in found]


def _draft(group: list[tuple[Occasion, str]], resolve: Resolver, rules: Rulebook, bench: Workbench) -> Draft:
    facts = sorted((fact for occasion, _ in group for fact in occasion.facts), key=richest_first)
    winner = facts[0]
    resolve = by_all_names(facts, resolve)
    living = [fact for fact in facts if not fact.is_void]
    speaking = living or facts
    events = [fact.event for fact in speaking]
    plan = _speaking_plan(events)
    found = presence(living, resolve, plan.ended_at if plan else None)
    seats = _seats(speaking, resolve)
    channel, medium = _channel(events, found, resolve, bench)
    title = first_known([event.subject_text for event in events])
    named_kind, meeting_type = _named(events, rules)
    row = new_row(
        winner,
        winner.event.dedupe_key,
        occurred_at=0,
        ended_at=0,
        channel=channel,
        medium=medium,
        kind=_kind(events, named_kind, medium),
    )
    row.subject_text = title
    row.is_voided = not living
    row.received_at = min(fact.received_at for fact in facts)
    row.revision = max(fact.event.revision for fact in facts)
    row.recorded_at = first_known([event.recorded_at for event in events])
    row.sequence = first_known([event.sequence for event in events])
    row.place = first_known([event.place for event in events])
    row.is_automated = all(event.is_automated for event in events)
    draft = Draft(
        row=row,
        seats=seats,
        actor=acting_seat(seats),
        is_live=True,
        events={},
        account_hint=first_known([bench.directory.known_account(event.account_hint) for event in events]),
        opportunity_hint=first_known([event.opportunity_hint for event in events]),
        stated_direction=first_known([event.direction for event in events]),
        stated_tags=tuple(sorted({tag for event in events for tag in event.tags})),
        explicit_job=first_known([event.explicit_job for event in events]),
        first_line=first_known([event.first_line for event in events]),
        has_question=first_known([event.has_question for event in events]),
        meeting_type=meeting_type,
    )
    draft.text = draft.first_line
    for occasion, rule in group:
        bridge(occasion.facts, "dedupe_key" if occasion.key == winner.event.dedupe_key else rule, draft.events)
    _settle(draft, found, plan or events[0], events, bench)
    party_id = draft.actor.party.party_id if draft.actor else None
    assets = {asset.asset_id: asset for event in events for asset in recognise(bench.assets, event)}
    draft.assets = [AssetTrace(asset, "share", row.occurred_at, party_id) for asset in assets.values()]
    set_assets(draft)
    return draft


def _speaking_plan(events: Sequence[Event]) -> Event | None:
    """Of plans the richest; of several entries' one that tells a time of day goes before one that tells a single date alone."""
    plans: dict[str, Event] = {}
    for event in events:
        if event.family == "schedule":
            plans.setdefault(event.dedupe_key, event)
    return min(plans.values(), key=_is_placeholder, default=None)


def _is_placeholder(plan: Event) -> bool:
    """Whether its time is noon of a day, and says no more than the day."""
    return plan.time_quality == "date_only" and (plan.ended_at or plan.occurred_at) <= plan.occurred_at


def _seats(facts: Sequence[Fact], resolve: Resolver) -> list[Seat]:
    """Everybody whom some report names, once; an organiser keeps that role whoever else calls them an attendee.

    ``attended`` is what invitations say: False for somebody who declined everywhere.
    """
    seats: dict[str, Seat] = {}
    for fact in facts:
        event = fact.event
        for party in event.parties:
            found = resolve(event, party)
            seat = seats.get(found.party_id)
            if seat is None:
                seats[found.party_id] = Seat(found, party.role, found.side, event.source, party.attended)
                continue
            if party.role == "organizer":
                seat.role = "organizer"
            if party.attended or seat.attended is None:
                seat.attended = party.attended
            hear_account(seat, found)
    for fact in facts:
        if fact.event.organizer:
            named = seats.get(resolve(fact.event, Party((fact.event.organizer,), "organizer")).party_id)
            if named is not None:
                named.role = "organizer"
                break
    return [seats[key] for key in sorted(seats)]


def _channel(events: Sequence[Event], found: Presence, resolve: Resolver, bench: Workbench) -> tuple[str, str]:
    """In person if a report puts both sides at one place, even if others dialled in; else as the richest says.

    A place that was only tentative puts nobody there who are known to have been in the call.
    """
    stated = [channel_and_medium(event, "video", bench.settings.phone_call_channel) for event in events]
    is_call = bool(found.people) and not found.is_at_place
    for event, (channel, medium) in zip(events, stated, strict=True):
        if channel == "in_person" and not (is_call and event.status == "scheduled") and _meet(event, resolve):
            return channel, medium
    channel, medium = stated[0]
    precise = next((m for c, m in stated if c == channel and m != MEDIUM_OF_CHANNEL.get(channel)), medium)
    return channel, precise


def _meet(event: Event, resolve: Resolver) -> bool:
    """Whether somebody of ours and of the customer's has not declined, under whichever of their addresses."""
    sides: dict[str, str] = {}
    away: set[str] = set()
    for party in event.parties:
        found = resolve(event, party)
        sides[found.party_id] = found.side
        if party.attended is False:
            away.add(found.party_id)
    coming = {side for who, side in sides.items() if who not in away}
    return "seller" in coming and not coming.isdisjoint(customers(sides.values()))


def _kind(events: Sequence[Event], named: str | None, medium: str) -> str:
    """What a source states precisely, else what the title names, else what a source states at all, else by medium."""
    stated = [event.interaction_kind for event in events if event.interaction_kind]
    precise = next((kind for kind in stated if kind not in GENERIC_KINDS), None)
    return precise or named or first_known(stated) or KIND_OF_MEDIUM.get(medium, "meeting")


def _named(events: Sequence[Event], rules: Rulebook) -> tuple[str | None, str | None]:
    """(kind, meeting type) of the first title that names any: reports often have no better one than "Sam's meeting"."""
    for event in events:
        kind, meeting_type = rules.meeting_kind(event.subject_text)
        if kind is not None or meeting_type is not None:
            return kind, meeting_type
    return None, None


def _settle(draft: Draft, found: Presence, plan: Event, events: Sequence[Event], bench: Workbench) -> None:
    """Status, interval and attendance: from presence where it is known, else from the plan."""
    row = draft.row
    planned = (plan.occurred_at, max(plan.ended_at or plan.occurred_at, plan.occurred_at))
    row.occurred_at, row.ended_at = planned
    row.time_quality = plan.time_quality
    if row.is_voided:
        row.status = "cancelled"
        if plan.family == "schedule":
            row.time_quality = _estimated(row.time_quality)
    elif _is_visit(draft, found, plan, events, bench):
        _settle_by_plan(draft, events, bench)
        _mark_present(draft, found)
    elif found.people:
        _settle_by_presence(draft, found, planned if plan.family == "schedule" else None, bench)
    else:
        # when a room was open tells nothing of a visit, if nobody is known to have been in it
        if found.bounds is not None and (found.is_at_place or row.channel != "in_person"):
            row.occurred_at, row.ended_at = found.bounds
        _settle_by_plan(draft, events, bench)
    if (
        row.status == "held"
        and draft.actor is not None
        and (draft.actor.attended is False or draft.actor.side == "system")
    ):
        draft.actor = None  # who called a meeting and stayed away did not act in it, and a booking tool never does
    row.duration_seconds = (row.ended_at - row.occurred_at) // SECOND


def _is_visit(draft: Draft, found: Presence, plan: Event, events: Sequence[Event], bench: Workbench) -> bool:
    """A plan for a place that has come off, of which the reports tell only who dialled in."""
    return (
        draft.row.channel == "in_person"
        and draft.row.medium != "trade_event"
        and plan.family == "schedule"
        and not found.is_at_place
        and bool(found.people)
        and _has_come_off(draft, [event for event in events if event.family == "schedule"], bench)
    )


def _mark_present(draft: Draft, found: Presence) -> None:
    """The times of those whom a report names; who has none is as the plan says."""
    for seat in draft.seats:
        intervals = found.people.get(seat.party.party_id)
        if intervals:
            seat.attended, seat.joined_at, seat.left_at = True, intervals[0][0], intervals[-1][1]
            seat.attended_seconds = length(intervals) // SECOND


def _settle_by_presence(draft: Draft, found: Presence, planned: tuple[int, int] | None, bench: Workbench) -> None:
    row = draft.row
    for seat in draft.seats:
        seat.attended = False
    _mark_present(draft, found)
    together = both_sides(found, {seat.party.party_id: seat.side for seat in draft.seats})
    least = 0 if row.channel == "in_person" else bench.settings.min_meeting_overlap
    has_outsider = any(seat.side not in OURS for seat in draft.seats)
    if together and length(together) >= least:
        row.status, row.time_quality = "held", "source"
        row.occurred_at, row.ended_at = together[0][0], together[-1][1]
    elif row.medium == "trade_event" and has_outsider and any(s.attended for s in draft.seats if s.side not in OURS):
        # a badge scan names the visitor; the stand is our side of it
        row.status = "held"
        row.occurred_at, row.ended_at = found.bounds or (row.occurred_at, row.ended_at)
    else:
        row.status = "no_show" if has_outsider else "held"
        row.occurred_at, row.ended_at = planned or found.bounds or (row.occurred_at, row.ended_at)
        if planned is not None:
            row.time_quality = _estimated(row.time_quality)


def _settle_by_plan(draft: Draft, events: Sequence[Event], bench: Workbench) -> None:
    """Nobody reported who was there: a plan stays a plan, unless its source says it was held, or it was at a place.

    An entry for a place whose time has passed and that neither side declined is taken as held, its times as estimated;
    not if all that is said of it is that it was tentative (``scheduled``).
    """
    row = draft.row
    stated = first_known(event.status for event in events if event.status != "scheduled")
    if stated is not None and stated != "held":
        row.status = stated
    elif stated == "held":
        row.status = "held"
    elif _has_come_off(draft, events, bench):
        row.status, row.time_quality = "held", _estimated(row.time_quality)
    else:
        row.status, row.time_quality = "scheduled", _estimated(row.time_quality)
    for seat in draft.seats:
        if row.status == "held":
            seat.attended = seat.attended is not False
        elif row.status in NOT_THERE:
            seat.attended = False


def _has_come_off(draft: Draft, events: Sequence[Event], bench: Workbench) -> bool:
    return (
        draft.row.channel == "in_person"
        and draft.row.ended_at <= bench.as_of
        and any(event.status is None for event in events)
        and _neither_side_declined(draft)
    )


def _estimated(quality: str) -> str:
    # a date without a time is a coarser estimate than a schedule
    return quality if quality == "date_only" else "estimated"


def _neither_side_declined(draft: Draft) -> bool:
    coming = {seat.side for seat in draft.seats if seat.attended is not False}
    return "seller" in coming and not coming.isdisjoint(customers(seat.side for seat in draft.seats))


def as_attended(seat: Seat) -> Seat:
    """The seat with its role and attendance in the resolved party too, where account rules look for them."""
    if seat.party.role == seat.role and seat.party.attended == seat.attended:
        return seat
    return msgspec.structs.replace(
        seat, party=msgspec.structs.replace(seat.party, role=seat.role, attended=seat.attended)
    )
