"""The marts of deals and relationships against a slow reference: every row and every column, in simulated worlds made messy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from reference.deal_facts import DealFacts
from reference.deals import opportunity_coverage
from reference.relationships import relationships
from reference.signals import deal_landmark, deal_risk
from reference.transition_matrix import transition_matrix
from untidy_deals import make_messy
from workspaces import increment, snapshot

from pipelines.settings import load_settings
from pipelines.simulate import Plan, generate_workspace
from schemas.registry import TABLES
from transforms.times import parse_iso, to_datetime

REFERENCES = {
    "mart_opportunity_coverage": opportunity_coverage,
    "mart_deal_risk": deal_risk,
    "mart_deal_landmark": deal_landmark,
    "mart_relationship": relationships,
    "mart_transition_matrix": transition_matrix,
}
SHOWN = 5
"""Differences that a failure tells of."""


class World(NamedTuple):
    seed: int
    as_of: str
    settings: str


WORLDS = {
    "after the end": World(
        21,
        "2026-07-05T00:00:00Z",
        """
partner_domains = ["partner.example"]
[coverage]
reporting_timezone = "America/New_York"
""",
    ),
    "in the midst": World(
        32,
        "2026-04-20T13:00:00Z",
        """
[coverage]
reporting_timezone = "Asia/Kathmandu"
enablement_business_days = 1
silence_days = 7
single_thread_window_days = 20
signal_landmark_days = 15
transition_min_row = 5
transition_segments = ["outcome", "deal_size", "country"]
large_deal_amount = 100000
required_roles = ["champion", "user", "blocker"]
[journeys]
session_gap_days = 7
session_clock = "all"
[relationship]
window_days = 60
partnering_contacts = 3
partnering_months = 2
value_added_weeks = 3
""",
    ),
    "with four days a week": World(
        151,
        "2026-06-10T09:00:00Z",
        """
[coverage]
silence_days = 1
transition_min_row = 10
transition_segments = ["deal_size"]
[journeys]
always_on_jobs = []
opportunity_attach_days = 5
[business_hours]
days = ["mon", "tue", "wed", "thu"]
start = "08:30"
end = "12:15"
timezone = "America/New_York"
holidays = ["2026-03-02", "2026-04-06"]
""",
    ),
}


@pytest.fixture(scope="module", params=WORLDS.values(), ids=WORLDS.keys())
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DealFacts]:
    world, root = request.param, tmp_path_factory.mktemp("world")
    generate_workspace(root, Plan(records=2500, seed=world.seed))
    make_messy(root, world.seed)
    settings = root / "touchloop.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + world.settings, encoding="utf-8")
    increment(root, world.as_of)
    with snapshot(root, published=False) as connection:
        yield DealFacts(connection, load_settings(settings).transforms(), to_datetime(parse_iso(world.as_of, "as_of")))


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float) and not isinstance(other, bool):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and one == other


def differences(table: str, facts: DealFacts, reference: list[dict[str, Any]]) -> list[str]:
    """A line for each row that only one of them has, and for each column of a row that they tell otherwise."""
    keys = TABLES[table].key
    published = {tuple(getattr(row, key) for key in keys): vars(row) for row in facts.rows(table)}
    expected = {tuple(row[key] for key in keys): row for row in reference}
    lines = [f"{table} {key}: only in the reference" for key in expected.keys() - published.keys()]
    lines += [f"{table} {key}: only in the mart" for key in published.keys() - expected.keys()]
    for key in sorted(expected.keys() & published.keys(), key=str):
        for column in TABLES[table].names:
            wanted, found = expected[key][column], published[key][column]
            if not alike(wanted, found):
                lines.append(f"{table} {key} {column}: reference {wanted!r}, mart {found!r}")
    return lines


@pytest.mark.parametrize("table", REFERENCES)
def test_mart_equals_its_reference(facts: DealFacts, table: str) -> None:
    """Every row and every column of the mart is what the definitions say, read one sentence at a time."""
    reference = REFERENCES[table](facts)
    found = differences(table, facts, reference)
    assert reference, f"nothing of {table} was compared"
    assert not found, "\n".join([f"{len(found)} differences", *found[:SHOWN]])
