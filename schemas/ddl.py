"""DuckDB DDL with comments, derived from the declarations."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.fields import Column, Table

SQL_TYPES = {
    "text": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "decimal": "DECIMAL(18,2)",
    "blob": "BLOB",
    "text[]": "VARCHAR[]",
}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def comment_of(column: Column) -> str:
    """Meaning, then unit, allowed values and origin where there are any."""
    parts = [column.meaning]
    if column.unit:
        parts.append(f"[{column.unit}]")
    if column.values:
        parts.append("One of: " + ", ".join(column.values))
    if column.origin:
        parts.append(f"(from {column.origin})")
    return " ".join(parts)


def create(table: Table, *, schema: str = "main") -> str:
    """``CREATE TABLE`` with NOT NULL where required.

    Keys are not declared as PRIMARY KEY: the index costs two thirds of the loading rate; loading is unique by anti-join and
    the audit checks every key before publishing.
    """
    lines = [f'  "{c.name}" {SQL_TYPES[c.type]}{" NOT NULL" if c.required else ""}' for c in table.columns]
    return f'CREATE TABLE IF NOT EXISTS {schema}."{table.name}" (\n' + ",\n".join(lines) + "\n)"


def descriptions(table: Table) -> dict[str, str]:
    """What is said of each column, and under ``''`` of the table."""
    head = f"One row: {table.grain}. Key: {', '.join(table.key)}. {table.meaning}".strip()
    return {"": head} | {column.name: comment_of(column) for column in table.columns}


def comments(table: Table, *, schema: str = "main") -> Iterator[str]:
    for column, text in descriptions(table).items():
        which = f'COLUMN {schema}."{table.name}"."{column}"' if column else f'TABLE {schema}."{table.name}"'
        yield f"COMMENT ON {which} IS {quoted(text)}"
