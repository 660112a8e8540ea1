"""JSON Schema (2020-12) of each table's row, and what counts as an incompatible change of it."""

from __future__ import annotations

from typing import Any

from schemas.ddl import comment_of
from schemas.fields import Column, Table

JSON_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "bigint": {"type": "integer"},
    "double": {"type": "number"},
    "bool": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "decimal": {"type": "string", "pattern": r"^-?\d{1,16}(\.\d{1,2})?$"},
    "blob": {"type": "string", "contentEncoding": "base64"},
    "text[]": {"type": "array", "items": {"type": "string"}},
}


def _property(column: Column) -> dict[str, Any]:
    spec = dict(JSON_TYPES[column.type])
    if column.values and column.type == "text[]":
        spec["items"] = {"type": "string", "enum": list(column.values)}
    elif column.values:
        spec["enum"] = [*column.values] if column.required else [*column.values, None]
    if column.minimum is not None:
        spec["minimum"] = column.minimum
    if column.maximum is not None:
        spec["maximum"] = column.maximum
    if not column.required:
        spec["type"] = [spec["type"], "null"]
    spec["description"] = comment_of(column)
    return spec


def json_schema(table: Table) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:touchloop:{table.name}:{table.version}",
        "title": table.name,
        "description": f"One row: {table.grain}. {table.meaning}".strip(),
        "type": "object",
        "properties": {c.name: _property(c) for c in table.columns},
        "required": [c.name for c in table.columns if c.required],
        "additionalProperties": False,
        "x-key": list(table.key),
        "x-version": table.version,
    }


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a reader of ``old`` could trip over in ``new``, in words; empty if nothing.

    Breaking: a column gone, its type changed, NULL where there was none, an allowed value gone (a reader's filter finds
    nothing) or added (a reader's CASE misses it), another key. Adding a column is compatible.
    """
    found: list[str] = []
    before, after = old["properties"], new["properties"]
    for name in before:
        if name not in after:
            found.append(f"column {name} is gone")
            continue
        kinds = [{t for t in _types(p[name]) if t != "null"} for p in (before, after)]
        if kinds[0] != kinds[1] or before[name].get("format") != after[name].get("format"):
            found.append(f"column {name} changed its type")
        if "null" in _types(after[name]) and "null" not in _types(before[name]):
            found.append(f"column {name} may now be NULL")
        values = [_values(p[name]) for p in (before, after)]
        if values[0] != values[1]:
            found.append(f"column {name} changed its allowed values")
    if old["x-key"] != new["x-key"]:
        found.append("the key changed")
    return found


def _types(prop: dict[str, Any]) -> list[str]:
    kind = prop["type"]
    return kind if isinstance(kind, list) else [kind]


def _values(prop: dict[str, Any]) -> set[str] | None:
    values = prop.get("enum") or prop.get("items", {}).get("enum")
    return {v for v in values if v is not None} if values else None


def major(version: str) -> int:
    return int(version.split(".")[0])
