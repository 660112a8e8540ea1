"""A slow reference of ``mart_transition_matrix`` (semantics 4.5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from reference.deal_facts import DealFacts, Row, put_trust

LOW_EVIDENCE = 0.4


def transition_matrix(facts: DealFacts) -> list[dict[str, Any]]:
    """Rows of the mart: how often each state follows each, from START to what became of the deal, in all journeys and by segment."""
    cells: Counter[tuple[str, str, str, str]] = Counter()
    leaving: Counter[tuple[str, str, str]] = Counter()
    inputs: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for journey in _journeys(facts):
        for segment in _segments(facts, journey):
            inputs[journey.scope, segment] += journey.touchpoints
            for from_state, to_state in journey.steps:
                cells[journey.scope, from_state, to_state, segment] += 1
                leaving[journey.scope, from_state, segment] += 1
    rows = []
    for (scope, from_state, to_state, segment), n in cells.items():
        row_total = leaving[scope, from_state, segment]
        row: dict[str, Any] = {
            "journey_scope": scope,
            "from_state": from_state,
            "to_state": to_state,
            "segment": segment,
            "n": n,
            "row_total": row_total,
            "probability": n / row_total if row_total >= facts.settings.coverage.transition_min_row else None,
        }
        put_trust(row, inputs[scope, segment])
        share = row["unclassified_share"]
        row["low_evidence"] = None if share is None else share > LOW_EVIDENCE
        rows.append(row)
    return rows


def _journeys(facts: DealFacts) -> list[Row]:
    """Journeys with a visit: their deal or account, their touchpoints and their steps; a return to the same job is none."""
    visits: dict[str, list[Row]] = defaultdict(list)
    for visit in sorted(facts.rows("fact_visit"), key=lambda visit: visit.visit_no):
        visits[visit.journey_id].append(visit)
    journeys = []
    for of_journey in visits.values():
        first = of_journey[0]
        deal = facts.deal_of[first.opportunity_id] if first.journey_scope == "opportunity" else None
        jobs = [visit.buying_job for visit in of_journey]
        states = ["START", *jobs, deal.status.upper() if deal else "OPEN"]
        steps = [(a, b) for a, b in pairwise(states) if a != b]
        touchpoints = deal.touchpoints if deal else facts.touchpoints_of_account(first.account_id)
        journeys.append(
            Row(scope=first.journey_scope, account_id=first.account_id, deal=deal, steps=steps, touchpoints=touchpoints)
        )
    return journeys


def _segments(facts: DealFacts, journey: Row) -> list[str]:
    """All, and those of ``coverage.transition_segments`` that can be told of the journey."""
    kinds, deal = facts.settings.coverage.transition_segments, journey.deal
    segments = ["all"]
    if "country" in kinds:
        segments.append(f"country={facts.accounts[journey.account_id].country or 'unknown'}")
    if deal and "outcome" in kinds:
        segments.append(f"outcome={deal.status}")
    if deal and "deal_size" in kinds:
        if deal.amount is None or deal.currency != "USD":
            segments.append("deal_size=unknown")
        else:
            is_large = deal.amount >= facts.settings.coverage.large_deal_amount
            segments.append("deal_size=large" if is_large else "deal_size=standard")
    return segments
