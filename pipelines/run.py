"""What the commands ``run``, ``audit`` and ``publish`` do: an increment, then the gate, then the swap."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from pipelines.auditor import Auditor
from pipelines.errors import AuditFailed, UserError
from pipelines.increment import Increment, Say, Summary
from pipelines.kafka.connection import Connection, close_shared
from pipelines.workers import Workers
from pipelines.workspace import Workspace
from warehouse.publish import Candidate
from warehouse.store import Store, clear_mark


class Session:
    """Increments of one workspace, with what is expensive to start kept between them: the auditor, the workers, the consumers."""

    def __init__(self, workspace: Workspace, say: Say, *, deaf: bool = False) -> None:
        """``deaf``: the workers do not hear signals that end this process; see ``Workers``."""
        self.workspace, self.say = workspace, say
        self.auditor = Auditor(workspace)
        self.workers = Workers(workspace.settings.ingest.workers, deaf=deaf)
        settings = workspace.settings.kafka
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
            kafka=self.kafka if topics else None, go_on=go_on,
        )  # fmt: skip
        summary = increment.run()
        self.faults, self.ends = increment.faults, increment.ends
        summary.snapshot = str(self.workspace.snapshot)
        if summary.unpublished is None and self.workspace.snapshot.exists():
            return summary
        with increment.phase("publish"):
            _publish(self.workspace, self.auditor, summary.unpublished or summary.run_id, self.say)
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


def run_once(workspace: Workspace, now: int, *, fixed: bool, say: Say) -> Summary:
    """One increment, published.

    Raises ``AuditFailed`` (the last snapshot stays); and, once everything else is published, ``TooManyRejects`` (nothing of
    that unit was landed), ``BrokerUnavailable`` or ``KafkaRefused`` (no more of the topics).
    """
    with Session(workspace, say) as session:
        summary = session.once(now, fixed=fixed)
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
        _publish(workspace, auditor, _last_run(workspace), say)
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


def _publish(workspace: Workspace, auditor: Auditor, run_id: str, say: Say) -> None:
    auditor.start()
    candidate = _candidate(workspace, run_id)
    try:
        auditor.begin(candidate.database)
        try:
            candidate.write_parquet(run_id=run_id, spill=workspace.scratch / "spill")  # while the other core audits
        except Exception:
            _judged(auditor)  # what is wrong with a candidate explains best why it could not be written
            raise
        verdict = _judged(auditor)
    except BaseException:
        candidate.discard()
        raise
    candidate.swap(workspace.settings.publish.keep_snapshots_minutes * 60, time.time())
    say(f"audit passed ({verdict['expectations']} expectations on {verdict['tables']} tables), published")
    clear_mark(workspace.vault, "unpublished")
    auditor.write_docs()


def _candidate(workspace: Workspace, run_id: str) -> Candidate:
    candidate = Candidate(workspace.published, fresh_name(workspace.published / "snapshots", run_id))
    candidate.copy(workspace.warehouse, seller_level=workspace.settings.publish.seller_level)
    return candidate


def fresh_name(folder: Path, run_id: str) -> str:
    """The run's id, or with a number behind it where the run was published before: a snapshot in use is never written to."""
    number = 1
    name = run_id
    while (folder / name).exists():
        number += 1
        name = f"{run_id}-{number}"
    return name


def _judged(auditor: Auditor) -> dict[str, Any]:
    """The verdict on the candidate that is being audited. Raises ``AuditFailed``; then the data docs tell of it too."""
    verdict = auditor.verdict()
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
        row = store.connection.execute("SELECT run_id FROM dim_run ORDER BY as_of DESC, run_id LIMIT 1").fetchone()
    if row is None:
        raise UserError(
            f"{workspace.root} has nothing to publish yet: touchloop run --workspace {workspace.root} comes first"
        )
    return str(row[0])
