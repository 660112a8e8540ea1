"""Arrow IPC files, mapped into memory, for DuckDB to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa


def stream(files: Sequence[Path], schema: Any = None) -> Any:
    """The files' batches, to be registered and scanned once; ``schema`` is the first file's unless given.

    Files are mapped and read one after the other. A dataset's scanner reads dozens of batches ahead, which no memory limit
    of DuckDB's covers.
    """
    if schema is None:
        with pa.memory_map(str(files[0])) as source:
            schema = pa.ipc.open_file(source).schema
    return pa.RecordBatchReader.from_batches(schema, batches(files))


@contextmanager
def reading(connection: Any, files: Sequence[Path]) -> Iterator[str | None]:
    """A query of the rows in staged files; None where there are none."""
    if not files:
        yield None
        return
    connection.register("staged", stream(files))
    yield "FROM staged"
    connection.unregister("staged")


def batches(files: Sequence[Path]) -> Iterator[Any]:
    """The files' batches, mapped: what is not looked at is not read."""
    for file in files:
        with pa.memory_map(str(file)) as source:
            reader = pa.ipc.open_file(source)
            for i in range(reader.num_record_batches):
                yield reader.get_batch(i)
