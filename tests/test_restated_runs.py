"""``metric_restatement`` over runs: why a figure changed, crashes, upgrades, and what is published of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from workspaces import example, increment, payloads, put, run, snapshot

from pipelines.cli.doctor import examine
from pipelines.workspace import Workspace
from warehouse.publish import Candidate

LATE = [(name, data) for name, data in payloads() if "t09" in name]
"""The comparison sheet that was sent on 31 March, which arrives when March is final."""
LINE = """SELECT reasons, mart_name, period_grain, period_start, seller_id, account_id, team_id, ask_channel, change, metric, item,
                 old_value, new_value, old_num, new_num, old_den, new_den FROM metric_restatement ORDER BY restatement_no"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example without the late payload, derived."""
    root = example(tmp_path_factory.mktemp("before"))
    put(root, [one for one in payloads() if one not in LATE])
    increment(root)
    return root


@pytest.fixture
def root(before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(before, tmp_path / "w"))


def logged(root: Path, sql: str = LINE) -> list[tuple[Any, ...]]:
    with snapshot(root, published=False) as connection:
        return connection.execute(sql).fetchall()


def reasons(root: Path) -> list[tuple[Any, ...]]:
    return logged(
        root,
        "SELECT reasons, count(*) > 0 FROM metric_restatement GROUP BY run_id, reasons ORDER BY min(restatement_no)",
    )


class Crash(Exception):
    pass


def crash(*_: object) -> None:
    raise Crash


def test_a_late_payload_is_logged_once_whatever_crashes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the commit there is nothing of it, after the commit all of it; what is done again adds nothing. It is published."""
    assert logged(root) == []
    put(root, LATE)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.deriving.rebuild.digests.settle", crash)
        with pytest.raises(Crash):
            increment(root)
    assert logged(root) == []
    with monkeypatch.context() as patch:
        patch.setattr("warehouse.derive.clear_dirty", crash)
        with pytest.raises(Crash):
            increment(root)
    found = logged(root)
    assert {(tuple(line[0]), line[8]) for line in found} == {(("events",), "changed")}
    march = [line for line in found if line[1:3] == ("mart_account_period", "month")]
    assert {line[3].isoformat() for line in march} == {"2026-03-01"}
    assert {"seller_touch_count": (4, 5), "outbound_count": (2, 3)}.items() <= {
        line[9]: line[11:13] for line in march
    }.items()
    assert increment(root).records == 0
    assert run(root).records == 0
    with snapshot(root) as connection:
        assert connection.execute(LINE).fetchall() == found
        orphans = connection.execute(
            "SELECT count(*) FROM metric_restatement ANTI JOIN dim_run USING (run_id)"
        ).fetchone()
        assert orphans == (0,)
    teams = Candidate(root / "published", "teams")
    teams.copy(root / "state" / "warehouse.duckdb", seller_level=False)
    teams.write_parquet(run_id="teams")
    with duckdb.connect(str(teams.database), read_only=True) as connection:
        assert connection.execute(LINE).fetchall() == [line for line in found if line[4] is None]


def test_a_run_says_why(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the inputs changed alone, then two at once; a version that changes no figure has no line."""
    people = root / "inbox" / "crm" / "people.csv"
    full = people.read_text()
    people.write_text("".join(line for line in full.splitlines(keepends=True) if not line.startswith("B2")))
    increment(root)
    assert reasons(root) == [(["directory"], True)]
    known = """SELECT old_value, new_value FROM metric_restatement WHERE mart_name = 'mart_account_period'
               AND metric = 'contact_coverage' AND period_start = DATE '2026-03-01'"""
    assert logged(root, known) == [(0.4, 0.2)]
    with (root / "touchloop.toml").open("a") as settings:
        settings.write("\n[coverage]\nhybrid_min_touches = 1\n")
    increment(root)
    assert reasons(root) == [(["directory"], True), (["settings"], True)]
    metrics = "SELECT DISTINCT metric FROM metric_restatement WHERE list_contains(reasons, 'settings') ORDER BY 1"
    assert logged(root, metrics) == [("is_hybrid",), ("is_hybrid_13w",)]
    monkeypatch.setattr("pipelines.deriving.changed.version", lambda: "9.9.9")
    assert increment(root).accounts_rebuilt > 0
    assert len(reasons(root)) == 2
    people.write_text(full)
    put(root, LATE)
    increment(root)
    assert reasons(root)[2:] == [(["events", "directory"], True)]


def test_a_run_that_comes_again_under_the_same_id_adds_to_the_log(root: Path) -> None:
    """A correction made, taken back and made again by one clock: the first run and the third are one to the ledger, and two to the log."""
    people = root / "inbox" / "crm" / "people.csv"
    full = people.read_text()
    corrected = "".join(line for line in full.splitlines(keepends=True) if not line.startswith("B2"))
    for text in (corrected, full, corrected):
        people.write_text(text)
        increment(root)
    lines = logged(
        root, "SELECT run_id, restatement_no, metric, old_value, new_value FROM metric_restatement ORDER BY 2"
    )
    assert [line[1] for line in lines] == list(range(1, len(lines) + 1))
    first, back, third = (lines[n * len(lines) // 3 : (n + 1) * len(lines) // 3] for n in range(3))
    assert [(line[0], *line[2:]) for line in first] == [(line[0], *line[2:]) for line in third]
    assert [line[2:] for line in back] == [(metric, new, old) for _, _, metric, old, new in first]


def test_an_upgrade_with_other_columns_is_compared_in_those_that_both_have(root: Path, tmp_path: Path) -> None:
    """All derived tables are made anew; the log holds what the late payload changed, as without an upgrade, and no more."""
    plain = Path(shutil.copytree(root, tmp_path / "plain"))
    put(plain, LATE)
    increment(plain)
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as state:
        state.execute("ALTER TABLE mart_account_period DROP COLUMN dialogue_ratio")
        state.execute("ALTER TABLE mart_team_period ALTER COLUMN outbound_count TYPE VARCHAR USING 'of another kind'")
        state.execute("ALTER TABLE fact_visit ALTER COLUMN visit_no TYPE VARCHAR")
        state.execute("DROP TABLE mart_response_time")
    put(root, LATE)
    increment(root)
    left_out = {("mart_account_period", "dialogue_ratio"), ("mart_team_period", "outbound_count")}
    changed = [line for line in logged(plain) if line[1] != "mart_response_time"]
    expected = [(["events", "version"], *line[1:]) for line in changed if (line[1], line[9]) not in left_out]
    assert len(changed) - len(expected) == 2 * len(("week", "month", "quarter"))
    assert logged(root) == expected
    assert logged(root, "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '%before'") == []


def test_an_upgrade_keeps_the_log(root: Path) -> None:
    """It cannot be derived again: it stays as it is while the tables around it are made anew."""
    put(root, LATE)
    increment(root)
    found = logged(root)
    for _ in range(2):  # the second upgrade begins before the first has built anything
        with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as state:
            state.execute("ALTER TABLE mart_seller_period DROP COLUMN account_count")
        assert any("derives them again" in finding.text for finding in examine(Workspace(root)))
    increment(root)
    assert logged(root) == found
