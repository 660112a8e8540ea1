"""The Parquet side of a snapshot: files written where their rows changed, linked from the snapshot before where not.

Small partitions of a table are read together, in one sorted query, and cut by their known numbers of rows: a query and a scan
for every file would cost more than the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial, reduce
from itertools import chain, groupby
from operator import xor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.fields import Table
from schemas.registry import TABLES
from warehouse.digests import UNKNOWN, Part, moment_of, source_of, start_of

TOGETHER = 5_000_000
"""Values (rows times columns) that are sorted at once, unless one partition has more."""
BATCH = 50_000
"""Rows of a row group: what a writer has in memory at once."""
WRITERS = 2
"""Of files at a time, where nothing else is to be done."""
MONTH = 31
SPANS = (MONTH, 8, 2, 1)
"""Days that a file of a month's may hold; the largest that keeps it small, as far as days do."""
ROWS_OF_A_FILE = 60_000
FORM = 2
"""Of fingerprints: where it changes, every file is written again. In the first, some changes did not show in a digest."""


@dataclass(frozen=True)
class Partition:
    """One file of one table: its path below ``parquet/``, the SQL that selects its rows, and what identifies its content."""

    path: str
    where: str
    rows: int
    fingerprint: str
    span: int = MONTH
    """Days of a month that it holds."""


def write_parquet(
    con: duckdb.DuckDBPyConnection,
    digests: Mapping[str, Sequence[Part]],
    folder: Path,
    old: Path | None,
    previous: dict[str, Any],
    run_id: str,
    writers: int = WRITERS,
) -> dict[str, Any]:
    """Write or link the files of every table into ``folder``; gives the manifest's ``tables``.

    ``digests`` are those of the database that ``con`` reads. ``old`` is the ``parquet`` folder of the snapshot before, and
    ``previous`` its manifest (empty if there is none).
    """
    tables: dict[str, Any] = {}
    jobs: list[tuple[Table, list[Partition], bool]] = []
    for name, parts in digests.items():
        table = TABLES[name]
        before = {f["path"]: f for f in previous.get("tables", {}).get(table.name, {}).get("files", [])}
        entries, changed = {}, []
        for partition in partitions(table, parts):
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
        jobs += [
            (table, group, len(group) == len(entries)) for group in groups(changed, TOGETHER // len(table.columns))
        ]
        files = list(entries.values())
        tables[table.name] = {"schema_version": table.version, "rows": sum(f["rows"] for f in files), "files": files}

    def write(job: tuple[Table, list[Partition], bool]) -> None:
        table, group, whole = job
        with con.cursor() as own:
            write_partitions(own, table, group, folder, run_id, whole=whole)

    with ThreadPoolExecutor(writers) as pool:
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


def partitions(table: Table, parts: Sequence[Part]) -> Iterator[Partition]:
    """The files that a table's rows fall into, in order: by month or days of it, or by period, or one.

    ``parts`` are its digests; so is the fingerprint of a file, which does not depend on the order of rows, nor on the run.
    """
    if not parts:  # a file without rows tells the columns
        yield Partition(f"{table.name}/data.parquet", "false", 0, _fingerprint(table, 0, 0))
        return
    if moment := moment_of(table):
        yield from _by_days(table, moment, [(_day(part), n, x) for part, n, x in parts])
        return
    columns = period_of(table)
    for part, count, digest in parts:
        named = list(zip(columns, part.split("/") if columns else (), strict=True))
        path = "/".join((table.name, *(f"{name}={value}" for name, value in named), "data.parquet"))
        where = " AND ".join(f"{name} = '{value}'" for name, value in named) or "true"
        yield Partition(path, where, count, _fingerprint(table, count, digest))


def _fingerprint(table: Table, rows: int, digest: int) -> str:
    return f"{FORM}:{table.version}:{rows}:{digest}"


def _day(part: str) -> date | None:
    return None if part == UNKNOWN else date.fromisoformat(part)


def _by_days(table: Table, moment: str, days: Sequence[tuple[date | None, int, int]]) -> Iterator[Partition]:
    """A month is one file, or as many as it takes to keep them small: a late row rewrites the days around it."""
    for start, month in groupby(days, lambda found: found[0] and found[0].replace(day=1)):
        found = list(month)
        if start is None:
            yield _partition(table, "month=unknown/data.parquet", f"{moment} IS NULL", found)
            continue
        rows = sum(count for _, count, _ in found)
        span = next(days for days in SPANS if rows * days <= ROWS_OF_A_FILE * MONTH or days == 1)
        end = (start + timedelta(MONTH)).replace(day=1)
        for part, own in groupby(found, partial(_part, span)):
            first = start + timedelta(part * span)
            after = min(first + timedelta(span), end)
            name = "data" if span == MONTH else f"days-{first.day:02d}-{(after - timedelta(1)).day:02d}"
            where = f"{moment} >= TIMESTAMPTZ '{first} 00:00:00+00' AND {moment} < TIMESTAMPTZ '{after} 00:00:00+00'"
            yield _partition(table, f"month={start:%Y-%m}/{name}.parquet", where, list(own), span)


def _part(span: int, found: tuple[date | None, int, int]) -> int:
    assert found[0] is not None
    return (found[0].day - 1) // span


def _partition(
    table: Table, name: str, where: str, found: Sequence[tuple[date | None, int, int]], span: int = MONTH
) -> Partition:
    count, digest = sum(n for _, n, _ in found), reduce(xor, (x for *_, x in found))
    return Partition(f"{table.name}/{name}", where, count, _fingerprint(table, count, digest), span)


def period_of(table: Table) -> tuple[str, ...]:
    return ("period_grain", "period_start") if "period_start" in table.names else ()


def keys_of(table: Table, span: int) -> tuple[str, ...]:
    """By what partitions of one span follow one another, in SQL."""
    if moment := moment_of(table):
        return start_of("month", moment), f"(day({start_of('day', moment)}) - 1) // {span}"
    return period_of(table)


def groups(changed: Sequence[Partition], rows: int) -> Iterator[list[Partition]]:
    """Neighbours of one span, up to so many rows: what is read by one query."""
    group: list[Partition] = []
    for partition in changed:
        if group and (sum(p.rows for p in group) + partition.rows > rows or partition.span != group[0].span):
            yield group
            group = []
        group.append(partition)
    if group:
        yield group


def write_partitions(
    con: duckdb.DuckDBPyConnection, table: Table, group: Sequence[Partition], folder: Path, run_id: str, *, whole: bool
) -> None:
    """Write the files of neighbouring partitions. Raises ``OSError`` if the disk does not take them.

    ``whole``: they are all of the table, and no row is looked at for which of them it is in.
    """
    order = [*(keys_of(table, group[0].span) if len(group) > 1 else ()), *(f't."{name}"' for name in table.sort)]
    wanted = "true" if whole else " OR ".join(f"({p.where})" for p in group)
    query = f"SELECT t.* FROM {source_of(table)} WHERE {wanted}"
    reader = con.sql(query + (f" ORDER BY {', '.join(order)}" if order else "")).to_arrow_reader(BATCH)
    schema = reader.schema.with_metadata({"run_id": run_id, "schema_version": table.version})
    # many columns of few rows: there zstd costs half as much again as all else of a file, and saves a twelfth
    compression = "snappy" if period_of(table) else "zstd"
    rows = _Rows(reader)
    for partition in group:
        with pq.ParquetWriter(folder / partition.path, schema, compression=compression) as writer:
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
