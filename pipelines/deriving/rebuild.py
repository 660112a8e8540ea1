"""Everything below the events brought up to date: derived, measured, and committed at once."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.deriving.changed import Changed
from pipelines.deriving.derive import Derivation
from pipelines.directory import dimension_rows, stage_rows
from pipelines.summary import Summary, version
from warehouse import digests
from warehouse.commit import load_rows
from warehouse.ledger import adopt_units
from warehouse.marts import build_marts
from warehouse.terms import Parameters


class Rebuild:
    """Carries a derivation through to the commit. ``summary`` is told what it came to."""

    def __init__(self, derivation: Derivation, summary: Summary) -> None:
        self.derivation, self.summary = derivation, summary
        self.store, self.workspace, self.directory = derivation.store, derivation.workspace, derivation.directory
        self.now = derivation.now

    @property
    def change(self) -> Changed:
        """Once the derivation has begun, it may be of everything."""
        return self.derivation.change

    def run(self, on_work: Callable[[], None], before_marts: Callable[[], None] = lambda: None) -> None:
        """``on_work`` is called when there is room for what takes long to start: after long work of the workers, who need memory
        and cores, and else beside it. ``before_marts``: when the workers are idle, and nobody uses the brokers."""
        if not self.derivation.is_long:
            on_work()
        self.derivation.run()
        if self.derivation.is_long:
            on_work()
        self.summary.accounts_rebuilt = self.derivation.accounts
        self.summary.touchpoints = self.derivation.touchpoints
        before_marts()
        reasons = self.change.reasons(self.store)
        with self.derivation.phase("marts"):
            self._put_dimensions()
            build_marts(
                self.store.connection,
                Parameters.of(self.workspace.settings, self.now),
                everything=self.change.of_all,
                run_id=self.summary.run_id,
                reasons=reasons,
                won_from=self.change.was.change.won_from if self.change.was is not None else None,
            )
            self._put_run()
            digests.settle(self.store.connection)
            self.store.commit_to_file()
            self.derivation.done()
        self.change.note(self.store, self.workspace.derived, self.directory)

    def _put_dimensions(self) -> None:
        con, everything = self.store.connection, self.change.of_all
        is_new = everything or self.change.has_new_directory
        if is_new:  # so it is whenever one of the things changes that these follow from
            dims = dimension_rows(self.directory.crm, self.derivation.executives(), self.workspace.settings)
            if everything:
                dims["dim_rule"] = self.workspace.rulebook.dim_rows()
            for table, rows in dims.items():
                con.execute(f"DELETE FROM {table}")
                load_rows(self.store, table, rows)
        # between two of them only the days of open deals grow
        of_open = "WHERE opportunity_id IN (SELECT opportunity_id FROM dim_opportunity WHERE status = 'open')"
        con.execute(f"DELETE FROM fact_stage_history {'' if is_new else of_open}")
        load_rows(self.store, "fact_stage_history", stage_rows(self.directory, self.now, only_open=not is_new))

    def _put_run(self) -> None:
        self.store.connection.execute("DELETE FROM dim_run WHERE run_id = ?", [self.summary.run_id])
        units = adopt_units(self.store, self.summary.run_id)
        row = {
            "run_id": self.summary.run_id, "as_of": self.now, "finished_at": self.now, "config_hash": self.change.rests_on["config"],
            "directory_hash": self.directory.digest, "rules_version": self.workspace.rulebook.version, "unit_count": units,
            "touched_account_count": self.derivation.accounts, "touchloop_version": version(),
            "reporting_timezone": self.workspace.settings.coverage.reporting_timezone,
        }  # fmt: skip
        load_rows(self.store, "dim_run", [row])
