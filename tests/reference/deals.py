"""A slow reference of ``mart_opportunity_coverage``: the people of a deal (M10 to M12), its enablement (M14) and DART."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from reference.dart import put_dart
from reference.deal_facts import (
    DAY,
    Deal,
    DealFacts,
    Row,
    days_between,
    is_buyer_evidence,
    is_cocreation,
    is_human_message,
    put_trust,
)
from reference.scope import share

WEEK = timedelta(days=7)
LANDMARK = timedelta(days=30)
MODALITIES = {
    "in_person_count": "in_person",
    "remote_human_count": "remote_human",
    "digital_count": "digital_self_serve",
}


def opportunity_coverage(facts: DealFacts) -> list[dict[str, Any]]:
    """Rows of the mart: every deal."""
    first_seen = _first_seen(facts)
    return [_coverage(facts, deal, first_seen) for deal in facts.deals]


def _coverage(facts: DealFacts, deal: Deal, first_seen: dict[tuple[str, str], str]) -> dict[str, Any]:
    touchpoints = facts.seen_by(deal, deal.seen_until)
    row: dict[str, Any] = {"opportunity_id": deal.opportunity_id, "account_id": deal.account_id}
    _put_contacts(row, facts, deal, touchpoints)
    _put_executive(row, facts, deal, touchpoints)
    _put_champion(row, facts, deal, touchpoints, first_seen)
    put_dart(row, facts, deal, touchpoints)
    row["cocreation_evidence_count"] = len([t for t in touchpoints if is_cocreation(t)])
    for name, modality in MODALITIES.items():
        row[name] = len([t for t in touchpoints if t.modality == modality])
    row["visit_count"] = len([v for v in facts.visits[deal.opportunity_id] if deal.has_seen(v.started_at)])
    row["loop_count"] = len([x for x in facts.loops[deal.opportunity_id] if deal.has_seen(x.returned_at)])
    is_in_dollars = deal.amount is not None and deal.currency == "USD"
    row["is_large_deal"] = deal.amount >= facts.settings.coverage.large_deal_amount if is_in_dollars else None
    put_trust(row, touchpoints)
    return row


def _cycle(deal: Deal) -> timedelta:
    """How long the deal has lived; nothing where it is opened later, or closed nobody knows when."""
    return max(deal.seen_until - deal.opened_at, timedelta(0)) if deal.seen_until else timedelta(0)


def _put_contacts(row: dict[str, Any], facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> None:
    """M10, section 5.4: who was engaged, how many of the known group, and how evenly."""
    window = facts.settings.coverage.single_thread_window_days * DAY
    touches_of: Counter[str] = Counter()
    in_window = set()
    for touchpoint in touchpoints:
        if not is_buyer_evidence(touchpoint):
            continue
        people = {p.party_id for p in facts.engaged_in_deal(deal, touchpoint)}
        touches_of.update(people)
        if deal.is_closed or touchpoint.occurred_at > deal.seen_until - window:
            in_window |= people
    members = {member.person_id for member in facts.group_at_end(deal)}
    row["engaged_contacts"] = len(touches_of)
    row["is_single_threaded"] = len(in_window) <= 1 if deal.seen_until else None
    row |= share("contact_coverage", len(members & set(touches_of)), len(members))
    row["effective_threads"] = None
    if touches_of:
        portions = [count / sum(touches_of.values()) for count in touches_of.values()]
        row["effective_threads"] = math.exp(-sum(portion * math.log(portion) for portion in portions))


def _put_executive(row: dict[str, Any], facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> None:
    """M11, section 5.4: when an executive was first engaged, and whether before a supplier was selected."""
    times = [
        t.occurred_at
        for t in touchpoints
        if is_buyer_evidence(t) and any(p.is_executive for p in facts.engaged_in_deal(deal, t))
    ]
    first = min(times, default=None)
    selections = [
        v.started_at
        for v in facts.visits[deal.opportunity_id]
        if v.buying_job == "supplier_selection" and deal.has_seen(v.started_at)
    ]
    cycle = _cycle(deal)
    row["exec_first_engaged_at"] = first
    row["exec_first_engaged_days"] = days_between(deal.opened_at, first) if first else None
    row["exec_first_engaged_share_of_cycle"] = None
    if first and deal.is_closed and cycle > timedelta(0):
        row["exec_first_engaged_share_of_cycle"] = max(0.0, (first - deal.opened_at) / cycle)
    row["exec_before_supplier_selection"] = first is not None and (not selections or first < min(selections))
    row["exec_engaged_by_day_30"] = None
    if cycle >= LANDMARK:
        row["exec_engaged_by_day_30"] = first is not None and first <= deal.opened_at + LANDMARK


def _put_champion(
    row: dict[str, Any], facts: DealFacts, deal: Deal, touchpoints: list[Row], first_seen: dict[tuple[str, str], str]
) -> None:
    """M12, section 5.4: weeks, silence, reciprocity and evidence of the champion."""
    active = [t for t in touchpoints if is_buyer_evidence(t) and _champions(facts.engaged_in_deal(deal, t))]
    last_at = max((t.ended_at for t in active), default=None)
    blocks = math.ceil(_cycle(deal) / WEEK)
    active_blocks = {_block(t.occurred_at, deal.opened_at, blocks) for t in active} - {None}
    row |= share("champion_active_week_share", len(active_blocks), blocks)
    row["champion_silence_days"] = days_between(last_at, deal.seen_until) if last_at else None
    _put_reciprocity(row, touchpoints)
    brought = _brought(facts, deal, touchpoints, first_seen)
    row["champion_evidence_count"] = len(brought) + len(_reported_steps(facts, deal, active))


def _champions(participants: list[Row]) -> list[Row]:
    return [p for p in participants if p.side == "buyer" and "champion" in (p.buyer_roles or [])]


def _block(moment: datetime, opened_at: datetime, blocks: int) -> int | None:
    """M12: which 7-day block from the opening; the very end belongs to the last one, and what was before the opening to none."""
    if moment < opened_at or not blocks:
        return None
    return min((moment - opened_at) // WEEK, blocks - 1)


def _put_reciprocity(row: dict[str, Any], touchpoints: list[Row]) -> None:
    """M12: messages that a champion wrote by messages that reached one."""
    messages = [t for t in touchpoints if is_human_message(t)]
    written = [
        t
        for t in messages
        if t.direction == "inbound" and any(p.participation_role == "actor" for p in _champions(t.participants))
    ]
    reached = [t for t in messages if t.direction == "outbound" and _champions(t.participants)]
    row["champion_inbound_count"], row["champion_outbound_count"] = len(written), len(reached)
    row["champion_reciprocity"] = len(written) / len(reached) if reached else None


def _first_seen(facts: DealFacts) -> dict[tuple[str, str], str]:
    """By account and person of the buyer: the touchpoint in which the account first showed that person."""
    found: dict[tuple[str, str], str] = {}
    for touchpoint in facts.in_order:
        for participant in touchpoint.participants:
            if participant.side == "buyer" and participant.attended is not False:
                for account_id in touchpoint.accounts:
                    found.setdefault((account_id, participant.party_id), touchpoint.touchpoint_id)
    return found


def _brought(facts: DealFacts, deal: Deal, touchpoints: list[Row], first_seen: dict[tuple[str, str], str]) -> set[str]:
    """M12: people new to the account in a touchpoint where a champion took part."""
    brought = set()
    for touchpoint in touchpoints:
        champions = {p.party_id for p in _champions(facts.engaged_in_deal(deal, touchpoint))}
        if not champions:
            continue
        for p in touchpoint.participants:
            is_there = p.side == "buyer" and p.attended is not False and p.party_id not in champions
            is_new = first_seen.get((deal.account_id, p.party_id)) == touchpoint.touchpoint_id
            if is_there and is_new and facts.is_own(p, deal.account_id, facts.group_ever(deal)):
                brought.add(p.party_id)
    return brought


def _reported_steps(facts: DealFacts, deal: Deal, active: list[Row]) -> set[str]:
    """M12, section 8: internal steps that a champion reported, and the buyer's plan items that one told of, each once."""
    champions = {t.touchpoint_id: {p.party_id for p in _champions(facts.engaged_in_deal(deal, t))} for t in active}
    return {
        step.step_id
        for step in facts.steps
        if step.touchpoint_id in champions
        and (
            step.told_by_party_id in champions[step.touchpoint_id]
            if step.basis == "reported"
            else (step.owner_side or step.told_by_side) == "buyer"
        )
    }
