"""``docs/data-dictionary.md``, derived from the declarations. ``python -m schemas.dictionary`` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.ddl import SQL_TYPES
from schemas.fields import Column, Table
from schemas.registry import TABLES

LAYERS = {
    "event": "Events",
    "ledger": "Ledger",
    "dim": "Dimensions",
    "id": "Identity and resolution",
    "fact": "Facts",
    "journey": "Journeys",
    "mart": "Marts",
}


def data_dictionary() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield "Derived from `schemas/` by `make docs`; edit the declarations, not this page. Times are UTC. `x_num` and `x_den` are the"
    yield "numerator and denominator of the share `x`: a rollup divides sums, it never averages shares."
    for layer, title in LAYERS.items():
        yield ""
        yield f"## {title}"
        for table in TABLES.values():
            if table.layer == layer:
                yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield ""
    yield f"### {table.name}"
    yield ""
    yield f"One row: {table.grain}. Key: {', '.join(f'`{k}`' for k in table.key)}. Version {table.version}."
    if table.meaning:
        yield ""
        yield table.meaning
    yield ""
    yield "| column | type | null | unit | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for column in table.columns:
        yield f"| `{column.name}` | {SQL_TYPES[column.type]} | {'no' if column.required else 'yes'} | {column.unit or ''} | {_meaning(column)} |"


def _meaning(column: Column) -> str:
    text = column.meaning.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
    if column.values:
        text += ". One of: " + ", ".join(f"`{v}`" for v in column.values)
    if column.origin:
        text += f" (from {column.origin})"
    return text


if __name__ == "__main__":
    print(data_dictionary(), end="")
