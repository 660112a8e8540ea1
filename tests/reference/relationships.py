"""A slow reference of ``mart_relationship`` (semantics 5.7)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from reference.deal_facts import (
    DAY,
    DealFacts,
    Row,
    dialogue_ratio,
    is_buyer_evidence,
    is_cocreation,
    put_trust,
)


def relationships(facts: DealFacts) -> list[dict[str, Any]]:
    """Rows of the mart: every account over the window that ends at as_of."""
    start = facts.as_of - facts.settings.relationship.window_days * DAY
    rows = []
    for account_id in facts.accounts:
        touchpoints = [t for t in facts.touchpoints_of_account(account_id) if start <= t.occurred_at <= facts.as_of]
        row = {"account_id": account_id, "as_of_date": facts.local_day(facts.as_of)}
        _put_counts(row, facts, account_id, touchpoints)
        _put_type(row, facts)
        put_trust(row, touchpoints)
        rows.append(row)
    return rows


def _put_counts(row: dict[str, Any], facts: DealFacts, account_id: str, touchpoints: list[Row]) -> None:
    evidence = [t for t in touchpoints if is_buyer_evidence(t)]
    group = facts.group_of_account[account_id]
    engaged = [p for t in evidence for p in facts.engaged(t, account_id, group)]
    row["human_touch_count"] = len([t for t in touchpoints if t.direction != "self_serve"])
    row["engaged_contacts"] = len({p.party_id for p in engaged})
    row["engaged_executives"] = len({p.party_id for p in engaged if p.is_executive})
    row["engaged_sellers"] = len(_engaged_sellers(touchpoints))
    row["mutual_count"] = len([t for t in touchpoints if t.direction == "mutual"])
    row["delivered_asset_count"] = len({share.asset_type for share in facts.deliveries(touchpoints)})
    row["cocreation_evidence_count"] = len([t for t in touchpoints if is_cocreation(t)])
    row["dialogue_ratio"] = dialogue_ratio(touchpoints)
    days = {facts.local_day(t.occurred_at) for t in evidence}
    today = facts.local_day(facts.as_of)
    months, weeks = {_month(day) for day in days}, {_monday(day) for day in days}
    row["active_month_count"] = len([month for month in months if month > _month(today) - 6])
    row["active_week_count"] = len([week for week in weeks if week > _monday(today) - timedelta(weeks=12)])


def _engaged_sellers(touchpoints: list[Row]) -> set[str]:
    """Our people who wrote, came, or waited for a buyer who did not come; those too whom the directory does not have."""
    found = set()
    for touchpoint in touchpoints:
        if touchpoint.direction not in ("outbound", "mutual"):
            continue
        if touchpoint.actor_side == "seller":
            found.add(touchpoint.actor_party_id)
        for p in touchpoint.participants:
            waited = touchpoint.direction == "outbound" and p.participation_role == "attendee"
            if p.side == "seller" and (p.participation_role == "actor" or p.attended or waited):
                found.add(p.party_id)
    return found


def _month(day: date) -> int:
    """Months since the year 0."""
    return day.year * 12 + day.month


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _put_type(row: dict[str, Any], facts: DealFacts) -> None:
    """The first type whose tests all hold, and how each test went."""
    least = facts.settings.relationship
    enough = row["human_touch_count"] >= least.min_touches
    partnering = {
        "contacts": row["engaged_contacts"] >= least.partnering_contacts,
        "executives": row["engaged_executives"] >= least.partnering_executives,
        "sellers": row["engaged_sellers"] >= least.partnering_sellers,
        "cocreation": row["cocreation_evidence_count"] >= least.partnering_cocreation,
        "dialogue": (row["dialogue_ratio"] or 0) >= least.partnering_dialogue_ratio,
        "months": row["active_month_count"] >= least.partnering_months,
    }
    value_added = {
        "contacts": row["engaged_contacts"] >= least.value_added_contacts,
        "mutual": row["mutual_count"] >= least.value_added_mutual,
        "assets": row["delivered_asset_count"] >= least.value_added_assets,
        "weeks": row["active_week_count"] >= least.value_added_weeks,
    }
    if not enough:
        row["relationship_type"] = "insufficient_evidence"
    elif all(partnering.values()):
        row["relationship_type"] = "partnering"
    elif all(value_added.values()):
        row["relationship_type"] = "value_added"
    else:
        row["relationship_type"] = "transactional"
    tests = {"touchpoints": enough}
    tests |= {f"partnering {name}": passed for name, passed in partnering.items()}
    tests |= {f"value_added {name}": passed for name, passed in value_added.items()}
    row["relationship_basis"] = [f"{name}: {'passed' if passed else 'failed'}" for name, passed in tests.items()]
