"""The two files of state, opened together: the warehouse (published as it is) and the vault (never published)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from schemas.ddl import SQL_TYPES, comments, create, descriptions, quoted
from schemas.fields import Column, Table
from schemas.registry import TABLES
from warehouse import digests, identity, restated
from warehouse.rows import first

_ZSTD = " USING COMPRESSION zstd"
VAULT_DDL = f"""
CREATE TABLE IF NOT EXISTS vault.event_detail (
  event_id VARCHAR NOT NULL, fold_hash UBIGINT NOT NULL, unit_id VARCHAR NOT NULL, position BIGINT NOT NULL,
  received_at BIGINT NOT NULL, payload_hash VARCHAR NOT NULL, detail BLOB NOT NULL{_ZSTD});
CREATE TABLE IF NOT EXISTS vault.edge (unit_id VARCHAR NOT NULL, a UBIGINT NOT NULL, b UBIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS vault.kin (a UBIGINT NOT NULL, b UBIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS vault.binding (unit_id VARCHAR NOT NULL, ids VARCHAR[] NOT NULL);
CREATE TABLE IF NOT EXISTS vault.bound (ids VARCHAR[] NOT NULL);
CREATE TABLE IF NOT EXISTS vault.reject_payload (unit_id VARCHAR NOT NULL, position BIGINT NOT NULL, payload BLOB);
CREATE TABLE IF NOT EXISTS vault.dirty (fold_hash UBIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS vault.seen (location VARCHAR NOT NULL, size BIGINT NOT NULL, modified BIGINT NOT NULL, unit_id VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS vault.mark (name VARCHAR NOT NULL, value VARCHAR NOT NULL);
"""

VAULT_VERSION = "v1.5.0"
"""Of DuckDB's storage: the first that packs events with zstd, in half the room and at less cost than what came before."""
WAREHOUSE_VERSION = "v1.0.0"
"""The warehouse is published, and an analyst's DuckDB may be an older one."""

BLOCK_SIZE = 65_536
"""Bytes. A commit writes blocks of a thousand columns, most of them small: of an increment of 9,000 records on 170,000 it takes 0.27 s, and
with DuckDB's own 262,144 it is 0.46 s and a file a fifth larger. DuckDB reads other sizes since 1.1."""

THREADS = 1
"""Of a connection. With two, an increment of 10,000 records takes a third more of the processors and no less time, and a million records
at once take as long; the writer's also leave row groups half full, which are written again. Writer, auditor and whoever writes
Parquet work beside each other."""

NOT_WORTH_IT = "fsst"
"""Of ways to compress: it makes the file a twentieth smaller, and a commit's checkpoint a quarter longer."""

RESTING_MB = 100
"""Of a connection that waits for long."""
LITTLE_MB, LITTLE_SHARE = 250, 0.15
"""Of a connection that changes little, and for each megabyte of both files: with 350 MB increments of a thousand records took no longer than
with 700 on warehouses of one million and of four million records."""

SETTINGS = (
    "SET TimeZone='UTC'",
    "SET autoinstall_known_extensions=false",  # they would be downloaded
    "SET autoload_known_extensions=false",
    "SET preserve_insertion_order=false",  # else a large COPY or INSERT buffers everything to keep an order nobody asks for
    "SET enable_progress_bar=false",
)


def stored_type(column: Column) -> str:
    """The type by the name that DuckDB tells it."""
    declared = SQL_TYPES[column.type]
    return "TIMESTAMP WITH TIME ZONE" if declared == "TIMESTAMPTZ" else declared


SOURCES = ("fact_event", "ledger_unit", "rejected_record", "ignored_record_count", "dim_run", restated.LOG)
"""What nothing else here says again. The other tables follow from these and the vault: another version makes its own."""

DERIVE_AGAIN = ""
"""Of the mark ``config``: no settings are these, so everything below the events is built again by the next increment."""


class StaleState(OSError):
    """The warehouse is another version's, and cannot be brought up to date where it stands."""


class UnpairedState(OSError):
    """The two files do not tell of the same events: they are from different times, or of different workspaces."""


class Store:
    """One connection to both files. A transaction may write to only one of them: the vault goes first, the warehouse decides.

    ``recover`` has been run when the constructor returns. ``memory_mb`` bounds DuckDB's buffer; see ``allow``.
    """

    def __init__(self, warehouse: Path, vault: Path, scratch: Path, *, memory_mb: int = 700) -> None:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
        for there, missing in ((warehouse, vault), (vault, warehouse)):
            if there.exists() and not missing.exists() and not (there == vault and _is_new(vault)):
                raise FileNotFoundError(
                    f"{there} is there, but {missing} is missing: they belong together. Restore both from one backup, "
                    f"without a *.wal beside them, or remove the folder {warehouse.parent} and build it again from the inbox"
                )
        # in this order: a crash between the two leaves what the next start takes as new
        for path, version in ((vault, VAULT_VERSION), (warehouse, WAREHOUSE_VERSION)):
            if not path.exists():
                make_database(path, version)
        self.path, self.vault = warehouse, vault
        self.landed: Any = None
        """The registered landing (``warehouse.landed``), an Arrow table."""
        self.connection = duckdb.connect(str(warehouse))
        for statement in SETTINGS:
            self.connection.execute(statement)
        self.connection.execute(f"SET threads={THREADS}")
        self.connection.execute(f"SET disabled_compression_methods='{NOT_WORTH_IT}'")
        self.memory_mb = self.most_mb = memory_mb
        self.connection.execute(f"SET memory_limit='{memory_mb}MB'")
        self.connection.execute(f"SET temp_directory='{str(scratch / 'spill').replace(chr(39), chr(39) * 2)}'")
        self.connection.execute(f"ATTACH '{str(vault).replace(chr(39), chr(39) * 2)}' AS vault")
        try:
            self._lay_out()
            self.recover()
            self._check_pair()
        except BaseException:
            self.connection.close()
            raise

    def _lay_out(self) -> None:
        have: dict[str, dict[str, str]] = {}
        for table_name, column, kind in self.connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name <> 'vault' AND NOT internal"
        ).fetchall():
            have.setdefault(table_name, {})[column] = kind
        # all are looked at before any is changed
        lacking = {name: self._lacking(TABLES[name], have[name]) for name in SOURCES if name in have}
        derived = [table for table in TABLES.values() if table.name not in SOURCES]
        is_stale = bool(have) and any(have.get(t.name) != {c.name: stored_type(c) for c in t.columns} for t in derived)
        # a vault of an older form has its table already, and DuckDB 2 refuses the very words there
        is_there = first(
            self.connection,
            "SELECT 1 FROM duckdb_tables() WHERE database_name = 'vault' AND table_name = 'event_detail'",
        )
        self.connection.execute(VAULT_DDL.replace(_ZSTD, "") if is_there else VAULT_DDL)
        if is_stale or any(lacking.values()) or (have and identity.TELLERS not in have):
            self.set_mark("config", DERIVE_AGAIN)
        self.connection.execute("BEGIN")
        self.connection.execute(digests.DDL)
        self.connection.execute(identity.DDL)
        if is_stale or any(lacking.values()):
            self.connection.execute(f"DELETE FROM {digests.DIGESTS}")  # they are of rows with other columns
        for table in derived if is_stale else ():
            if not restated.set_aside(self.connection, table.name, have.get(table.name, {})):
                self.connection.execute(f'DROP TABLE IF EXISTS "{table.name}"')
            have.pop(table.name, None)
        for table in TABLES.values():
            if table.name not in have:
                self.connection.execute(create(table))
            for column in lacking.get(table.name, ()):
                self.connection.execute(
                    f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {SQL_TYPES[column.type]}'
                )
        self._describe()
        self.connection.execute("COMMIT")

    def _describe(self) -> None:
        """The comments of this version: a published file is a copy of this one, and the tables may be of a version that said otherwise."""
        said: dict[str, dict[str, str]] = {}
        for table_name, column, comment in self.connection.execute(
            """SELECT table_name, '', comment FROM duckdb_tables() WHERE database_name <> 'vault' AND NOT internal
               UNION ALL SELECT table_name, column_name, comment FROM duckdb_columns() WHERE database_name <> 'vault' AND NOT internal"""
        ).fetchall():
            said.setdefault(table_name, {})[column] = comment
        for table in TABLES.values():
            if not descriptions(table).items() <= said[table.name].items():
                for statement in comments(table):
                    self.connection.execute(statement)

    def _lacking(self, table: Table, have: dict[str, str]) -> list[Column]:
        """Columns that a table of an older version lacks and can be given; a newer version's columns may stay.

        Raises ``StaleState`` where that is not enough: a column that may not be NULL, or one of another type.
        """
        lacking = [column for column in table.columns if column.name not in have]
        other = [c for c in table.columns if c.name in have and have[c.name] != stored_type(c)]
        for column in (*other, *(c for c in lacking if c.required)):
            now = have.get(column.name, "missing")
            raise StaleState(
                f"{self.path} was made by another version of touchloop: {table.name}.{column.name} is {now} there, and {stored_type(column)} here. "
                f"Go back to that version, or move {self.path.parent} aside and run: it is built again from the inbox and the topics"
            )
        return lacking

    def recover(self) -> None:
        """Drop from the vault what a crash left between its commit and the warehouse's: events and units that the warehouse lacks."""
        if self.mark("landing") is None:
            return
        self.connection.execute(
            "DELETE FROM vault.event_detail WHERE event_id NOT IN (SELECT event_id FROM fact_event)"
        )
        for table in ("edge", "binding", "reject_payload", "seen"):
            self.connection.execute(f"DELETE FROM vault.{table} WHERE unit_id NOT IN (SELECT unit_id FROM ledger_unit)")
        self.set_mark("landing", None)

    def _check_pair(self) -> None:
        """Raises ``UnpairedState`` where one file holds events that the other lacks; what is derived then would tell of a part of them."""
        events = self.count("SELECT count(*) FROM fact_event")
        details = self.count("SELECT count(*) FROM vault.event_detail")
        if events != details:
            raise UnpairedState(
                f"{self.path} has {events:,} events, and {self.vault} has {details:,}: they do not belong together. Restore both from one backup, "
                f"without a *.wal beside them, or remove the folder {self.path.parent} and build it again from the inbox and the topics"
            )

    def mark(self, name: str) -> str | None:
        """A small fact that outlives the process."""
        # the name in the query: for a parameter DuckDB imports pandas, which takes longer than all else of a run with nothing new
        row = first(self.connection, f"SELECT value FROM vault.mark WHERE name = {quoted(name)}")
        return row[0] if row else None

    def set_mark(self, name: str, value: str | None) -> None:
        self.connection.execute("BEGIN")
        self.connection.execute("DELETE FROM vault.mark WHERE name = ?", [name])
        if value is not None:
            self.connection.execute("INSERT INTO vault.mark VALUES (?, ?)", [name, value])
        self.connection.execute("COMMIT")

    def count(self, sql: str) -> int:
        row = first(self.connection, sql)
        assert row is not None
        return int(row[0])

    def allow(self, *, little: bool) -> None:
        """Before work begins: all the memory that there is for it, or no more than a little of it is done as fast with: a
        stream's memory then grows with its warehouse by far less than the warehouse."""
        size = sum(path.stat().st_size for path in (self.path, self.vault)) / 1e6
        wanted = min(self.most_mb, LITTLE_MB + int(LITTLE_SHARE * size)) if little else self.most_mb
        with self.connection.cursor() as beside, suppress(duckdb.OutOfMemoryException):
            beside.execute(f"SET memory_limit='{wanted}MB'")
            self.memory_mb = wanted

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """While others are at work: what is buffered goes back to the machine, and is read again afterwards."""
        with self.connection.cursor() as beside:  # here a refusal ends no transaction that is open
            with suppress(duckdb.OutOfMemoryException):  # more than that is in use
                beside.execute(f"SET memory_limit='{RESTING_MB}MB'")
            try:
                yield
            finally:
                beside.execute(f"SET memory_limit='{self.memory_mb}MB'")

    def commit_to_file(self) -> None:
        """Commit what changes much of the warehouse straight into its file: by way of the log it would be written twice."""
        self.connection.execute("SET checkpoint_threshold='1KB'")
        self.connection.execute("COMMIT")  # whoever hears that it failed closes the store
        self.connection.execute("RESET checkpoint_threshold")

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_database(path: Path, version: str) -> None:
    """An empty database under its name at once and whole: one that is half written cannot be opened.

    A log beside it is another's of that name (of a try that was killed, of files that were removed), and would be replayed into it.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH {quoted(str(new))} AS made (STORAGE_VERSION {quoted(version)}, BLOCK_SIZE {BLOCK_SIZE})"
        )
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    os.replace(new, path)


def _is_new(path: Path) -> bool:
    """Whether nothing was ever put into a file: its tables are laid out when the other one is there too."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return first(connection, "SELECT 1 FROM duckdb_tables() LIMIT 1") is None


def clear_mark(vault: Path, name: str, value: str | None = None) -> None:
    """Forget a mark (of this value, if one is given) while the store is closed, without opening the warehouse for it."""
    with duckdb.connect(str(vault)) as connection:
        connection.execute("DELETE FROM mark WHERE name = ? AND coalesce(value = ?, true)", [name, value])
