"""Digests: what is kept of the parts of tables. That they hold after every increment is asked in ``workspaces.digests_hold``."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from workspaces import digests_hold, example, increment, payloads, put

from schemas.registry import TABLES
from warehouse import digests


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = example(tmp_path)
    put(made, payloads())
    increment(made)
    return made


def test_rows_that_come_back_leave_the_digest_as_it_was(root: Path) -> None:
    """Taken out and put in again in another order; a changed row shows in the part that holds it, and in no other."""
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as connection:
        connection.execute("SET TimeZone='UTC'")
        before = digests.digests_of(connection)
        march = "occurred_at < TIMESTAMPTZ '2026-04-01 00:00:00+00'"

        def replace_by(source: str) -> None:
            connection.execute("BEGIN")
            digests.begin(connection)
            digests.leave(connection, "fact_touchpoint", march)
            connection.execute(f"DELETE FROM fact_touchpoint WHERE {march}")
            connection.execute(f"INSERT INTO fact_touchpoint FROM {source}")
            digests.enter(connection, "fact_touchpoint", march)
            digests.settle(connection)
            connection.execute("COMMIT")

        connection.execute(f"CREATE TEMP TABLE old AS FROM fact_touchpoint WHERE {march} ORDER BY hash(touchpoint_id)")
        replace_by("old")
        assert digests.digests_of(connection) == before
        first = "touchpoint_id = (SELECT min(touchpoint_id) FROM old)"
        ((day,),) = connection.execute(f"SELECT occurred_at::DATE::VARCHAR FROM old WHERE {first}").fetchall()
        connection.execute(f"UPDATE old SET subject_text = 'another' WHERE {first}")
        replace_by("old")
        after = digests.digests_of(connection)
        assert [
            part for part, old in zip(after["fact_touchpoint"], before["fact_touchpoint"], strict=True) if part != old
        ] == [part for part in after["fact_touchpoint"] if part[0] == day]
    digests_hold(root)


@pytest.mark.parametrize(
    "name", ["mart_seller_period", "mart_account_period", "fact_visit", "fact_touchpoint_participant"]
)
def test_the_same_change_of_two_rows_shows(root: Path, name: str) -> None:
    """Of any flag: DuckDB's hash of a row takes the last column in by XOR, where two like changes cancel each other out."""
    table = TABLES[name]
    with duckdb.connect(str(root / "state" / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute(f'CREATE TEMP TABLE pair AS (FROM "{name}" LIMIT 1)')
        key = table.key[0]
        connection.execute(f"INSERT INTO pair SELECT * REPLACE ('another' AS \"{key}\") FROM pair")

        def digest() -> int:
            ((found,),) = connection.execute(
                f"SELECT bit_xor(digest) FROM ({digests.scan(table, rows='pair', of_touchpoints='true')})"
            ).fetchall()
            assert isinstance(found, int)
            return found

        before = digest()
        for column in table.columns:
            if column.type == "bool":
                connection.execute(f'UPDATE pair SET "{column.name}" = NOT coalesce("{column.name}", false)')
                assert digest() != before, column.name
                before = digest()


def test_digests_that_do_not_add_up_are_made_anew(root: Path) -> None:
    """A state of an earlier version has none; rows that somebody took out by hand leave too many."""
    path = str(root / "state" / "warehouse.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("SET TimeZone='UTC'")
        whole = digests.digests_of(connection)
        connection.execute(f"DELETE FROM {digests.DIGESTS} WHERE table_name = 'fact_visit'")
        assert digests.digests_of(connection) == whole
        connection.execute("DELETE FROM fact_session WHERE session_no = 1")
        ((left,),) = connection.execute("SELECT count(*) FROM fact_session").fetchall()
        assert sum(count for _, count, _ in digests.digests_of(connection)["fact_session"]) == left
        digests.begin(connection)
        digests.settle(connection)
    digests_hold(root)


def test_every_large_table_is_followed() -> None:
    """What is cut into days or periods has digests; the rest is one file."""
    assert set(digests.TRACKED) == {
        t.name for t in TABLES.values() if "/" in digests.part_of(t) or digests.moment_of(t)
    }
