"""The Parquet side of a snapshot: one file a partition, written where its rows changed, linked from the snapshot before where not.

Small partitions of a table are read together, in one sorted query, and cut by their known numbers of rows: a query and a scan
for every file would cost more than the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.fields import Table
from schemas.registry import TABLES

TOGETHER = 5_000_000
"""Values (rows times columns) that are sorted at once, unless one partition has more."""
BATCH = 50_000
"""Rows of a row group: what a writer has in memory at once."""
WRITERS = 2


@dataclass(frozen=True)
class Partition:
    """One file of one table: its path below ``parquet/``, the SQL that selects its rows, and what identifies its content."""

    path: str
    where: str
    rows: int
    fingerprint: str


def write_parquet(
    con: duckdb.DuckDBPyConnection, folder: Path, old: Path | None, previous: dict[str, Any], run_id: str
) -> dict[str, Any]:
    """Write or link the files of every table into ``folder``; gives the manifest's ``tables``.

    ``old`` is the ``parquet`` folder of the snapshot before, and ``previous`` its manifest (empty if there is none).
    """
    have = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    tables: dict[str, Any] = {}
    jobs: list[tuple[Table, list[Partition]]] = []
    for table in TABLES.values():
        if table.name not in have:
            continue
        before = {f["path"]: f for f in previous.get("tables", {}).get(table.name, {}).get("files", [])}
        entries, changed = {}, []
        for partition in partitions(con, table):
            (folder / partition.path).parent.mkdir(parents=True, exist_ok=True)
            known = before.get(partition.path)
            if (
                known
                and known["fingerprint"] == partition.fingerprint
                and old
                and link(old / partition.path, folder / partition.path)
            ):
                entries[partition.path] = known
            else:
                entries[partition.path] = {
                    "path": partition.path,
                    "rows": partition.rows,
                    "fingerprint": partition.fingerprint,
                    "run_id": run_id,
                }
                changed.append(partition)
        jobs += [(table, group) for group in groups(changed, TOGETHER // len(table.columns))]
        files = list(entries.values())
        tables[table.name] = {"schema_version": table.version, "rows": sum(f["rows"] for f in files), "files": files}

    def write(job: tuple[Table, list[Partition]]) -> None:
        with con.cursor() as own:
            write_partitions(own, job[0], job[1], folder, run_id)

    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(write, jobs):
            pass  # what one of them raises is raised here
    for table_entry in tables.values():
        for file in table_entry["files"]:
            file.setdefault("bytes", (folder / file["path"]).stat().st_size)
    return tables


def link(old: Path, new: Path) -> bool:
    try:
        os.link(old, new)
    except OSError:
        return False
    return True


def partitions(con: duckdb.DuckDBPyConnection, table: Table) -> Iterator[Partition]:
    """The files that a table's rows fall into, in order: by month, or by period, or one.

    The fingerprint is the row count and the XOR of the rows' hashes: independent of the order of rows, and of the run.
    """
    keys, columns = keys_of(table), columns_of(table)
    grouping = f"GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}" if keys else ""
    selected = "".join(f"({key})::VARCHAR, " for key in keys)
    rows = con.execute(f"SELECT {selected}count(*), bit_xor(hash(t))::VARCHAR FROM {source_of(table)} {grouping}")
    for row in rows.fetchall():
        values, (count, digest) = row[: len(keys)], row[len(keys) :]
        if columns == ("month",) and values[0]:
            values = (values[0][:7],)
        folders = [f"{c}={v or 'unknown'}" for c, v in zip(columns, values, strict=True)]
        path = "/".join((table.name, *folders, "data.parquet"))
        yield Partition(path, _where(table, values), count, f"{table.version}:{count}:{digest}")


def columns_of(table: Table) -> tuple[str, ...]:
    """The folders below a table's: ``month=2026-03``, or ``period_grain=week/period_start=2026-03-02``."""
    if table.month_of or table.by_touchpoint:
        return ("month",)
    return ("period_grain", "period_start") if "period_start" in table.names else ()


def keys_of(table: Table) -> tuple[str, ...]:
    """What rows are grouped and ordered by into partitions, in SQL."""
    if moment := _moment(table):
        # of a TIMESTAMP: of a TIMESTAMPTZ the month is looked up in a calendar, row by row
        return (f"date_trunc('month', make_timestamp(epoch_us({moment})))",)
    return columns_of(table)


def source_of(table: Table) -> str:
    """The table, as ``t``, and where its months come from."""
    if table.by_touchpoint:
        return f'"{table.name}" t LEFT JOIN (SELECT touchpoint_id, occurred_at FROM fact_touchpoint) p USING (touchpoint_id)'
    return f'"{table.name}" t'


def _moment(table: Table) -> str | None:
    return "p.occurred_at" if table.by_touchpoint else f't."{table.month_of}"' if table.month_of else None


def _where(table: Table, values: Sequence[str | None]) -> str:
    """The rows of one partition. A range of moments, so that DuckDB may skip what its statistics rule out."""
    if moment := _moment(table):
        if values[0] is None:
            return f"{moment} IS NULL"
        year, month = (int(part) for part in values[0].split("-"))
        start, end = f"{values[0]}-01 00:00:00+00", f"{year + month // 12}-{month % 12 + 1:02d}-01 00:00:00+00"
        return f"{moment} >= TIMESTAMPTZ '{start}' AND {moment} < TIMESTAMPTZ '{end}'"
    return " AND ".join(f"{c} = '{v}'" for c, v in zip(columns_of(table), values, strict=True)) or "true"


def groups(changed: Sequence[Partition], rows: int) -> Iterator[list[Partition]]:
    """Neighbours, up to so many rows: what is read by one query."""
    group: list[Partition] = []
    for partition in changed:
        if group and sum(p.rows for p in group) + partition.rows > rows:
            yield group
            group = []
        group.append(partition)
    if group:
        yield group


def write_partitions(
    con: duckdb.DuckDBPyConnection, table: Table, group: Sequence[Partition], folder: Path, run_id: str
) -> None:
    """Write the files of neighbouring partitions. Raises ``OSError`` if the disk does not take them."""
    order = [*(keys_of(table) if len(group) > 1 else ()), *(f't."{name}"' for name in table.sort)]
    query = f"SELECT t.* FROM {source_of(table)} WHERE {' OR '.join(f'({p.where})' for p in group)}"
    reader = con.execute(query + (f" ORDER BY {', '.join(order)}" if order else "")).to_arrow_reader(BATCH)
    schema = reader.schema.with_metadata({"run_id": run_id, "schema_version": table.version})
    rows = _Rows(reader)
    for partition in group:
        with pq.ParquetWriter(folder / partition.path, schema, compression="zstd") as writer:
            for batch in rows.take(partition.rows):
                writer.write_table(pa.Table.from_batches([batch.replace_schema_metadata(None)], schema))
    rows.end()


class _Rows:
    """A stream of batches, cut anew."""

    def __init__(self, reader: Any) -> None:
        self.batches: Iterator[pa.RecordBatch] = iter(reader)

    def take(self, count: int) -> Iterator[pa.RecordBatch]:
        """The next ``count`` rows. Raises ``ValueError`` if there are fewer."""
        while count:
            batch = next(self.batches, None)
            if batch is None:
                raise ValueError(f"{count:,} rows are missing of what was counted")
            if batch.num_rows > count:
                self.batches = chain([batch.slice(count)], self.batches)
                batch = batch.slice(0, count)
            count -= batch.num_rows
            yield batch

    def end(self) -> None:
        """Raises ``ValueError`` if there are rows that nobody took."""
        if any(batch.num_rows for batch in self.batches):
            raise ValueError("there are more rows than were counted")
