"""What the commands ``run``, ``audit`` and ``publish`` do: an increment, then the gate, then the swap."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from pipelines.auditor import Auditor
from pipelines.errors import AuditFailed, BrokerUnavailable, UserError
from pipelines.increment import Increment
from pipelines.kafka.connection import Connection, close_shared
from pipelines.observe.observer import Increment as Observed
from pipelines.observe.observer import Observer
from pipelines.summary import Say, Summary
from pipelines.workers import Workers
from pipelines.workspace import Workspace
from warehouse.publish import Candidate, current, read_manifest
from warehouse.report.page import write_report
from warehouse.store import DERIVE_AGAIN, Store, clear_mark

if TYPE_CHECKING:  # only a run on a cluster imports what it needs
    from pipelines.cluster.follow import Follower
    from pipelines.cluster.workers import ClusterWorkers


class Session:
    """Increments of one workspace, with what is expensive to start kept between them: the auditor, the workers, the consumers."""

    def __init__(
        self,
        workspace: Workspace,
        say: Say,
        *,
        deaf: bool = False,
        observer: Observer | None = None,
        workers: ClusterWorkers | None = None,
        follower: Follower | None = None,
    ) -> None:
        """``deaf``: the workers do not hear signals that end this process; see ``Workers``. ``workers`` on a cluster are used instead
        of processes here. With ``follower``, what has landed in a shared folder is committed, and nothing else is read.
        """
        self.workspace, self.say, self.observer = workspace, say, observer
        self.auditor = Auditor(workspace)
        self.workers = workers or Workers(workspace.settings.ingest.workers, deaf=deaf)
        self.follower = follower
        settings = None if follower else workspace.settings.kafka
        self.kafka = Connection(workspace.root, settings) if settings else None
        self.faults: list[UserError] = []
        """Of the last increment: what stopped a part of it, and not the rest."""
        self.ends: dict[str, int] | None = None
        """The ledger's end by ``topic/partition`` after it; None if it left topics alone."""

    def once(self, now: int, *, fixed: bool, topics: bool = True, go_on: Callable[[], bool] = lambda: True) -> Summary:
        """One increment and, if anything changed since the last publishing, a new snapshot.

        ``topics`` False leaves Kafka alone, ``go_on`` is asked between two landings of its ranges.
        Raises ``AuditFailed``: the last snapshot stays.
        """
        increment = Increment(
            self.workspace, now, fixed=fixed, say=self.say, on_work=self.auditor.start, workers=self.workers,
            kafka=self.kafka if topics else None, follower=self.follower, go_on=go_on, observer=self.observer,
        )  # fmt: skip
        try:
            summary = self._once(increment)
        except BaseException as error:
            if self.observer is not None:
                self.observer.failed(increment.summary.run_id, error)
            raise
        if self.observer is not None:
            self.observer.finished(seen(increment))
        return summary

    def _once(self, increment: Increment) -> Summary:
        summary = increment.run()
        self.faults, self.ends = increment.faults, increment.ends
        summary.snapshot = str(self.workspace.snapshot)
        if summary.unpublished is None and self.workspace.snapshot.exists():
            return summary
        with increment.phase("publish"):
            run_id = summary.unpublished or summary.run_id
            _publish(self.workspace, self.auditor, run_id, self.say, self.observer)
        summary.published = True
        return summary

    def close(self) -> None:
        self.workers.close()
        self.auditor.close()
        close_shared()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def seen(increment: Increment) -> Observed:
    """An increment that has ended, for its watchers."""
    summary = increment.summary
    return Observed(
        run_id=summary.run_id, began=increment.began, seconds=time.time() - increment.began, phases=summary.seconds, inputs=increment.inputs,
        totals=increment.totals, accounts=summary.accounts_rebuilt, touchpoints=summary.touchpoints, lag=summary.lag,
        unpublished=summary.unpublished is not None and not summary.published,
        faults=[str(fault) for fault in increment.faults if not isinstance(fault, BrokerUnavailable)], summary=msgspec.to_builtins(summary),
    )  # fmt: skip


def run_once(
    workspace: Workspace,
    now: int,
    *,
    fixed: bool,
    say: Say,
    observer: Observer | None = None,
    workers: ClusterWorkers | None = None,
) -> Summary:
    """One increment, published; ``workers`` as in ``Session``.

    Raises ``AuditFailed`` (the last snapshot stays); and, once everything else is published, ``TooManyRejects`` (nothing of
    that unit was landed), ``BrokerUnavailable`` or ``KafkaRefused`` (no more of the topics).
    """
    with Session(workspace, say, observer=observer, workers=workers) as session:
        summary = session.once(now, fixed=fixed)
        if observer is not None and session.kafka is not None:
            away = [str(fault) for fault in session.faults if isinstance(fault, BrokerUnavailable)]
            observer.broker(up=not away, detail="; ".join(away))
        for further in session.faults[1:]:
            say(str(further))
        if session.faults:
            raise session.faults[0]
    return summary


def publish_now(workspace: Workspace, *, say: Say) -> Path:
    """Audit and publish the warehouse as it stands."""
    if not workspace.warehouse.exists():
        raise UserError(f"{workspace.root} has no warehouse yet: touchloop run --workspace {workspace.root} makes one")
    workspace.fresh_scratch()
    with Auditor(workspace) as auditor:
        _publish(workspace, auditor, _last_run(workspace), say, afresh=True)
    return workspace.snapshot


def audit_only(workspace: Workspace) -> dict[str, Any]:
    """Audit a candidate of the warehouse as it stands and forget it. Raises ``AuditFailed``."""
    if not workspace.warehouse.exists():
        raise UserError(f"{workspace.root} has no warehouse yet: touchloop run --workspace {workspace.root} makes one")
    workspace.fresh_scratch()
    with Auditor(workspace) as auditor:
        candidate = _candidate(workspace, _last_run(workspace))
        try:
            auditor.begin(candidate.database)
            return _judged(auditor)
        finally:
            candidate.discard()


def _publish(
    workspace: Workspace,
    auditor: Auditor,
    run_id: str,
    say: Say,
    observer: Observer | None = None,
    *,
    afresh: bool = False,
) -> None:
    """``afresh``: whatever was changed by hand is noticed; else only what an increment noted is looked at."""
    auditor.start()
    candidate = _candidate(workspace, run_id, afresh=afresh)
    try:
        auditor.begin(candidate.database)
        try:
            # while the other core audits
            candidate.write_parquet(run_id=run_id, spill=workspace.scratch / "spill")
            if workspace.settings.publish.report:
                write_report(candidate.database, candidate.folder / "report" / "index.html")
        except Exception:
            _judged(auditor, observer)  # what is wrong with a candidate explains best why it could not be written
            raise
        verdict = _judged(auditor, observer)
    except BaseException:
        candidate.discard()
        raise
    keep = workspace.settings.publish
    candidate.swap(keep.keep_snapshots_minutes * 60, time.time(), keep.keep_snapshots)
    say(f"audit passed ({verdict['expectations']} expectations on {verdict['tables']} tables), published")
    clear_mark(workspace.vault, "unpublished")
    if observer is not None:
        tables = read_manifest(current(workspace.published)).get("tables", {})
        observer.published(run_id, time.time(), {name: table["rows"] for name, table in tables.items()})
    auditor.write_docs()


def _candidate(workspace: Workspace, run_id: str, *, afresh: bool = False) -> Candidate:
    candidate = Candidate(workspace.published, fresh_name(workspace.published / "snapshots", run_id))
    candidate.copy(workspace.warehouse, seller_level=workspace.settings.publish.seller_level, afresh=afresh)
    return candidate


def fresh_name(folder: Path, run_id: str) -> str:
    """The run's id, or with a number behind it where the run was published before: a snapshot in use is never written to."""
    number = 1
    name = run_id
    while (folder / name).exists():
        number += 1
        name = f"{run_id}-{number}"
    return name


def _judged(auditor: Auditor, observer: Observer | None = None) -> dict[str, Any]:
    """The verdict on the candidate that is being audited. Raises ``AuditFailed``; then the data docs tell of it too."""
    verdict = auditor.verdict()
    if observer is not None:
        observer.audited(verdict)
    if not verdict["success"]:
        auditor.write_docs()
        raise AuditFailed(
            "the audit failed: what is published stays as it was\n"
            + "\n".join(f"  {line}" for line in verdict["failures"])
        )
    return verdict


def _store(workspace: Workspace) -> Store:
    return Store(
        workspace.warehouse, workspace.vault, workspace.scratch, memory_mb=workspace.settings.ingest.warehouse_memory_mb
    )


def _last_run(workspace: Workspace) -> str:
    with _store(workspace) as store:
        if store.mark("config") == DERIVE_AGAIN:
            raise UserError(
                f"the tables of {workspace.root} are to be derived again first: touchloop run --workspace {workspace.root} does, and publishes"
            )
        row = store.connection.execute("SELECT run_id FROM dim_run ORDER BY as_of DESC, run_id LIMIT 1").fetchone()
    if row is None:
        raise UserError(
            f"{workspace.root} has nothing to publish yet: touchloop run --workspace {workspace.root} comes first"
        )
    return str(row[0])
