"""The form in which records land: what became of each, one RecordBatch a file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pyarrow as pa

LANDED = pa.schema(
    [
        pa.field("unit_id", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),  # event, ignored, rejected
        pa.field("system", pa.string(), nullable=False),
        # of an event
        pa.field("event_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("source_event_id", pa.string()),
        pa.field("revision", pa.int32()),
        pa.field("channel", pa.string()),
        pa.field("family", pa.string()),
        pa.field("status", pa.string()),
        pa.field("is_void", pa.bool_()),
        pa.field("occurred_at", pa.int64()),
        pa.field("ended_at", pa.int64()),
        pa.field("recorded_at", pa.int64()),
        pa.field("payload_hash", pa.string()),
        pa.field("fold_hash", pa.uint64()),
        pa.field("link_hashes", pa.list_(pa.uint64())),
        pa.field("binding", pa.list_(pa.string())),
        pa.field("detail", pa.binary()),
        # of the others
        pa.field("reason", pa.string()),
        pa.field("field_path", pa.string()),
        pa.field("explanation", pa.string()),
        pa.field("payload", pa.binary()),
    ]
)


def land(batch: Any, folder: Path) -> Path:
    """Write one batch to a file whose name follows from the records in it, so that a second try overwrites the first.

    The file appears whole or not at all. It is not forced to disk: until its rows are committed it can be made again from the
    source, and afterwards nobody reads it.
    """
    units = batch.column("unit_id")
    name = hashlib.sha256(
        f"{units[0]}:{batch.column('position')[0]}:{units[-1]}:{batch.column('position')[-1]}".encode()
    ).hexdigest()[:32]
    path = folder / f"{name}.arrow"
    partial = folder / f".{name}.{os.getpid()}.partial"
    with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    os.replace(partial, path)
    return path
