"""A parcel: a file of normalised records in the shared folder, whose name says what it holds."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa

from pipelines.cluster.ranges import Range
from pipelines.reading.label import Label
from pipelines.reading.landed import LANDED

_NAME = re.compile(
    r"kafka/(?P<topic>[^/]+)/(?P<partition>\d+)/(?P<start>\d{20})-(?P<end>\d{20})\.(?P<kind>records|gap)\.arrow"
)
_FILES = re.compile(r"files/[0-9a-f]{32}\.arrow")


def name_of(label: Label) -> str:
    """Follows from what is in the parcel: a second try, or a second job, writes the same records under the same name."""
    if label.files:
        digest = hashlib.sha256("\n".join(sorted(f.unit_id for f in label.files)).encode()).hexdigest()[:32]
        return f"files/{digest}.arrow"
    kind = "gap" if label.is_gap else "records"
    return f"kafka/{quote(label.topic, safe='')}/{label.partition}/{label.start:020d}-{label.end:020d}.{kind}.arrow"


def range_of(name: str) -> tuple[str, int, Range] | None:
    """(topic, partition, range) of a parcel of offsets, from its name alone; None for any other file."""
    found = _NAME.fullmatch(name)
    if found is None or int(found["start"]) >= int(found["end"]):
        return None
    range_ = Range(int(found["start"]), int(found["end"]), found["kind"] == "gap", name)
    return unquote(found["topic"]), int(found["partition"]), range_


def holds_files(name: str) -> bool:
    return _FILES.fullmatch(name) is not None


def empty(label: Label) -> Any:
    """A batch without rows that carries a label."""
    return pa.RecordBatch.from_pylist([], schema=label.on(LANDED))


def rows_within(batch: Any, start: int, end: int, unit_id: str, stride: int) -> Any:
    """The rows of offsets ``start`` up to ``end``, as records of the unit ``unit_id``. ``stride`` divides positions into offsets."""
    import pyarrow.compute as pc

    offset = pc.bit_wise_and(batch.column("position"), pa.scalar(stride - 1, pa.int64()))
    kept = batch.filter(pc.and_(pc.greater_equal(offset, start), pc.less(offset, end)))
    units = pa.array([unit_id], pa.string()).take(pa.array([0] * kept.num_rows, pa.int64()))
    return kept.set_column(0, LANDED.field(0), units).replace_schema_metadata(None)
