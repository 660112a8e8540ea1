"""The marts of deals and relationships against a slow reference: every row and every column, in simulated worlds made messy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from reference.compare import by_key, differences
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


@pytest.mark.parametrize("table", REFERENCES)
def test_mart_equals_its_reference(facts: DealFacts, table: str) -> None:
    """Every row and every column of the mart is what the definitions say, read one sentence at a time."""
    key = TABLES[table].key
    expected, found = by_key(REFERENCES[table](facts), key), by_key([vars(row) for row in facts.rows(table)], key)
    assert expected, f"nothing of {table} was compared"
    lines = differences(table, expected, found)
    assert not lines, "\n".join([f"{len(lines)} differences", *lines[:SHOWN]])
