"""Result rows on their way to the warehouse: one Arrow file per shard, table and batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.arrow import to_batch
from schemas.registry import TABLES


class Stage:
    """Collects structs by table and writes them out in batches, under names that a second try would use again."""

    def __init__(self, folder: Path, shard: str, rows_per_file: int = 50_000) -> None:
        self.folder, self.shard, self.limit = folder, shard, rows_per_file
        self._rows: dict[str, list[Any]] = {}
        self._files: dict[str, int] = {}

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

    def _write(self, table: str) -> None:
        rows = self._rows.pop(table)
        number = self._files.get(table, 0)
        self._files[table] = number + 1
        batch = to_batch(TABLES[table], rows)
        path = self.folder / f"{table}.{self.shard}.{number}.arrow"
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        os.replace(partial, path)


def staged(folder: Path, table: str) -> list[Path]:
    return sorted(folder.glob(f"{table}.*.arrow"))
