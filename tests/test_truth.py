"""The whole pipeline against the simulation's truth: what was folded, and the journeys that follow from it, exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.simulate import Made, Plan, generate_workspace

PLAN = Plan(records=2000, seed=11, duplicates=0.05, late=0.05, malformed=0.02, records_per_file=80)
REPOSITORY = Path(__file__).resolve().parent.parent

TOUCHPOINTS = """
SELECT t.dedupe_key, t.channel, t.direction, t.interaction_kind, t.status, t.occurred_at, t.ended_at,
       t.account_id, t.opportunity_id, t.buying_job, t.is_countable, t.message_count,
       (SELECT count(*) FROM bridge_touchpoint_event b WHERE b.touchpoint_id = t.touchpoint_id) AS witness_count
FROM fact_touchpoint t
"""
KEYED = """
WITH journey AS (
  SELECT journey_id, CASE journey_scope WHEN 'account' THEN account_id ELSE opportunity_id END AS journey_key
  FROM mart_journey_summary)
SELECT f.journey_scope, j.journey_key, f.account_id, {columns} FROM {table} f JOIN journey j USING (journey_id)
"""
SESSIONS = KEYED.format(table="fact_session", columns="f.session_no, f.started_at, f.ended_at, f.touchpoint_count")
VISITS = KEYED.format(
    table="fact_visit", columns="f.visit_no, f.buying_job, f.started_at, f.ended_at, f.touchpoint_count"
)
LOOPS = KEYED.format(
    table="fact_loop",
    columns="f.revisited_job, f.from_visit_no, f.to_visit_no, f.loop_length, f.path, f.loop_duration_seconds, "
    "f.loop_kind, f.trigger_type, f.closed_by",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made, dict[str, Any]]:
    """A simulated workspace after one run of the command line: its folder, what was made, and the run's summary."""
    root = tmp_path_factory.mktemp("truth")
    made = generate_workspace(root, PLAN)
    command = [sys.executable, "-m", "pipelines", "run", "--workspace", str(root), "--as-of", made.as_of, "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return root, made, json.loads(done.stdout)


@pytest.fixture(scope="module")
def published(world: tuple[Path, Made, dict[str, Any]]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(world[0] / "published" / "touchloop.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, map(plain, row), strict=True)) for row in cursor.fetchall()]


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return value


def truth(root: Path, name: str, leave_out: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    lines = (root / "truth" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in leave_out} for line in lines]


def difference(found: list[dict[str, Any]], true: list[dict[str, Any]]) -> list[str]:
    """What stands on one side only, sorted, as text: empty if both say the same."""
    left, right = ({json.dumps(row, sort_keys=True) for row in one} for one in (found, true))
    return sorted([f"{row} found" for row in left - right] + [f"{row} true" for row in right - left])


def test_touchpoints_are_those_that_happened(
    world: tuple[Path, Made, dict[str, Any]], published: duckdb.DuckDBPyConnection
) -> None:
    """Every interaction once, with its account, its deal, its job, its interval and all its witnesses; none besides."""
    found = rows(published, TOUCHPOINTS)
    true = truth(world[0], "touchpoints", leave_out=("tags", "engaged"))
    assert len(found) == len(true)
    assert difference(found, true) == []


@pytest.mark.parametrize(("name", "query"), [("sessions", SESSIONS), ("visits", VISITS), ("loops", LOOPS)])
def test_journeys_are_those_of_the_obvious_reading(
    world: tuple[Path, Made, dict[str, Any]], published: duckdb.DuckDBPyConnection, name: str, query: str
) -> None:
    """Sessions, visits and loops of both scopes equal what the slow reference makes of what truly happened."""
    true = truth(world[0], name)
    assert len(true) > 20
    assert difference(rows(published, query), true) == []


def test_every_record_is_accounted_for(
    world: tuple[Path, Made, dict[str, Any]], published: duckdb.DuckDBPyConnection
) -> None:
    """The ledger holds of each source as many accepted, duplicate, ignored and rejected records as there truly are."""
    counted = rows(
        published,
        """SELECT source, sum(accepted_count)::BIGINT AS accepted, sum(duplicate_count)::BIGINT AS duplicate,
                  sum(ignored_count)::BIGINT AS ignored, sum(rejected_count)::BIGINT AS rejected
           FROM ledger_unit WHERE source <> 'crm' GROUP BY source""",
    )
    root, made, summary = world
    true = json.loads((root / "truth" / "counts.json").read_text())["records"]
    assert {row.pop("source"): row for row in counted} == true
    assert summary["records"] == made.records
    assert summary["events"] == published.execute("SELECT count(*) FROM fact_event").fetchall()[0][0]


def test_nobody_of_the_simulation_is_taken_for_another(published: duckdb.DuckDBPyConnection) -> None:
    """The simulated directory contradicts itself nowhere, so no identity conflict is found."""
    assert published.execute("SELECT * FROM identity_conflict").fetchall() == []
