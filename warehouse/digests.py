"""What each day or period of the large tables holds, kept up to date as rows come and go.

A digest is the number of rows and the XOR of their hashes, which does not depend on their order: taking rows out and putting
them in again leaves it as it was. So whoever publishes or audits knows which parts have changed since the last snapshot
without reading the rest. ``partition_digest`` is written in the transaction that writes the rows; ``scan`` gives the same
from the rows themselves.

A row is hashed twice: DuckDB's hash of a row takes its last column in by XOR, so that the same change of it in two rows (periods
that become final together) would cancel itself out.
"""

from __future__ import annotations

from typing import Any

from schemas.ddl import quoted
from schemas.fields import Table
from schemas.registry import TABLES

DIGESTS = "partition_digest"
DDL = f"CREATE TABLE IF NOT EXISTS {DIGESTS} (table_name VARCHAR NOT NULL, part VARCHAR NOT NULL, row_count BIGINT NOT NULL, digest UBIGINT NOT NULL)"
"""Bookkeeping of the writer: it is not published."""
UNKNOWN = "unknown"
"""The part of rows without a time."""
ALL = "all"
"""The one part of a table without a time or a period."""

Part = tuple[str, int, int]
"""The part's name, the number of its rows, and their digest."""

TRACKED = tuple(
    table.name for table in TABLES.values() if table.month_of or table.by_touchpoint or "period_start" in table.names
)
"""Tables whose digests are kept; the others are small, and read when they are published."""


def moment_of(table: Table) -> str | None:
    """The time by which rows lie in days, in SQL over ``source_of``."""
    return "p.occurred_at" if table.by_touchpoint else f't."{table.month_of}"' if table.month_of else None


def start_of(unit: str, moment: str) -> str:
    """Of a TIMESTAMP: of a TIMESTAMPTZ the day is looked up in a calendar, row by row."""
    return f"date_trunc('{unit}', make_timestamp(epoch_us({moment})))"


def source_of(table: Table, scope: str = "", of_touchpoints: str | None = None, rows: str | None = None) -> str:
    """The table's rows in ``scope`` as ``t``, in SQL, and where their days come from; see ``scan``."""
    found = _some(rows or table.name, scope)
    if not table.by_touchpoint:
        return f"{found} t"
    times = _some("fact_touchpoint", scope if of_touchpoints is None else of_touchpoints)
    return f"{found} t LEFT JOIN (SELECT touchpoint_id, occurred_at FROM {times}) p USING (touchpoint_id)"


def _some(name: str, scope: str) -> str:
    return f'(SELECT * FROM "{name}" WHERE {scope})' if scope else f'"{name}"'


def part_of(table: Table) -> str:
    """The name of the part that a row lies in, in SQL over ``source_of``: ``2026-05-11``, ``month/2026-05-01``, ``all``."""
    if moment := moment_of(table):
        return f"coalesce({start_of('day', moment)}::DATE::VARCHAR, '{UNKNOWN}')"
    return "period_grain || '/' || period_start" if "period_start" in table.names else f"'{ALL}'"


def scan(table: Table, scope: str = "", of_touchpoints: str | None = None, rows: str | None = None) -> str:
    """A query for (part, row_count, digest) of a table's rows.

    ``scope``: a condition in SQL on its columns, "" for all rows. ``of_touchpoints``: one on those of the touchpoints that give
    the rows their days; None if it is the same. ``rows``: another table of the same columns that holds the rows.
    """
    source = source_of(table, scope, of_touchpoints, rows)
    return f"SELECT {part_of(table)} AS part, count(*) AS row_count, bit_xor(hash(hash(t))) AS digest FROM {source} GROUP BY 1"


def begin(connection: Any) -> None:
    """Follow the changes of the transaction that is open, from here if they are not followed yet."""
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS digest_change (table_name VARCHAR, part VARCHAR, row_count BIGINT, digest UBIGINT)"
    )


def forget(connection: Any, *names: str) -> None:
    """These tables are to be read when all is done: most of their rows are new."""
    connection.execute(
        f"INSERT INTO digest_change (table_name) VALUES {', '.join(f'({quoted(name)})' for name in names)}"
    )


def leave(connection: Any, name: str, scope: str, of_touchpoints: str | None = None) -> None:
    """The rows in ``scope`` are about to be taken out; see ``scan``."""
    _note(connection, name, -1, scan(TABLES[name], scope, of_touchpoints))


def enter(
    connection: Any, name: str, scope: str = "", of_touchpoints: str | None = None, rows: str | None = None
) -> None:
    """The rows in ``scope`` have been put in; see ``scan``."""
    _note(connection, name, 1, scan(TABLES[name], scope, of_touchpoints, rows))


def _note(connection: Any, name: str, sign: int, found: str) -> None:
    if name in _stale(connection):
        return  # the table is read anyway
    connection.execute(
        f"INSERT INTO digest_change SELECT {quoted(name)}, part, {sign} * row_count, digest FROM ({found})"
    )


def _stale(connection: Any) -> set[str]:
    rows = connection.execute("SELECT table_name FROM digest_change WHERE part IS NULL").fetchall()
    return {name for (name,) in rows}


def settle(connection: Any) -> None:
    """Bring ``partition_digest`` up to date, before the transaction ends. A table whose digests do not add up to its rows is read."""
    stale = _stale(connection)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE digest_now AS
            SELECT table_name, part, sum(row_count)::BIGINT AS row_count, bit_xor(digest) AS digest FROM (
              FROM digest_change WHERE part IS NOT NULL
              UNION ALL SELECT table_name, part, row_count, digest FROM {DIGESTS} SEMI JOIN digest_change USING (table_name, part))
            GROUP BY ALL"""
    )
    connection.execute(f"DELETE FROM {DIGESTS} WHERE (table_name, part) IN (SELECT table_name, part FROM digest_now)")
    connection.execute(
        f"INSERT INTO {DIGESTS} SELECT table_name, part, row_count, digest FROM digest_now WHERE row_count > 0"
    )
    for name in stale | set(TRACKED) - _that_add_up(connection):
        connection.execute(f"DELETE FROM {DIGESTS} WHERE table_name = {quoted(name)}")
        connection.execute(
            f"INSERT INTO {DIGESTS} SELECT {quoted(name)}, part, row_count, digest FROM ({scan(TABLES[name])})"
        )
    for temporary in ("digest_change", "digest_now"):
        connection.execute(f"DROP TABLE temp.{temporary}")


def _that_add_up(connection: Any) -> set[str]:
    """Tables whose digests are those of as many rows as they have."""
    have = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    counts = " UNION ALL ".join(
        f'SELECT {quoted(name)} AS table_name, count(*) AS row_count FROM "{name}"' for name in TRACKED if name in have
    )
    kept = f"SELECT table_name, sum(row_count)::BIGINT AS row_count FROM {DIGESTS} GROUP BY 1"
    found = connection.execute(
        f"SELECT table_name FROM ({counts}) c LEFT JOIN ({kept}) k USING (table_name) WHERE c.row_count = coalesce(k.row_count, 0)"
    ).fetchall()
    return {name for (name,) in found}


def digests_of(connection: Any) -> dict[str, list[Part]]:
    """(part, row_count, digest) by table, in the order of the parts: as they are kept, or from the rows where they are not."""
    have = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    kept = _that_add_up(connection) if DIGESTS in have else set()
    found: dict[str, list[Part]] = {name: [] for name in TABLES if name in have}
    if kept:
        for name, part, count, digest in connection.execute(
            f"SELECT table_name, part, row_count, digest FROM {DIGESTS} ORDER BY table_name, part"
        ).fetchall():
            if name in kept:
                found[name].append((part, count, digest))
    for name in found.keys() - kept:
        found[name] = connection.execute(f"SELECT * FROM ({scan(TABLES[name])}) ORDER BY part").fetchall()
    return found
