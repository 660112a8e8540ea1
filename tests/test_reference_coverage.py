"""Every figure of the coverage marts is what a slow and obvious reading of the definitions gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from reference.compare import by_key, differences
from reference.coverage import reference
from untidy_directory import make_untidy
from workspaces import AS_OF, example, increment, payloads, put, snapshot

from pipelines.simulate import Plan, generate_workspace
from pipelines.workspace import Workspace
from schemas.registry import TABLES
from warehouse.rows import dicts

SHOWN = 12
IDENTITY = """
[identity]
company_domains = ["vendor.example"]
free_mail_domains = ["freemail.example"]
partner_domains = ["account00002.example"]
"""


@dataclass(frozen=True)
class World:
    """A simulated history with an untidy directory, measured at each of its clocks."""

    name: str
    plan: Plan
    settings: str
    moments: tuple[str, ...]
    """Of assignments and memberships; many where a day, a week or a month begins somewhere."""
    clocks: tuple[str, ...]


NEW_YORK = World(
    name="summer time in New York",
    plan=Plan(records=1_500, seed=21, malformed=0.02, late=0.1),
    settings="""
[coverage]
reporting_timezone = "America/New_York"
[business_hours]
timezone = "America/New_York"
holidays = ["2026-03-09", "2026-04-03"]
""",
    moments=(
        "2025-11-02T06:00:00Z",
        "2026-01-31T18:15:00Z",
        "2026-02-02T00:00:00Z",
        "2026-03-01T00:00:00Z",
        "2026-03-01T05:00:00Z",
        "2026-03-08T07:00:00Z",
        "2026-03-31T23:59:59.999999Z",
        "2026-04-01T00:00:00+11:00",
        "2026-05-11T04:00:00Z",
        "2026-12-01T00:00:00Z",
    ),
    clocks=("2026-04-15T09:30:00Z", "2026-12-15T00:00:00Z"),
)
HAVANA = World(
    name="a month that begins with two midnights in Havana",
    plan=Plan(records=1_500, seed=22, malformed=0.02, late=0.1, start="2026-06-08"),
    settings="""
[coverage]
reporting_timezone = "America/Havana"
channels = ["chat", "email", "in_person"]
hybrid_min_touches = 3
hybrid_window_weeks = 4
p90_min_n = 2
response_horizon_business_hours = 2.5
[folding]
phone_call_channel = "phone_call"
[business_hours]
days = ["mon", "wed", "sat"]
start = "08:30"
end = "24:00"
timezone = "America/Havana"
""",
    moments=(
        "2026-07-01T04:00:00Z",
        "2026-08-31T04:00:00Z",
        "2026-10-01T03:59:59.999999Z",
        "2026-11-01T04:00:00Z",
        "2026-11-01T04:30:00Z",
        "2026-11-01T05:00:00Z",
        "2026-11-30T05:00:00Z",
    ),
    clocks=("2026-11-04T04:30:00Z", "2026-12-15T00:00:00Z"),
)

LORD_HOWE = World(
    name="one channel, low thresholds and half an hour of summer time on Lord Howe Island",
    plan=Plan(records=1_000, seed=25, duplicates=0.1, shuffle=False),
    settings="""
[coverage]
reporting_timezone = "Australia/Lord_Howe"
channels = ["email"]
hybrid_min_touches = 0
hybrid_window_weeks = 1
p90_min_n = 0
""",
    moments=("2026-02-28T13:00:00Z", "2026-03-31T12:59:59.999999Z", "2026-04-04T15:00:00Z", "2026-04-30T13:30:00Z"),
    clocks=("2026-04-30T13:30:00Z",),
)


def compare(root: Path, as_of: str) -> None:
    """Every row and column of the marts of a workspace, both ways."""
    settings = Workspace(root).settings
    lines = []
    with snapshot(root, published=False) as connection:
        expected = reference(connection, settings, datetime.fromisoformat(as_of))
        for name, mart in expected.items():
            found = by_key(dicts(connection, f'SELECT * FROM "{name}"'), TABLES[name].key)
            assert found, f"{name} is empty, which compares nothing"
            lines += differences(name, mart, found)
    if lines:
        shown = "\n".join(lines[:SHOWN])
        pytest.fail(f"{len(lines)} differences as of {as_of}, the first of them:\n{shown}", pytrace=False)


@pytest.mark.parametrize("world", [NEW_YORK, HAVANA, LORD_HOWE], ids=lambda world: world.name)
def test_every_figure_is_that_of_a_slow_reference(tmp_path: Path, world: World) -> None:
    """Of each mart every row and column: in the midst of a history, and after its end in a further increment."""
    generate_workspace(tmp_path, world.plan)
    make_untidy(tmp_path / "inbox" / "crm", world.plan.seed, world.moments)
    (tmp_path / "touchloop.toml").write_text(IDENTITY + world.settings)
    for as_of in world.clocks:
        increment(tmp_path, as_of)
        compare(tmp_path, as_of)


def test_the_reference_agrees_on_the_worked_example(tmp_path: Path) -> None:
    """Its figures are written out in the definitions, and held by other tests."""
    put(example(tmp_path), payloads())
    increment(tmp_path)
    compare(tmp_path, AS_OF)
