"""DART (semantics 5.6) of deals and of accounts by period: the same rules over two kinds of scope, each written once.

A *unit* is what a row of DART is of: a deal, whose one period is its lifetime, or an account in one of its periods. The items that
are coverage metrics (M2, M8r, M9, M9t) come from where these are measured; ``base_dart_*`` measure the others for all units at once.
"""

from __future__ import annotations

TRACES = {
    "hands_on": "kind IN ('demo', 'workshop') OR list_contains(tags, 'trial')",
    "buyer_validation": "direction <> 'outbound' AND job = 'validation'",
    "plan": "is_plan(kind, tags) OR list_contains(tags, 'plan_shown') OR list_contains(asset_types, 'mutual_action_plan')",
    "plan_by_buyer": "is_plan(kind, tags) AND actor_side = 'buyer'",
    "plan_by_seller": "is_plan(kind, tags) AND actor_side = 'seller'",
    "security_pack": "is_ours(direction, actor_side) AND list_contains(asset_types, 'security_pack')",
    "roi_model": "is_ours(direction, actor_side) AND list_contains(asset_types, 'roi_model')",
    "customer_reference": "is_ours(direction, actor_side) AND list_contains(asset_types, 'customer_reference')",
    "contract_terms": "is_ours(direction, actor_side) AND list_contains(asset_types, 'contract_terms')",
    "trade_offs": "is_ours(direction, actor_side) AND list_has_any(asset_types, ['competition_sheet', 'limitations_note'])",
    "price": "is_ours(direction, actor_side) AND list_contains(asset_types, 'pricing_proposal')",
    "question": "coalesce(is_question, false)",
}
"""What one touchpoint may be a trace of, each a bit: the traces of a unit are those of its touchpoints put together."""
RISK_ASSETS = ("security_pack", "roi_model", "customer_reference", "contract_terms")

STAGES = (
    "scope_dart",
    "dart_unit",
    "dart_trace",
    "dart_person",
    "dart_people",
    "dart_answer",
    "dart_price",
    "dart_plan",
    "dart_metric",
    "dart",
)
"""Models ``base_<name>``, in the order in which they rest on each other; after the deals' and after mart_account_period."""
MART = "mart_dart_account_period"


def _bit(name: str) -> int:
    return 1 << list(TRACES).index(name)


MACROS = (
    "traces(kind, tags, direction, actor_side, job, asset_types, is_question) AS ("
    + " + ".join(f"CASE WHEN {condition} THEN {_bit(name)} ELSE 0 END" for name, condition in TRACES.items())
    + ")::SMALLINT",
    "trace_bit(name) AS CASE name " + " ".join(f"WHEN '{name}' THEN {_bit(name)}" for name in TRACES) + " END",
    "shows(traces, name) AS coalesce(traces, 0) & trace_bit(name) <> 0",
    f"risk_assets(traces) AS bit_count(coalesce(traces, 0)::INTEGER & {sum(map(_bit, RISK_ASSETS))})",
)
"""Definitions for CREATE MACRO, after ``is_plan`` and ``is_ours``."""
