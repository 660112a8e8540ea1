"""A slow reference of DART over the life of a deal (semantics 5.6)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from reference.deal_facts import (
    Deal,
    DealFacts,
    Row,
    dialogue_ratio,
    is_buyer_evidence,
    is_human_message,
    is_plan_update,
    is_seller_touch,
)
from reference.scope import share

RISK_ASSETS = {"security_pack", "roi_model", "customer_reference", "contract_terms"}
TRADE_OFFS = {"competition_sheet", "limitations_note"}


def put_dart(row: dict[str, Any], facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> None:
    """The four dimensions with the number of their items, the index, and the two items that the mart has in columns of their own."""
    needs = [n for n in facts.needs if n.opportunity_id == deal.opportunity_id]
    delivered = {share.asset_type for share in facts.deliveries(touchpoints)}
    _put_role_coverage(row, facts, deal, touchpoints)
    settled = [n for n in needs if n.outcome != "open"]
    in_time = [n for n in settled if n.outcome in ("already_had", "on_time")]
    row |= share("enablement_on_time_share", len(in_time), len(settled))
    dimensions = {
        "dialogue": [
            dialogue_ratio(touchpoints),
            _response_rate(facts, deal),
            _reciprocated_threads(touchpoints),
            _answered_questions(facts, deal, touchpoints),
        ],
        "access": [
            _answered_channels(facts, deal, touchpoints),
            any(_is_hands_on(t) for t in touchpoints),
            row["role_coverage"],
            _share(
                len({n.needed_asset_type for n in needs if n.delivered_at}), len({n.needed_asset_type for n in needs})
            ),
        ],
        "risk": [
            len(delivered & RISK_ASSETS) / len(RISK_ASSETS),
            any(is_buyer_evidence(t) and t.buying_job == "validation" for t in touchpoints),
            bool(delivered & TRADE_OFFS),
            _owned_risks(facts, deal),
        ],
        "transparency": [
            _price_disclosed(facts, deal, touchpoints),
            _plan_score(facts, deal, touchpoints),
            row["enablement_on_time_share"],
            _followed_meetings(facts, touchpoints),
        ],
    }
    for name, items in dimensions.items():
        known = [float(item) for item in items if item is not None]
        row[f"dart_{name}_n_items"] = len(known)
        row[f"dart_{name}"] = sum(known) / len(known) if len(known) >= 2 else None
    means = [row[f"dart_{name}"] for name in dimensions]
    row["dart_index"] = None if None in means else sum(means) / 4


def _share(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None


def _put_role_coverage(row: dict[str, Any], facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> None:
    """M10r: required roles with an engaged holder, of the required roles."""
    engaged = {
        p.person_id for t in touchpoints if is_buyer_evidence(t) for p in facts.engaged_in_deal(deal, t) if p.person_id
    }
    held = {member.buyer_role for member in facts.group_at_end(deal) if member.person_id in engaged}
    required = set(facts.settings.coverage.required_roles)
    row |= share("role_coverage", len(held & required), len(required) if any(facts.group_of_deal.values()) else 0)


def _response_rate(facts: DealFacts, deal: Deal) -> float | None:
    """M8r: answered within H, of the episodes that were answered or whose H is over; at a close by what had happened until then."""
    settled = within = 0
    for wait in facts.responses:
        if wait.opportunity_id != deal.opportunity_id or not deal.has_seen(wait.asked_at):
            continue
        is_answered = wait.answer_touchpoint_id is not None and deal.has_seen(wait.answered_at)
        is_over = wait.due_at < deal.seen_until if deal.is_closed else wait.is_due
        settled += is_answered or is_over
        within += bool(is_answered and wait.is_within_horizon)
    return _share(within, settled)


def _reciprocated_threads(touchpoints: list[Row]) -> float | None:
    """M9t: threads with both sides, of all threads."""
    sides = defaultdict(set)
    for touchpoint in touchpoints:
        if is_human_message(touchpoint):
            sides[touchpoint.thread_id or touchpoint.touchpoint_id].add(touchpoint.direction)
    return _share(len([thread for thread in sides.values() if len(thread) == 2]), len(sides))


def _answered_questions(facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> float | None:
    """Questions that a person of ours ever answered: somebody reached the asker later, and not after the end."""
    questions = [t for t in touchpoints if t.direction in ("inbound", "self_serve") and t.is_question and not t.is_ack]
    answered = [q for q in questions if any(_answers(x, q) for x in facts.in_order if deal.has_seen(x.occurred_at))]
    return _share(len(answered), len(questions))


def _answers(touchpoint: Row, question: Row) -> bool:
    is_later = (touchpoint.occurred_at, touchpoint.touchpoint_id) > (question.occurred_at, question.touchpoint_id)
    if not is_later or not is_seller_touch(touchpoint):
        return False
    if question.account_id not in touchpoint.accounts:
        return False
    return any(
        p.party_id == question.actor_party_id
        and p.side not in ("seller", "system")
        and (touchpoint.direction == "outbound" or p.attended is not False)
        for p in touchpoint.participants
    )


def _answered_channels(facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> float | None:
    """M2: channels that the buyer began on and was answered on, of the channels that the buyer began on."""
    mine = {t.touchpoint_id for t in touchpoints}
    begun, answered = set(), set()
    for followup in facts.followups:
        if followup.touchpoint_id not in mine or followup.account_id != deal.account_id:
            continue
        begun.add(followup.channel)
        if followup.is_answered_same_channel:
            answer = facts.touchpoints[followup.same_channel_answer_id]
            if deal.has_seen(answer.occurred_at):
                answered.add(followup.channel)
    return _share(len(answered), len(begun))


def _is_hands_on(touchpoint: Row) -> bool:
    return touchpoint.interaction_kind in ("demo", "workshop") or "trial" in (touchpoint.tags or [])


def _plan_items(facts: DealFacts, deal: Deal) -> list[Row]:
    return [
        s
        for s in facts.steps
        if s.basis == "plan_item" and s.opportunity_id == deal.opportunity_id and deal.has_seen(s.occurred_at)
    ]


def _owned_risks(facts: DealFacts, deal: Deal) -> float:
    """Items marked as a risk with an owner of the buyer's, of those marked, as the last revisions tell; without any 0."""
    last: dict[str, Row] = {}
    for item in sorted(_plan_items(facts, deal), key=lambda item: item.revision):
        last[item.step_id] = item
    risks = [item for item in last.values() if item.is_risk and not item.is_removed]
    return _share(len([item for item in risks if item.owner_side == "buyer"]), len(risks)) or 0.0


def _price_disclosed(facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> bool:
    """By five business days after the first visit of supplier selection; without one, ever."""
    prices = [s.occurred_at for s in facts.deliveries(touchpoints) if s.asset_type == "pricing_proposal"]
    selections = [
        v.started_at
        for v in facts.visits[deal.opportunity_id]
        if v.buying_job == "supplier_selection" and deal.has_seen(v.started_at)
    ]
    if not selections:
        return bool(prices)
    deadline = facts.business_deadline(min(selections), 5)
    return any(price <= deadline for price in prices)


def _plan_score(facts: DealFacts, deal: Deal, touchpoints: list[Row]) -> float:
    """No plan 0, one that was sent or shown 0.5, one that both sides edited 1."""
    items = _plan_items(facts, deal)
    updates = [t for t in touchpoints if is_plan_update(t)]
    editors = {t.actor_side for t in updates} | {item.told_by_side for item in items}
    if {"buyer", "seller"} <= editors:
        return 1.0
    shown = [t for t in touchpoints if "mutual_action_plan" in (t.asset_types or []) or "plan_shown" in (t.tags or [])]
    return 0.5 if items or updates or shown else 0.0


def _followed_meetings(facts: DealFacts, touchpoints: list[Row]) -> float | None:
    """Mutual touchpoints after which a message went to somebody who was there within two business days."""
    meetings = [t for t in touchpoints if t.direction == "mutual"]
    messages = [
        t for t in touchpoints if t.direction == "outbound" and t.channel in ("email", "chat") and is_seller_touch(t)
    ]
    followed = 0
    for meeting in meetings:
        present = {p.party_id for p in meeting.participants if p.side == "buyer" and p.attended is not False}
        deadline = facts.business_deadline(meeting.ended_at, 2)
        followed += any(
            meeting.ended_at <= message.occurred_at <= deadline and present & {p.party_id for p in message.participants}
            for message in messages
        )
    return _share(followed, len(meetings))
