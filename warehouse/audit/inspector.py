"""Running the audit: what does not depend on the file is made once, so that a question costs little but its SQL."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

from schemas.registry import TABLES
from warehouse.audit.datasource import add_duckdb
from warehouse.audit.declared import CATALOG
from warehouse.audit.gate import Verdict, judge
from warehouse.audit.suites import suites
from warehouse.rows import of_last_run
from warehouse.store import SETTINGS, THREADS

MEMORY = "700MB"
"""Beyond it DuckDB spills."""


@dataclass(frozen=True)
class Audit:
    """One audit: its verdict, and what Great Expectations found, suite by suite."""

    run_id: str
    at: datetime
    verdict: Verdict
    tables: int
    seconds: float
    suites: list[ExpectationSuiteValidationResult]


class Inspector:
    """Audits closed files over one connection. A file is attached read-only for as long as it is judged."""

    def __init__(self) -> None:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self.connection = duckdb.connect(":memory:")
        for statement in (*SETTINGS, f"SET threads={THREADS}", f"SET memory_limit='{MEMORY}'"):
            self.connection.execute(statement)
        self.datasource = add_duckdb(context, "snapshot", self.connection)
        asset = self.datasource.add_query_asset(
            "catalog", query="SELECT database_name, table_name FROM duckdb_tables()"
        )
        self.batch_definition = asset.add_batch_definition_whole_table("whole")
        self.suites = suites()
        self.engine: Any = self.datasource.get_execution_engine()

    def audit(self, database: Path, previous: Path | None, spill: Path) -> Audit:
        """Judge a closed file. ``previous`` is the published snapshot: of a table that shrank since it is warned."""
        began, at = time.perf_counter(), datetime.now(UTC)
        self.engine.release()
        self._spill_to(spill)
        warnings: list[str] = []
        self._attach(database, CATALOG)
        try:
            self.connection.execute(f"USE {CATALOG}")
            if previous is not None:
                try:
                    self._attach(previous, "previous")
                except duckdb.Error as error:
                    warnings.append(f"snapshot: could not be compared with the one before: {error}")
            batch = self.batch_definition.get_batch()
            outcomes = [batch.validate(suite, result_format="BASIC") for suite in self.suites]
            verdict = judge(zip(self.suites, outcomes, strict=True))
            verdict.warnings += warnings
            self.engine.release()
            tables, run_id = self._facts()
        finally:
            self.engine.release()
            self.connection.execute("USE memory")
            for name in (CATALOG, "previous"):
                self.connection.execute(f"DETACH DATABASE IF EXISTS {name}")
        return Audit(run_id, at, verdict, tables, time.perf_counter() - began, outcomes)

    def close(self) -> None:
        self.engine.release()
        self.connection.close()

    def _attach(self, path: Path, name: str) -> None:
        self.connection.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")

    def _spill_to(self, folder: Path) -> None:
        try:
            self.connection.execute(f"SET temp_directory='{str(folder).replace(chr(39), chr(39) * 2)}'")
        except duckdb.NotImplementedException:
            return  # it spilled before and keeps that folder

    def _facts(self) -> tuple[int, str]:
        """How many declared tables the file has, and the run that it holds."""
        have = {
            row[0]
            for row in self.connection.execute(
                f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{CATALOG}'"
            ).fetchall()
        }
        try:
            run = of_last_run(self.connection, "run_id")
        except duckdb.Error:
            run = None  # the verdict says what is wrong with the table
        return len(have & TABLES.keys()), str(run)[:12] if run else "no-run"
