"""DART: which of dialogue, access, risk assessment and transparency a touchpoint is evidence of (semantics 1.2)."""

from __future__ import annotations

from collections.abc import Collection

_ACCESS_KINDS = frozenset({"demo", "workshop"})
_ACCESS_ASSETS = frozenset({"technical_doc"})
_ACCESS_TAGS = frozenset({"trial", "expert"})
_RISK_ASSETS = frozenset({"security_pack", "roi_model", "case_study", "customer_reference", "contract_terms"})
_OPEN_ASSETS = frozenset({"pricing_proposal", "competition_sheet", "limitations_note", "mutual_action_plan"})


def dart_dimensions(
    interaction_kind: str | None,
    direction: str | None,
    asset_types: Collection[str],
    job: str | None,
    tags: Collection[str],
    is_reply: bool,
) -> list[str]:
    """The dimensions in the order of their name; several may apply, and none is a result."""
    found: list[str] = []
    if is_reply or interaction_kind == "reply" or direction == "mutual":
        found.append("dialogue")
    if interaction_kind in _ACCESS_KINDS or not (
        _ACCESS_ASSETS.isdisjoint(asset_types) and _ACCESS_TAGS.isdisjoint(tags)
    ):
        found.append("access")
    if job == "validation" or "risk" in tags or not _RISK_ASSETS.isdisjoint(asset_types):
        found.append("risk_assessment")
    if "plan_update" in (interaction_kind, *tags) or not _OPEN_ASSETS.isdisjoint(asset_types):
        found.append("transparency")
    return found
