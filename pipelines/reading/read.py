"""From a file to RecordBatches of raw records."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from pipelines.collector import collector_paused
from pipelines.reading.gunzip import MAGIC, Gunzip
from pipelines.reading.plan import FileUnit
from transforms.records import BadFrame, ends_by_itself, records
from transforms.sources import Context, SourceSpec, all_sources

RAW = pa.schema(
    [
        pa.field("unit_id", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("payload", pa.binary(), nullable=False),
        pa.field("bad_reason", pa.string()),
        pa.field("bad_detail", pa.string()),
    ]
)
"""``system`` is the adapter, or the name of one that we do not have. ``bad_reason`` sets a record aside before any adapter sees it."""
IGNORED_REASONS = frozenset({"tombstone", "empty_message"})
"""Reasons in ``bad_reason`` that are no fault: such a record is ignored, the others are rejected."""
UNFINISHED_REASONS = frozenset({"too_large", "truncated", "corrupt_compression", "unsupported_format"})
"""Reasons in ``bad_reason`` for which only a part of the record is there, or no record: no adapter may take that for the whole."""
MAX_BATCH_BYTES = 8_000_000

Row = tuple[str, str, str, int, bytes, str | None, str | None]


def read_batches(root: Path, units: Iterable[FileUnit], batch_records: int) -> Iterator[Any]:
    """Raw records of the units, packed across files so that many small ones do not become many small batches."""
    rows = chain.from_iterable(unit_rows(root, unit) for unit in units)
    while (batch := _next_batch(rows, batch_records)) is not None:
        yield batch


def _next_batch(rows: Iterator[Row], batch_records: int) -> Any:
    """As many rows as make a batch; None if there are none left."""
    with collector_paused():  # the rows are gone before the collector is back, which would look at each of them
        return _packed(rows, batch_records)


def _packed(rows: Iterator[Row], batch_records: int) -> Any:
    taken: list[Row] = []
    size = 0
    for row in rows:
        taken.append(row)
        size += len(row[4])
        if len(taken) >= batch_records or size >= MAX_BATCH_BYTES:
            break
    return to_raw(taken) if taken else None


def unit_rows(root: Path, unit: FileUnit) -> Iterator[Row]:
    """Records of one file in order. What cannot be framed is a row with its fault, and the rest goes on."""
    spec = all_sources()[unit.system]
    context = Context(name=unit.name)
    with (root / unit.location).open("rb") as raw:
        found = gunzipped(spec, raw, context) if raw.peek(2)[:2] == MAGIC else records(spec, raw, context)
        for position, frame in enumerate(found):
            if isinstance(frame, BadFrame):
                yield unit.unit_id, unit.system, unit.name, position, frame.data, frame.reason_code, frame.detail
            else:
                yield unit.unit_id, unit.system, unit.name, position, frame, None, None


def gunzipped(spec: SourceSpec, raw: BinaryIO, context: Context, start: bytes = b"") -> Iterator[bytes | BadFrame]:
    """Records of a gzip stream. If it is damaged, the last one is a fault: the record that the damage cut off, as far as it goes.

    Where none shows to be cut off, the fault has ``start`` for its bytes, and stands for whatever is lost.
    """
    gunzip = Gunzip(raw)
    last: bytes | BadFrame | None = None
    count = 0
    for record in records(spec, cast(BinaryIO, io.BufferedReader(gunzip, 1 << 20)), context):
        if last is not None:
            yield last
            count += 1
        last = record
    lost = start
    if last is not None:
        if gunzip.fault and not ends_by_itself(spec, last):
            lost = last.data if isinstance(last, BadFrame) else last
        else:
            yield last
            count += 1
    if gunzip.fault:
        detail = f"{context.name}: the compressed data are damaged after record {count}: {gunzip.fault}"
        yield BadFrame(lost, "corrupt_compression", detail)


def to_raw(rows: list[Row]) -> Any:
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), RAW, strict=True)], schema=RAW
    )
