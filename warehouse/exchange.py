"""Rows in the place of others, and no more of them touched than differ.

What is derived again mostly comes back as it was. To take it out and put it in all the same would cost a commit, a snapshot and
its files as if it were new, so the rows that are to stand are set beside those that stand: ``stage`` takes the first in, ``compare``
finds which of either are ``gone`` and which ``came``, and ``exchange`` carries it out. Rows are the same if their keys and the
hashes of all their columns are.
"""

from __future__ import annotations

from typing import Any

from schemas.ddl import SQL_TYPES
from schemas.registry import TABLES
from warehouse import digests

MOVED = "moved_touchpoint"
"""Temporary table of touchpoints that keep their id and not their time: the rows that lie in their days move with them."""


def incoming(name: str) -> str:
    """The temporary table of rows that are to stand in a table: its columns."""
    return f"incoming_{name}"


def gone(name: str) -> str:
    """Temporary table ``(row)``: rows of the table that are to go."""
    return f"gone_{name}"


def came(name: str) -> str:
    """The temporary table of rows that are to come: the table's columns."""
    return f"came_{name}"


def going(name: str) -> str:
    """The condition, in SQL, that a row of the table is to go."""
    return f"rowid IN (SELECT row FROM {gone(name)})"


def stage(connection: Any, name: str, query: str | None, *, twice: bool = False) -> None:
    """Take in the rows that are to stand: a query whose columns have the table's names, or None for no rows.

    ``twice``: it costs less to run the query a second time than to keep all of its rows until some are to come.
    """
    rows = f'FROM "{name}" LIMIT 0'
    if query is not None:
        typed = ", ".join(f'CAST("{c.name}" AS {SQL_TYPES[c.type]}) AS "{c.name}"' for c in TABLES[name].columns)
        rows = f"SELECT {typed} FROM ({query})"
    connection.execute(f"CREATE OR REPLACE TEMP {'VIEW' if twice else 'TABLE'} {incoming(name)} AS {rows}")


def compare(connection: Any, name: str, scope: str, *, moving: bool = False, twice: bool = False) -> bool:
    """Set the staged rows beside those of the table in ``scope`` (SQL): makes ``gone`` and ``came``, or returns False if they are the same.

    ``moving``: rows of touchpoints in ``MOVED`` go and come even if they are the same. ``twice``: as they were staged.
    """
    key = ", ".join(f'"{column}"' for column in TABLES[name].key)
    content = "hash(i)"
    if moving:  # no content is like NULL
        content = f"CASE WHEN touchpoint_id NOT IN (SELECT touchpoint_id FROM {MOVED}) THEN hash(i) END"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE unlike AS
            SELECT row, {key} FROM (SELECT rowid AS row, {key}, hash(t) AS content FROM "{name}" t WHERE {scope})
            FULL JOIN (SELECT {key}, {content} AS content, true AS comes FROM {incoming(name)} i) USING ({key}, content)
            WHERE row IS NULL OR comes IS NULL"""
    )
    ((differ, go),) = connection.execute("SELECT count(*), count(row) FROM unlike").fetchall()
    if differ:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {gone(name)} AS SELECT row FROM unlike WHERE row IS NOT NULL")
        # of tables with hundreds of columns, planning what finds nothing takes longer than finding that there is nothing
        found = f'FROM "{name}" LIMIT 0'
        if differ > go:
            found = f"FROM {incoming(name)} SEMI JOIN (FROM unlike WHERE row IS NULL) USING ({key})"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {came(name)} AS {found}")
    connection.execute("DROP TABLE temp.unlike")
    connection.execute(f"DROP {'VIEW' if twice else 'TABLE'} temp.{incoming(name)}")
    return bool(differ)


def exchange(connection: Any, *names: str) -> None:
    """Take out what is gone from these tables, which differ, and put in what came. Their digests follow, where they are kept.

    Tables whose rows lie in the days of touchpoints are named together with these, since a row goes from the day that
    its touchpoint had and comes to the one that it has.
    """
    leaving = [name for name in names if _has_rows(connection, gone(name))]
    entering = [name for name in names if _has_rows(connection, came(name))]
    for name in leaving:
        if name in digests.TRACKED:
            digests.leave(connection, name, going(name), of_touchpoints="")
    for name in names:
        if name in leaving:
            connection.execute(f'DELETE FROM "{name}" WHERE {going(name)}')
        if name in entering:
            connection.execute(f'INSERT INTO "{name}" FROM {came(name)}')
    for name in entering:
        if name in digests.TRACKED:
            digests.enter(connection, name, of_touchpoints="", rows=came(name))
    for name in names:
        connection.execute(f"DROP TABLE temp.{gone(name)}")
        connection.execute(f"DROP TABLE temp.{came(name)}")


def _has_rows(connection: Any, table: str) -> bool:
    return bool(connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall())
