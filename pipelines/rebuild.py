"""Everything below the events brought up to date: derived, measured, and committed at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.changed import Changed
from pipelines.derive import Derivation
from pipelines.directory import ReadDirectory, dimension_rows, stage_rows
from pipelines.summary import Summary, version
from pipelines.workers import Workers
from pipelines.workspace import Workspace
from warehouse import digests
from warehouse.commit import load_rows
from warehouse.marts import build_marts
from warehouse.store import Store
from warehouse.terms import Parameters

if TYPE_CHECKING:  # only a run on a cluster imports what it needs
    from pipelines.cluster.workers import ClusterWorkers

SMALL_EVENTS = 5_000
"""Events below which a second process costs more than it saves."""


class Rebuild:
    """Carries out what a change asks for, by one clock. ``summary`` is told what it came to."""

    def __init__(
        self,
        store: Store,
        workers: Workers | ClusterWorkers,
        workspace: Workspace,
        directory: ReadDirectory,
        change: Changed,
        now: int,
        scratch: Path,
        summary: Summary,
        phase: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self.store, self.workspace, self.directory, self.change = store, workspace, directory, change
        self.now, self.summary, self.phase = now, summary, phase
        self.events = store.count("SELECT count(*) FROM vault.event_detail") if change.everything else change.dirty
        """That are folded again, or at least their groups."""
        self.derivation = Derivation(
            store=store, workers=workers, workspace=workspace, directory=directory, bindings=change.bindings,
            now=now, previous=change.previous, scratch=scratch, phase=phase, small=self.events < SMALL_EVENTS, due=change.due,
        )  # fmt: skip

    @property
    def is_long(self) -> bool:
        """More than one shard is folded: what can start beside it starts once the workers are done, who need memory and cores."""
        return self.events > self.workspace.settings.ingest.shard_events

    def run(self, on_work: Callable[[], None]) -> None:
        """``on_work`` is called when there is room for what takes long to start."""
        if not self.is_long:
            on_work()
        self.derivation.run(everything=self.change.everything)
        if self.is_long:
            on_work()
        self.summary.accounts_rebuilt = self.derivation.accounts
        self.summary.touchpoints = self.derivation.touchpoints
        reasons = self.change.reasons(self.store)
        with self.phase("marts"):
            self._put_dimensions()
            build_marts(
                self.store.connection,
                Parameters.of(self.workspace.settings, self.now),
                everything=self.change.everything,
                run_id=self.summary.run_id,
                reasons=reasons,
            )
            self._put_run()
            digests.settle(self.store.connection)
            self.store.commit_to_file()
            self.derivation.done()
        self.change.note(self.store)

    def _put_dimensions(self) -> None:
        con, everything = self.store.connection, self.change.everything
        if everything:  # so it is whenever one of the things changes that these follow from
            dims = dimension_rows(self.directory.crm, self.derivation.executives(), self.workspace.settings)
            for table, rows in (dims | {"dim_rule": self.workspace.rulebook.dim_rows()}).items():
                con.execute(f"DELETE FROM {table}")
                load_rows(self.store, table, rows)
        # between two of them only the days of open deals grow
        of_open = "WHERE opportunity_id IN (SELECT opportunity_id FROM dim_opportunity WHERE status = 'open')"
        con.execute(f"DELETE FROM fact_stage_history {'' if everything else of_open}")
        load_rows(self.store, "fact_stage_history", stage_rows(self.directory, self.now, only_open=not everything))

    def _put_run(self) -> None:
        self.store.connection.execute("DELETE FROM dim_run WHERE run_id = ?", [self.summary.run_id])
        row = {
            "run_id": self.summary.run_id, "as_of": self.now, "finished_at": self.now, "config_hash": self.change.now["config"],
            "directory_hash": self.directory.digest, "rules_version": self.workspace.rulebook.version, "unit_count": self.summary.units,
            "touched_account_count": self.derivation.accounts, "touchloop_version": version(),
        }  # fmt: skip
        load_rows(self.store, "dim_run", [row])
