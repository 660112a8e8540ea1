"""The two files of state, opened together: the warehouse (published as it is) and the vault (never published)."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import duckdb

from schemas.ddl import comments, create
from schemas.registry import TABLES

VAULT_DDL = """
CREATE TABLE IF NOT EXISTS vault.event_detail (
  event_id VARCHAR NOT NULL, fold_hash UBIGINT NOT NULL, unit_id VARCHAR NOT NULL, position BIGINT NOT NULL,
  received_at BIGINT NOT NULL, payload_hash VARCHAR NOT NULL, detail BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS vault.edge (unit_id VARCHAR NOT NULL, a UBIGINT NOT NULL, b UBIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS vault.binding (unit_id VARCHAR NOT NULL, ids VARCHAR[] NOT NULL);
CREATE TABLE IF NOT EXISTS vault.reject_payload (unit_id VARCHAR NOT NULL, position BIGINT NOT NULL, payload BLOB);
CREATE TABLE IF NOT EXISTS vault.dirty (fold_hash UBIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS vault.seen (location VARCHAR NOT NULL, size BIGINT NOT NULL, modified BIGINT NOT NULL, unit_id VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS vault.mark (name VARCHAR NOT NULL, value VARCHAR NOT NULL);
"""

SETTINGS = (
    "SET TimeZone='UTC'",
    "SET autoinstall_known_extensions=false",  # they would be downloaded
    "SET autoload_known_extensions=false",
    "SET preserve_insertion_order=false",  # else a large COPY or INSERT buffers everything to keep an order nobody asks for
    "SET enable_progress_bar=false",
)


class Store:
    """One connection to both files. A transaction may write to only one of them: the vault goes first, the warehouse decides.

    ``recover`` has been run when the constructor returns.
    """

    def __init__(self, warehouse: Path, vault: Path, scratch: Path, *, memory_mb: int = 700, threads: int = 2) -> None:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
        if warehouse.exists() and not vault.exists():
            raise FileNotFoundError(
                f"{warehouse} is there, but {vault} is missing: they belong together. Restore both from one backup, or remove "
                f"the folder {warehouse.parent} and build it again from the inbox"
            )
        self.path = warehouse
        self.connection = duckdb.connect(str(warehouse))
        for statement in SETTINGS:
            self.connection.execute(statement)
        self.connection.execute(f"SET threads={threads}")
        self.connection.execute(f"SET memory_limit='{memory_mb}MB'")
        self.connection.execute(f"SET temp_directory='{str(scratch / 'spill').replace(chr(39), chr(39) * 2)}'")
        self.connection.execute(f"ATTACH '{str(vault).replace(chr(39), chr(39) * 2)}' AS vault")
        self._lay_out()
        self.recover()

    def _lay_out(self) -> None:
        have = {
            row[0]
            for row in self.connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name <> 'vault'"
            ).fetchall()
        }
        for table in TABLES.values():
            if table.name not in have:
                self.connection.execute(create(table))
                for comment in comments(table):
                    self.connection.execute(comment)
        self.connection.execute(VAULT_DDL)

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

    def mark(self, name: str) -> str | None:
        """A small fact that outlives the process."""
        row = self.connection.execute("SELECT value FROM vault.mark WHERE name = ?", [name]).fetchone()
        return row[0] if row else None

    def set_mark(self, name: str, value: str | None) -> None:
        self.connection.execute("BEGIN")
        self.connection.execute("DELETE FROM vault.mark WHERE name = ?", [name])
        if value is not None:
            self.connection.execute("INSERT INTO vault.mark VALUES (?, ?)", [name, value])
        self.connection.execute("COMMIT")

    def count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def clear_mark(vault: Path, name: str) -> None:
    """Forget a mark while the store is closed, without opening the warehouse for it."""
    with duckdb.connect(str(vault)) as connection:
        connection.execute("DELETE FROM mark WHERE name = ?", [name])
