"""Publishing: a candidate snapshot is built beside the current one, audited by the caller, and swapped in whole.

::

    published/touchloop.duckdb -> current/touchloop.duckdb
    published/parquet          -> current/parquet
    published/report           -> current/report            where the snapshot has one
    published/current          -> snapshots/<id>            the one name that is swapped
    snapshots/<id>/data-docs   -> ../../data-docs           so that the report's link to it leads there from all of these names

A reader that holds the old snapshot keeps a whole one; it is removed after a grace time. Parquet partitions that did not change
are hard links into the snapshot before; where a database goes ahead of its files, all of them are, until ``Candidate.again``
brings files of its own beside it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from schemas.ddl import comments, create, quoted
from schemas.registry import TABLES
from warehouse.digests import DIGESTS, Part, digests_of
from warehouse.identity import TELLERS
from warehouse.parquet import WRITERS, link, write_parquet
from warehouse.rows import of_last_run
from warehouse.store import SETTINGS

SELLER_TABLES = ("mart_seller_account_period", "mart_seller_period", "mart_response_time")
SELLER_ROWS = {"metric_restatement": "seller_id IS NOT NULL"}
"""Of tables that stay, the rows that are of seller level."""
MEMORY = "300MB"
"""For sorting what Parquet gets; beyond it DuckDB spills. All files of four million records take 4 % longer than with 500 MB."""
MEMORY_BESIDE = "200MB"
"""With one writer the files of four million records take as long with 150 MB as with 300, and cannot be sorted with 100."""


OPEN_TO_ALL = "SET experimental_metadata_reuse=false"
"""What the writer's many checkpoints leave of each other's metadata, DuckDB before 1.4.2 sometimes cannot open. So a snapshot's is written
anew, in 0.05 s of one million records, and 0.1 s of four."""


class Candidate:
    """A snapshot in the making. ``swap`` makes it the current one; ``discard`` forgets it."""

    def __init__(self, published: Path, snapshot_id: str) -> None:
        self.published = published
        self.id = snapshot_id
        self.folder = published / "snapshots" / f".{snapshot_id}.partial"
        self.final = published / "snapshots" / snapshot_id
        """Where it goes when it is swapped in."""
        self.database = self.folder / "touchloop.duckdb"
        self.spill = published / "snapshots" / f".{snapshot_id}.spill"
        """Folder for what does not fit in memory."""
        self.digests: dict[str, list[Part]] = {}
        """Of its tables, once it is copied."""

    def copy(self, warehouse: Path, *, seller_level: bool, afresh: bool = False) -> None:
        """Copy the closed warehouse: then ``database`` may be audited. ``afresh``: the digests that it keeps are not believed.

        What a crash has left of other candidates goes first, for it may be what the disk lacks; so does a copy that fails.
        """
        for left in self.folder.parent.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self._copy(warehouse, seller_level, afresh)
        except BaseException:
            self.discard()
            raise

    def _copy(self, warehouse: Path, seller_level: bool, afresh: bool) -> None:
        if seller_level:
            copy_file(warehouse, self.database)
        else:
            copy_without(warehouse, self.database, SELLER_TABLES)
        with duckdb.connect(str(self.database)) as con:
            for statement in SETTINGS:
                con.execute(statement)
            with suppress(duckdb.CatalogException):  # of a version that knows no such setting
                con.execute(OPEN_TO_ALL)
            if afresh:
                con.execute(f"DROP TABLE IF EXISTS {DIGESTS}")
            self.digests = digests_of(con)
            for bookkeeping in (DIGESTS, TELLERS):
                con.execute(f"DROP TABLE IF EXISTS {bookkeeping}")

    def again(self, snapshot_id: str) -> Candidate:
        """Another snapshot of the same database, once this one is current."""
        other = Candidate(self.published, snapshot_id)
        shutil.rmtree(other.folder, ignore_errors=True)
        other.folder.mkdir(parents=True)
        link_file(self.final / self.database.name, other.database)
        other.digests = self.digests
        return other

    def keep_files(self) -> None:
        """Parquet files and the report of the current snapshot are this one's too: they are of an earlier run, as they say."""
        old = current(self.published)
        assert old is not None
        for name in ("parquet", "report"):
            if (old / name).is_dir():
                shutil.copytree(old / name, self.folder / name, copy_function=link_file)

    def write_parquet(self, *, run_id: str, beside: bool = False) -> None:
        """Write or link the Parquet files of the copied database; ``beside`` other work, with one writer, one thread and less memory."""
        memory, writers = (MEMORY_BESIDE, 1) if beside else (MEMORY, WRITERS)
        old = current(self.published)
        con = duckdb.connect(str(self.database), read_only=True)
        try:
            for statement in (
                *SETTINGS,
                *(("SET threads=1",) if beside else ()),
                f"SET memory_limit='{memory}'",
                f"SET temp_directory={quoted(str(self.spill))}",
            ):
                con.execute(statement)
            run_at = of_last_run(con, "as_of")
            tables = write_parquet(
                con, self.digests, self.folder / "parquet", old / "parquet" if old else None, read_manifest(old), run_id,
                writers,
            )  # fmt: skip
        finally:
            con.close()
        as_of = run_at.isoformat() if run_at else ""
        manifest = {"snapshot": self.id, "run_id": run_id, "as_of": as_of, "tables": tables}
        (self.folder / "parquet" / "manifest.json").write_text(
            json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )

    def swap(self, keep_seconds: float, now: float, keep_at_most: int) -> Path:
        """Make it current, whole and at once; then remove snapshots that were replaced longer ago than ``keep_seconds``, or
        before the last ``keep_at_most``: a stream replaces one every few seconds."""
        final = self.final
        if (self.folder / "report").is_dir():
            point(self.folder / "data-docs", Path("..") / ".." / "data-docs")
        shutil.rmtree(final, ignore_errors=True)
        os.replace(self.folder, final)
        before = current(self.published)
        for name in ("touchloop.duckdb", "parquet"):
            if not (self.published / name).is_symlink():
                point(self.published / name, Path("current") / name)
        point(self.published / "current", Path("snapshots") / self.id)
        report = self.published / "report"
        if not (final / "report").is_dir():
            if report.is_symlink():
                report.unlink()
        elif not report.is_symlink():
            point(report, Path("current") / "report")
        if before and before != final:
            os.utime(before, (now, now))  # the time at which it was replaced
        kept = 0
        newest_first = sorted((self.published / "snapshots").iterdir(), key=lambda f: (-f.stat().st_mtime, f.name))
        for folder in newest_first:
            if folder in (final, before):
                continue
            stale = folder.name.startswith(".") or folder.stat().st_mtime < now - keep_seconds
            if stale or kept >= keep_at_most:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                kept += 1
        return final

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.spill, ignore_errors=True)


def current(published: Path) -> Path | None:
    """The folder of the current snapshot, or None before the first."""
    link_path = published / "current"
    if not link_path.is_symlink():
        return None
    folder = published / os.readlink(link_path)
    return folder if folder.is_dir() else None


def run_of(published: Path) -> str | None:
    """The run of the current snapshot, or None before the first."""
    folder = current(published)
    return folder.name.partition("-")[0] if folder else None


def is_whole(published: Path) -> bool:
    """Whether readers find what the names lead to; somebody may have cleared a folder, or put a file of their own in a name's place."""
    snapshot = current(published)
    if snapshot is None or not all((published / name).is_symlink() for name in ("touchloop.duckdb", "parquet")):
        return False
    tables = read_manifest(snapshot).get("tables", {})
    return (
        (published / "touchloop.duckdb").is_file()
        and bool(tables)
        and all((snapshot / "parquet" / table).is_dir() for table in tables)
    )


def read_manifest(snapshot: Path | None) -> dict[str, Any]:
    if snapshot is None:
        return {}
    try:
        manifest: dict[str, Any] = json.loads((snapshot / "parquet" / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest


def has_own_files(snapshot: Path) -> bool:
    """Whether its Parquet files are of its database, and not of a snapshot before."""
    return bool(read_manifest(snapshot).get("snapshot") == snapshot.name)


def point(name: Path, target: Path) -> None:
    """Make ``name`` a symbolic link to ``target`` atomically, whatever it was before."""
    if name.is_dir() and not name.is_symlink():
        shutil.rmtree(name)
    partial = name.with_name(f".{name.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    os.replace(partial, name)


def copy_file(source: Path, target: Path) -> None:
    """Copy inside the kernel; a file system that can share blocks (XFS, Btrfs) shares them, and the copy costs nothing."""
    with source.open("rb") as reading, target.open("xb") as writing:
        left = os.fstat(reading.fileno()).st_size
        try:
            while left and (done := os.copy_file_range(reading.fileno(), writing.fileno(), left)):
                left -= done
        except (OSError, AttributeError):  # another file system, or another kernel
            left = -1
    if left:
        shutil.copyfile(source, target)


def link_file(source: str | Path, target: str | Path) -> None:
    """A hard link, or a copy where the file system has none."""
    if not link(Path(source), Path(target)):
        copy_file(Path(source), Path(target))


def copy_without(warehouse: Path, target: Path, left_out: tuple[str, ...]) -> None:
    """Copy a database table by table, so that nothing of the tables left out lies in its free pages."""
    con = duckdb.connect(str(target))
    try:
        for statement in SETTINGS:
            con.execute(statement)
        con.execute(f"ATTACH {quoted(str(warehouse))} AS warehouse (READ_ONLY)")
        rows = {name: f"NOT ({SELLER_ROWS.get(name, 'false')})" for name in TABLES if name not in left_out}
        copy_tables(con, "warehouse", rows)
        con.execute(f"CREATE TABLE {DIGESTS} AS FROM warehouse.main.{DIGESTS}")
    finally:
        con.close()


def copy_tables(con: Any, source: str, rows: Mapping[str, str]) -> None:
    """Make tables with their comments, and fill each from the attached database ``source`` with the rows of its condition (SQL)."""
    for name, condition in rows.items():
        con.execute(create(TABLES[name]))
        con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM {source}.main."{name}" WHERE {condition}')
        for comment in comments(TABLES[name]):
            con.execute(comment)
