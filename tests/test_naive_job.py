"""The benchmark's comparison is with the same job, not with a smaller one."""

from __future__ import annotations

import shutil
from pathlib import Path

from test_kin import ALIAS, ITEMS, UNLISTED, known, page, visit
from test_rebinding import profile
from workspaces import AS_OF, contents, example, payloads, put, run, snapshot

from benchmarks import naive
from pipelines.simulate import Plan, generate_workspace
from transforms.times import parse_iso


def same_as_naive(root: Path, as_of: str) -> None:
    """Every published table of the run, the ledger's counts included."""
    plain_root = root.with_name("plain")
    shutil.copytree(root, plain_root)
    run(root, as_of)
    naive.run(plain_root, parse_iso(as_of, "as_of"))
    with snapshot(root) as ours, snapshot(plain_root) as plain:
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


def test_element_at_a_time_gives_the_tables_of_the_run(tmp_path: Path) -> None:
    """From payloads with duplicates, late and broken records."""
    made = generate_workspace(tmp_path / "ours", Plan(records=1_500, duplicates=0.05, late=0.05, malformed=0.02))
    same_as_naive(tmp_path / "ours", made.as_of)


def test_it_knows_one_person_by_many_identifiers(tmp_path: Path) -> None:
    """By the directory and by a profile, in the app and at a place: sessions and visits that only these make one."""
    root = example(tmp_path / "ours")
    known(root, "segment:bea-17;segment:bea-mobile")
    plans = [visit(f"v{number}", f"1{number}00", f"1{number}40", who) for number, who in enumerate((UNLISTED, ALIAS))]
    by_address = page(9, "09:45", anonymousId="new", context={"traits": {"email": UNLISTED}})
    put(root, [*payloads(), *ITEMS, *plans, by_address, profile("U0BEA", 1, email=UNLISTED)])
    same_as_naive(root, AS_OF)
    with snapshot(root) as connection:
        folded = """SELECT max(n) FROM (SELECT count(*) AS n FROM bridge_touchpoint_event JOIN fact_touchpoint USING (touchpoint_id)
                    WHERE {} GROUP BY touchpoint_id)"""
        found = [
            connection.execute(folded.format(which)).fetchall()
            for which in ("channel = 'app'", "medium = 'onsite_visit'")
        ]
    assert found == [[(6,)], [(2,)]]
