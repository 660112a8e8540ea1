"""Rows of a query for people and machines to read: one dict a row."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def first(connection: Any, sql: str, parameters: Any = None) -> tuple[Any, ...] | None:
    """The first row of a query, None if it has none; read to its end, for an unfinished result keeps the connection busy."""
    rows = connection.execute(sql, parameters).fetchall()
    return rows[0] if rows else None


def of_last_run(connection: Any, column: str) -> Any:
    """What ``dim_run`` tells of the run whose tables these are; None before the first."""
    row = first(connection, f"SELECT {column} FROM dim_run ORDER BY rowid DESC LIMIT 1")
    return row[0] if row else None


def dicts(connection: Any, sql: str, parameters: Any = None) -> list[Row]:
    """The rows of a query by the names of its columns; ``parameters`` as DuckDB takes them."""
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
