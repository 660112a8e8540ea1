"""Arrow schemas, derived from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa

from schemas.fields import Column, Table

ARROW_TYPES: dict[str, Any] = {
    "text": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "decimal": pa.decimal128(18, 2),
    "blob": pa.binary(),
    "text[]": pa.list_(pa.string()),
}


def arrow_field(column: Column) -> Any:
    return pa.field(
        column.name, ARROW_TYPES[column.type], nullable=not column.required, metadata={"meaning": column.meaning}
    )


@lru_cache(maxsize=256)
def arrow_schema(table: Table) -> Any:
    """The table's Arrow schema; its metadata carry name and version."""
    metadata = {"touchloop.table": table.name, "touchloop.schema_version": table.version}
    return pa.schema([arrow_field(c) for c in table.columns], metadata=metadata)


def to_batch(table: Table, rows: Sequence[Any]) -> Any:
    """Structs whose fields are named as the columns to one RecordBatch.

    Timestamps are given as integers (microseconds since the epoch). A struct may have more fields than the table has columns;
    a column that the struct lacks raises ``AttributeError``.
    """
    columns = _by_field(rows)
    missing = [c.name for c in table.columns if c.name not in columns]
    if missing and rows:
        raise AttributeError(f"rows for {table.name} lack {', '.join(missing)}")
    return pa.record_batch([_array(c, columns.get(c.name, ())) for c in table.columns], schema=arrow_schema(table))


def _by_field(rows: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """Structs of one type to their fields' values; turning tuples over costs a third of asking each struct for each field."""
    if not rows:
        return {}
    return dict(zip(rows[0].__struct_fields__, zip(*map(msgspec.structs.astuple, rows), strict=True), strict=True))


def dicts_to_batch(table: Table, rows: Iterable[dict[str, Any]]) -> Any:
    """Dicts with the columns' names to one RecordBatch; missing keys are NULL."""
    given = list(rows)
    return pa.record_batch(
        [_array(c, [r.get(c.name) for r in given]) for c in table.columns], schema=arrow_schema(table)
    )


def values_of(column: Any) -> list[Any]:
    """One Arrow column as Python values; timestamps become microseconds."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    kind = column.type
    # numpy makes the same values several times faster, but has no lists, and would turn numbers beside nulls into floats
    is_text = pa.types.is_string(kind) or pa.types.is_binary(kind)
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if is_text or (is_plain and not column.null_count):
        values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    else:
        values = column.to_pylist()
    return values


def _array(column: Column, values: Sequence[Any]) -> Any:
    if column.type == "timestamp":
        return pa.array(values, pa.int64()).cast(ARROW_TYPES["timestamp"])
    return pa.array(values, ARROW_TYPES[column.type])
