"""A slow reference of M15, the named signals of risk (semantics 5.8): of open deals at as_of, of closed ones at their landmark."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import Any

from reference.deal_facts import (
    DAY,
    Deal,
    DealFacts,
    Row,
    days_between,
    is_buyer_evidence,
    is_seller_touch,
    put_trust,
)

RECENTLY = timedelta(days=60)


def deal_risk(facts: DealFacts) -> list[dict[str, Any]]:
    """Rows of ``mart_deal_risk``: deals that are open at as_of."""
    rows = []
    for deal in facts.deals:
        if deal.status == "open" and deal.opened_at <= facts.as_of:
            row = {"opportunity_id": deal.opportunity_id, "as_of_date": facts.local_day(facts.as_of)}
            _put_signals(row, facts, deal, facts.as_of, at_landmark=False)
            rows.append(row)
    return rows


def deal_landmark(facts: DealFacts) -> list[dict[str, Any]]:
    """Rows of ``mart_deal_landmark``: won and lost deals that were open so many days before their close."""
    rows = []
    for deal in facts.deals:
        if not deal.is_closed or deal.closed_at is None:
            continue
        landmark_at = deal.closed_at - facts.settings.coverage.signal_landmark_days * DAY
        if deal.opened_at <= landmark_at:
            row = {
                "opportunity_id": deal.opportunity_id,
                "account_id": deal.account_id,
                "status": deal.status,
                "closed_at": deal.closed_at,
                "landmark_at": landmark_at,
            }
            _put_signals(row, facts, deal, landmark_at, at_landmark=True)
            rows.append(row)
    return rows


def _put_signals(row: dict[str, Any], facts: DealFacts, deal: Deal, now: datetime, *, at_landmark: bool) -> None:
    touchpoints = facts.seen_by(deal, now)
    evidence = [t for t in touchpoints if is_buyer_evidence(t)]
    tests = {
        "buyer_silent": _buyer_silent(facts, deal, evidence, now),
        "no_next_step": not _has_next_step(facts, deal, now, at_landmark=at_landmark),
        "spinning": _spinning(facts, deal, now),
        "single_threaded": _single_threaded(facts, deal, evidence, now),
        "exec_absent": _exec_absent(facts, deal, evidence, now),
        "validation_or_consensus_missing": _validation_or_consensus_missing(facts, deal, now),
        "ghosted": _ghosted(touchpoints, evidence, now),
        "unmet_need": any(_is_unmet(n, now) for n in facts.needs if n.opportunity_id == deal.opportunity_id),
    }
    row["signals"] = [name for name, holds in tests.items() if holds]
    row["signal_count"] = len(row["signals"])
    row["risk_level"] = "low" if row["signal_count"] <= 1 else "medium" if row["signal_count"] <= 3 else "high"
    put_trust(row, touchpoints)


def _buyer_silent(facts: DealFacts, deal: Deal, evidence: list[Row], now: datetime) -> bool:
    """Longer without buyer evidence than the days of silence, and than twice the median gap; without any, since the opening."""
    gaps = []
    heard_until = None
    for touchpoint in evidence:
        if heard_until is not None:
            gaps.append(max(0.0, days_between(heard_until, touchpoint.occurred_at)))
        heard_until = touchpoint.ended_at if heard_until is None else max(heard_until, touchpoint.ended_at)
    silence = days_between(heard_until or deal.opened_at, now)
    return silence > max(facts.settings.coverage.silence_days, 2 * median(gaps) if gaps else 0)


def _has_next_step(facts: DealFacts, deal: Deal, now: datetime, *, at_landmark: bool) -> bool:
    """A meeting planned for later with the account, and not for another of its deals."""
    for touchpoint in facts.touchpoints.values():
        if deal.account_id not in touchpoint.accounts or touchpoint.occurred_at <= now:
            continue
        if touchpoint.channel in ("email", "chat", "app"):
            continue
        is_of_other_deal = touchpoint.opportunity_id not in (None, deal.opportunity_id)
        if is_of_other_deal and touchpoint.account_id == deal.account_id:
            continue
        if _was_planned(touchpoint, now) if at_landmark else _is_planned(touchpoint):
            return True
    return False


def _is_planned(touchpoint: Row) -> bool:
    """Scheduled, and neither all of the buyer's people nor all of ours have declined."""
    if touchpoint.status != "scheduled" or touchpoint.is_voided:
        return False
    for side in ("buyer", "seller"):
        answers = [p.attended for p in touchpoint.participants if p.side == side]
        if answers and all(attended is False for attended in answers):
            return False
    return True


def _was_planned(touchpoint: Row, now: datetime) -> bool:
    """By the last calendar entry of it that had been written by then."""
    entries = [
        e for e in touchpoint.events if e.family == "schedule" and e.recorded_at is not None and e.recorded_at <= now
    ]
    if not entries:
        return False
    last = max(entries, key=lambda e: (e.recorded_at, e.revision, e.event_id))
    return not last.is_void and last.status != "cancelled"


def _spinning(facts: DealFacts, deal: Deal, now: datetime) -> bool:
    """loop_rate of the last 60 days is 0.5 or more, and no core job was visited for the first time in the last 30."""
    visits = [v for v in facts.visits[deal.opportunity_id] if v.started_at <= now]
    recent = [v for v in visits if v.started_at > now - RECENTLY]
    loops = [x for x in facts.loops[deal.opportunity_id] if now - RECENTLY < x.returned_at <= now]
    if len(recent) < 2 or len(loops) / (len(recent) - 1) < 0.5:
        return False
    first_at: dict[str, datetime] = {}
    for visit in visits:
        if visit.buying_job not in facts.settings.journeys.always_on_jobs:
            first_at.setdefault(visit.buying_job, visit.started_at)
    return all(first < now - 30 * DAY for first in first_at.values())


def _single_threaded(facts: DealFacts, deal: Deal, evidence: list[Row], now: datetime) -> bool:
    since = now - facts.settings.coverage.single_thread_window_days * DAY
    recent = [t for t in evidence if t.ended_at >= since]
    return len({p.party_id for t in recent for p in facts.engaged_in_deal(deal, t)}) <= 1


def _exec_absent(facts: DealFacts, deal: Deal, evidence: list[Row], now: datetime) -> bool:
    """No executive engaged, and older than half of the median cycle of what had been won by then."""
    if any(p.is_executive for t in evidence for p in facts.engaged_in_deal(deal, t)):
        return False
    cycles = [
        days_between(d.opened_at, d.closed_at)
        for d in facts.deals
        if d.crm_status == "won" and d.closed_at is not None and d.closed_at <= now
    ]
    return bool(cycles) and days_between(deal.opened_at, now) > median(cycles) / 2


def _validation_or_consensus_missing(facts: DealFacts, deal: Deal, now: datetime) -> bool:
    jobs = {v.buying_job for v in facts.visits[deal.opportunity_id] if v.started_at <= now}
    return "supplier_selection" in jobs and not {"validation", "consensus_creation"} <= jobs


def _ghosted(touchpoints: list[Row], evidence: list[Row], now: datetime) -> bool:
    """Two or more of ours in a row since the buyer's last, the oldest of them seven days old."""
    heard_at = max((t.occurred_at for t in evidence), default=None)
    unanswered = [
        t.occurred_at
        for t in touchpoints
        if t.direction == "outbound" and is_seller_touch(t) and (heard_at is None or t.occurred_at > heard_at)
    ]
    return len(unanswered) >= 2 and now - min(unanswered) >= 7 * DAY


def _is_unmet(need: Row, now: datetime) -> bool:
    """Asked by then, not delivered by then, and overdue."""
    if need.first_asked_at > now or need.outcome == "already_had":
        return False
    if need.delivered_at is not None and need.delivered_at <= now:
        return False
    return need.overdue_at < now
