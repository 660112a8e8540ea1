"""Publishing: a candidate snapshot is built beside the current one, audited by the caller, and swapped in whole.

::

    published/touchloop.duckdb -> current/touchloop.duckdb
    published/parquet          -> current/parquet
    published/current          -> snapshots/<id>            the one name that is swapped

A reader that holds the old snapshot keeps a whole one; it is removed after a grace time. Parquet partitions that did not change
are hard links into the snapshot before.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from schemas.fields import Table
from schemas.registry import TABLES
from warehouse.store import SETTINGS

SELLER_TABLES = ("mart_seller_account_period", "mart_seller_period", "mart_response_time")


@dataclass(frozen=True)
class Partition:
    """One file of one table: its path below ``parquet/``, the SQL that selects its rows, and what identifies its content."""

    path: str
    where: str
    rows: int
    fingerprint: str


class Candidate:
    """A snapshot in the making. ``swap`` makes it the current one; ``discard`` forgets it."""

    def __init__(self, published: Path, snapshot_id: str) -> None:
        self.published = published
        self.id = snapshot_id
        self.folder = published / "snapshots" / f".{snapshot_id}.partial"
        self.database = self.folder / "touchloop.duckdb"

    def build(self, warehouse: Path, *, run_id: str, as_of: str, seller_level: bool) -> None:
        """Copy the closed warehouse and write or link its Parquet files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if seller_level:
            shutil.copyfile(warehouse, self.database)
        else:
            copy_without(warehouse, self.database, SELLER_TABLES)
        previous = read_manifest(current(self.published))
        con = duckdb.connect(str(self.database), read_only=True)
        try:
            for statement in SETTINGS:
                con.execute(statement)
            con.execute("SET preserve_insertion_order=true")
            manifest = self._write_parquet(con, previous, run_id)
        finally:
            con.close()
        manifest |= {"snapshot": self.id, "run_id": run_id, "as_of": as_of}
        (self.folder / "parquet" / "manifest.json").write_text(
            json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )

    def _write_parquet(self, con: duckdb.DuckDBPyConnection, previous: dict[str, Any], run_id: str) -> dict[str, Any]:
        parquet = self.folder / "parquet"
        old_folder = current(self.published)
        have = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        tables: dict[str, Any] = {}
        for table in TABLES.values():
            if table.name not in have:
                continue
            old = {f["path"]: f for f in previous.get("tables", {}).get(table.name, {}).get("files", [])}
            files = []
            for partition in partitions(con, table):
                path = parquet / partition.path
                path.parent.mkdir(parents=True, exist_ok=True)
                before = old.get(partition.path)
                if (
                    before
                    and before["fingerprint"] == partition.fingerprint
                    and old_folder
                    and link(old_folder / "parquet" / partition.path, path)
                ):
                    files.append(before)
                    continue
                write_partition(con, table, partition, path, run_id)
                entry = {
                    "path": partition.path,
                    "rows": partition.rows,
                    "fingerprint": partition.fingerprint,
                    "run_id": run_id,
                }
                files.append(entry | {"bytes": path.stat().st_size})
            tables[table.name] = {
                "schema_version": table.version,
                "rows": sum(f["rows"] for f in files),
                "files": files,
            }
        return {"tables": tables}

    def swap(self, keep_seconds: float, now: float) -> Path:
        """Make it current, whole and at once; then remove snapshots that were replaced longer ago than ``keep_seconds``."""
        final = self.folder.with_name(self.id)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(self.folder, final)
        before = current(self.published)
        for name in ("touchloop.duckdb", "parquet"):
            if not (self.published / name).is_symlink():
                point(self.published / name, Path("current") / name)
        point(self.published / "current", Path("snapshots") / self.id)
        if before and before != final:
            os.utime(before, (now, now))  # the time at which it was replaced
        for folder in (self.published / "snapshots").iterdir():
            stale = folder.name.startswith(".") or folder.stat().st_mtime < now - keep_seconds
            if folder != final and folder != before and stale:
                shutil.rmtree(folder, ignore_errors=True)
        return final

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def current(published: Path) -> Path | None:
    """The folder of the current snapshot, or None before the first."""
    link_path = published / "current"
    if not link_path.is_symlink():
        return None
    folder = published / os.readlink(link_path)
    return folder if folder.is_dir() else None


def read_manifest(snapshot: Path | None) -> dict[str, Any]:
    if snapshot is None:
        return {}
    try:
        manifest: dict[str, Any] = json.loads((snapshot / "parquet" / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest


def point(name: Path, target: Path) -> None:
    """Make ``name`` a symbolic link to ``target`` atomically, whatever it was before."""
    if name.is_dir() and not name.is_symlink():
        shutil.rmtree(name)
    partial = name.with_name(f".{name.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    os.replace(partial, name)


def link(old: Path, new: Path) -> bool:
    try:
        os.link(old, new)
    except OSError:
        return False
    return True


def partitions(con: duckdb.DuckDBPyConnection, table: Table) -> Iterator[Partition]:
    """The files that a table's rows fall into: by month of its time, or by period, or one.

    The fingerprint is the row count and the XOR of the rows' hashes: independent of the order of rows, and of the run.
    """
    fingerprint = "count(*), bit_xor(hash(t))::VARCHAR"
    columns: tuple[str, ...] = ()
    if table.month_of:
        key, columns = f"strftime({table.month_of}, '%Y-%m')", ("month",)
        rows = con.execute(f'SELECT {key}, {fingerprint} FROM "{table.name}" t GROUP BY 1 ORDER BY 1').fetchall()
    elif "period_start" in table.names:
        key, columns = "period_grain, period_start::VARCHAR", ("period_grain", "period_start")
        rows = con.execute(f'SELECT {key}, {fingerprint} FROM "{table.name}" t GROUP BY 1, 2 ORDER BY 1, 2').fetchall()
    else:
        rows = con.execute(f'SELECT {fingerprint} FROM "{table.name}" t').fetchall()
    for row in rows:
        values, (count, digest) = row[: len(columns)], row[len(columns) :]
        folders = "/".join(f"{c}={v}" for c, v in zip(columns, values, strict=True))
        where = "true"
        if table.month_of:
            year, month = (int(part) for part in values[0].split("-"))
            after = f"{year + month // 12}-{month % 12 + 1:02d}-01"
            where = f"{table.month_of} >= TIMESTAMPTZ '{values[0]}-01 00:00:00+00' AND {table.month_of} < TIMESTAMPTZ '{after} 00:00:00+00'"
        elif columns:
            where = " AND ".join(f"{c} = '{v}'" for c, v in zip(columns, values, strict=True))
        path = "/".join(part for part in (table.name, folders, "data.parquet") if part)
        yield Partition(path, where, count, f"{table.version}:{count}:{digest}")


def write_partition(
    con: duckdb.DuckDBPyConnection, table: Table, partition: Partition, path: Path, run_id: str
) -> None:
    order = f"ORDER BY {', '.join(table.sort)}" if table.sort else ""
    con.execute(
        f"""COPY (SELECT * FROM "{table.name}" WHERE {partition.where} {order}) TO '{str(path).replace("'", "''")}'
            (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{run_id: '{run_id}', schema_version: '{table.version}'}})"""
    )


def copy_without(warehouse: Path, target: Path, left_out: tuple[str, ...]) -> None:
    """Copy a database table by table, so that nothing of the tables left out lies in its free pages."""
    con = duckdb.connect(str(target))
    try:
        for statement in SETTINGS:
            con.execute(statement)
        con.execute(f"ATTACH '{str(warehouse).replace(chr(39), chr(39) * 2)}' AS warehouse (READ_ONLY)")
        from schemas.ddl import comments, create

        for table in TABLES.values():
            if table.name not in left_out:
                con.execute(create(table))
                con.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM warehouse.main."{table.name}"')
                for comment in comments(table):
                    con.execute(comment)
    finally:
        con.close()
