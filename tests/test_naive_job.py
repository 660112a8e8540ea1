"""The benchmark's comparison is with the same job, not with a smaller one."""

from __future__ import annotations

import shutil
from pathlib import Path

from workspaces import contents, run, snapshot

from benchmarks import naive
from pipelines.simulate import Plan, generate_workspace
from transforms.times import parse_iso


def test_element_at_a_time_gives_the_tables_of_the_run(tmp_path: Path) -> None:
    """Every published table, the ledger's counts included, from payloads with duplicates, late and broken records."""
    made = generate_workspace(tmp_path / "ours", Plan(records=1_500, duplicates=0.05, late=0.05, malformed=0.02))
    shutil.copytree(tmp_path / "ours", tmp_path / "plain")
    run(tmp_path / "ours", made.as_of)
    naive.run(tmp_path / "plain", parse_iso(made.as_of, "as_of"))
    with snapshot(tmp_path / "ours") as ours, snapshot(tmp_path / "plain") as plain:
        found, expected = contents(plain), contents(ours)
        assert found.keys() == expected.keys()
        for table, rows in expected.items():
            assert found[table] == rows, table
        for ledger in (
            "SELECT * EXCLUDE (run_id) FROM ledger_unit ORDER BY unit_id",
            "FROM ignored_record_count ORDER BY ALL",
            "FROM rejected_record ORDER BY unit_id, position",
        ):
            assert plain.execute(ledger).fetchall() == ours.execute(ledger).fetchall()
