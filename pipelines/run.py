"""What the commands ``run``, ``audit`` and ``publish`` do: an increment, then the gate, then the swap."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pipelines.ahead import Ahead
from pipelines.auditor import Auditor
from pipelines.errors import AuditFailed, BrokerUnavailable, UserError
from pipelines.increment import Again, Increment
from pipelines.observe.observer import Increment as Observed
from pipelines.observe.observer import Observer
from pipelines.publication import Publication, publish
from pipelines.summary import Say, Summary
from pipelines.workers import Crew, Workers
from pipelines.workspace import Workspace
from warehouse.ledger import inputs, last_run, totals
from warehouse.publish import current, has_own_files, is_whole, run_of
from warehouse.store import DERIVE_AGAIN, Store

if TYPE_CHECKING:  # only who has topics, or runs on a cluster, imports what it needs
    from pipelines.cluster.follower import Follower
    from pipelines.kafka.connection import Connection


FILES_SHARE = 0.1
"""Of the time of a stream without a pause, at most, that goes into Parquet files: they are written anew where a row of theirs changed, and
late records change some in every month."""


class Pending(NamedTuple):
    """An increment whose snapshot is on its way."""

    increment: Increment
    publication: Publication
    future: Future[None] | None
    """None: it is carried out when it is waited for."""


class Session:
    """Increments of one workspace, with what is expensive to start kept between them: the auditor, the workers, the consumers."""

    def __init__(
        self,
        workspace: Workspace,
        say: Say,
        *,
        deaf: bool = False,
        observer: Observer | None = None,
        workers: Crew | None = None,
        follower: Follower | None = None,
        beside: bool = False,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """``deaf``: the workers do not hear signals that end this process; see ``Workers``. ``workers`` on a cluster are used instead
        of processes here. With ``follower``, what has landed in a shared folder is committed, and nothing else is read.
        ``beside``: a snapshot is made while the next increment is at work, and its owner settles the last one. With a ``clock``
        (in microseconds) topics are read ahead of the next increment.
        """
        self.workspace, self.say, self.observer = workspace, say, observer
        self.auditor = Auditor(workspace)
        self.workers = workers or Workers(workspace.settings.ingest.workers, deaf=deaf)
        self.follower = follower
        settings = None if follower else workspace.settings.kafka
        self.kafka: Connection | None = None
        if settings is not None:
            from pipelines.kafka.connection import Connection

            self.kafka = Connection(workspace.root, settings)
        self.ahead: Ahead | None = None
        if self.kafka is not None and clock is not None and isinstance(self.workers, Workers):
            self.ahead = Ahead(workspace, self.kafka, self.workers, clock)
        self.faults: list[UserError] = []
        """Of the last increment: what stopped a part of it, and not the rest."""
        self.ends: dict[str, int] | None = None
        """The ledger's end by ``topic/partition`` after it; None if it left topics alone."""
        self.summary: Summary | None = None
        """Of the last increment, whatever became of its snapshot."""
        self.finished: list[tuple[Summary, float]] = []
        """With ``beside``: increments that are done, and the seconds that each took until readers had it. Whoever looks takes them out."""
        self._beside = ThreadPoolExecutor(1, "publication") if beside else None
        self._pending: Pending | None = None
        self._owed: Publication | None = None
        """The last one, if its Parquet files are those of a snapshot before."""
        self._files_due = -math.inf
        """When such files are to be begun again, in monotonic seconds."""

    def once(
        self,
        now: int,
        *,
        fixed: bool,
        topics: bool = True,
        go_on: Callable[[], bool] = lambda: True,
        again: Again | None = None,
    ) -> Summary:
        """One increment and, if anything changed since the last publishing, a new snapshot.

        ``topics`` False leaves Kafka alone, ``go_on`` is asked between two landings of its ranges. ``again``: what was read again just before.
        Raises ``AuditFailed``: the last snapshot stays. Where snapshots are made ``beside`` the increments, this one's is on its
        way when its summary is returned, and it is that of the increment before whose failure is raised.
        """
        increment = Increment(
            self.workspace, now, fixed=fixed, say=self.say, on_work=self.auditor.start, workers=self.workers,
            kafka=self.kafka if topics else None, follower=self.follower, go_on=go_on, observer=self.observer,
            ahead=self.ahead, again=again, shown=self._pending.publication.run_id if self._pending else run_of(self.workspace.published),
        )  # fmt: skip
        try:
            with self._told(increment):
                summary = self.summary = increment.run()
            return self._publish(increment, summary)
        finally:
            if self.ahead is not None:
                self.ahead.settle()

    def _publish(self, increment: Increment, summary: Summary) -> Summary:
        """Begin what makes the increment's snapshot, once that of the one before is settled."""
        self.faults, self.ends = increment.faults, increment.ends
        summary.snapshot = str(self.workspace.snapshot)
        on_its_way = self._pending.publication.run_id if self._pending else None
        self.settle()
        marked = summary.unpublished if increment.has_worked or summary.unpublished != on_its_way else None
        if marked is None and self._owed is None:
            marked = _without_files(self.workspace)
        if marked is None and is_whole(self.workspace.published):
            summary.unpublished = None
            self._finish(increment, time.time())
            return summary
        with self._told(increment):
            publication = Publication(
                self.workspace, self.auditor, marked or summary.run_id, beside=self._beside is not None
            )
        if self.observer is not None and on_its_way is not None:
            self.observer.landed(publication.run_id)  # the snapshot before has just been told of
        self._pending = Pending(
            increment, publication, self._beside.submit(self._carry_out, publication) if self._beside else None
        )
        if self._beside is None:
            self.settle()
        return summary

    def _carry_out(self, publication: Publication) -> None:
        """The database at once, and Parquet files and the report as often as the settings say."""
        publication.carry_out(files=not self.workspace.settings.publish.parquet_every_seconds)
        if not publication.has_files and time.monotonic() >= self._files_due:
            self._add_files(publication, beside=True)

    def _add_files(self, publication: Publication, *, beside: bool) -> None:
        began = time.monotonic()
        publication.add_files(beside=beside)
        pace = self.workspace.settings.publish.parquet_every_seconds
        self._files_due = began + max(pace, (time.monotonic() - began) / FILES_SHARE)

    def rest(self) -> None:
        """Settle, and have files follow that are owed: there is nothing else to do. Raises what ``settle`` does, and ``OSError``."""
        self.settle()
        owed, self._owed = self._owed, None
        if owed is not None:
            self._add_files(owed, beside=False)
            if self.observer is not None:
                self.observer.wrote_files(time.time())

    def settle(self) -> None:
        """Wait for the snapshot that is on its way. Raises what ``Publication.carry_out`` raises."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        publication, summary = pending.publication, pending.increment.summary
        with self._told(pending.increment):
            try:
                if pending.future is None:
                    publication.carry_out()
                else:
                    pending.future.result()
            finally:
                if publication.is_current:
                    self._owed = None if publication.has_files else publication
                publication.conclude(self.say, self.observer)
        summary.seconds["publish"] = round(publication.seconds, 3)
        if publication.files_seconds is not None:
            summary.seconds["files"] = round(publication.files_seconds, 3)
        summary.published, summary.unpublished = True, None
        self._finish(pending.increment, publication.ended)

    def _finish(self, increment: Increment, ended: float) -> None:
        if self._beside is not None:
            self.finished.append((increment.summary, ended - increment.began))
        if self.observer is not None:
            self.observer.finished(seen(increment, ended))

    @contextmanager
    def _told(self, increment: Increment) -> Iterator[None]:
        """What ends an increment is told to whoever watches."""
        try:
            yield
        except BaseException as error:
            if self.observer is not None:
                self.observer.failed(increment.summary.run_id, error)
            raise

    def close(self) -> None:
        if self.ahead is not None:
            self.ahead.close()
        if self._beside is not None:
            self._beside.shutdown()
        self.workers.close()
        self.auditor.close()
        if self.kafka is not None:
            from pipelines.kafka.connection import close_shared

            close_shared()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def seen(increment: Increment, ended: float) -> Observed:
    """An increment that has ended, for its watchers."""
    summary = increment.summary
    return Observed(
        run_id=summary.run_id, began=increment.began, seconds=ended - increment.began, phases=summary.seconds, inputs=increment.inputs,
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
    workers: Crew | None = None,
    done: Callable[[Summary], None] = lambda _: None,
    again: Again | None = None,
) -> Summary:
    """One increment, published; ``workers`` as in ``Session``, ``again`` as in ``Session.once``. ``done`` is told of it also where this
    raises something afterwards.

    Raises ``AuditFailed`` (the last snapshot stays); and, once everything else is published, ``TooManyRejects`` (nothing of
    that unit was landed), ``BrokerUnavailable`` or ``KafkaRefused`` (no more of the topics).
    """
    with Session(workspace, say, observer=observer, workers=workers) as session:
        try:
            summary = session.once(now, fixed=fixed, again=again)
        finally:
            if session.summary is not None:
                done(session.summary)
        if observer is not None and session.kafka is not None:
            away = [str(fault) for fault in session.faults if isinstance(fault, BrokerUnavailable)]
            observer.broker(up=not away, detail="; ".join(away))
        for further in session.faults[1:]:
            say(str(further))
        if session.faults:
            raise session.faults[0]
    return summary


def publish_now(workspace: Workspace, *, say: Say, observer: Observer | None = None) -> Path:
    """Audit and publish the warehouse as it stands. Raises ``AuditFailed``: the last snapshot stays."""
    if not workspace.warehouse.exists():
        raise UserError(f"{workspace.root} has no warehouse yet: touchloop run --workspace {workspace.root} makes one")
    workspace.fresh_scratch()
    observer = observer or Observer()
    began, shown = time.time(), run_of(workspace.published)
    with _store(workspace) as store:
        run_id = _last_run_in(store, workspace)
        # what readers are shown already is not read once more
        told = Observed(
            run_id=run_id, began=began, inputs=inputs(store, run_id, shown) if shown != run_id else (), totals=totals(store)
        )  # fmt: skip
    observer.started(run_id, began)
    try:
        with Auditor(workspace) as auditor:
            publish(workspace, auditor, run_id, say, observer, afresh=True)
    except BaseException as error:
        observer.failed(run_id, error)
        raise
    told.seconds = time.time() - began
    observer.finished(told)
    return workspace.snapshot


def audit_only(workspace: Workspace, *, say: Say, observer: Observer | None = None) -> dict[str, Any]:
    """Audit a candidate of the warehouse as it stands and forget it. Raises ``AuditFailed``."""
    if not workspace.warehouse.exists():
        raise UserError(f"{workspace.root} has no warehouse yet: touchloop run --workspace {workspace.root} makes one")
    workspace.fresh_scratch()
    with Auditor(workspace) as auditor:
        publication = Publication(workspace, auditor, _last_run(workspace))
        try:
            return publication.judge_only()
        except AuditFailed:
            auditor.write_docs()
            raise
        finally:
            publication.conclude(say, observer)


def _without_files(workspace: Workspace) -> str | None:
    """The last run, if a stream that was killed has left its database with the Parquet files of a snapshot before."""
    snapshot = current(workspace.published)
    return _last_run(workspace) if snapshot is not None and not has_own_files(snapshot) else None


def _store(workspace: Workspace) -> Store:
    return Store(
        workspace.warehouse, workspace.vault, workspace.scratch, memory_mb=workspace.settings.ingest.warehouse_memory_mb
    )


def _last_run(workspace: Workspace) -> str:
    with _store(workspace) as store:
        return _last_run_in(store, workspace)


def _last_run_in(store: Store, workspace: Workspace) -> str:
    if store.mark("config") == DERIVE_AGAIN:
        raise UserError(
            f"the tables of {workspace.root} are to be derived again first: touchloop run --workspace {workspace.root} does, and publishes"
        )
    run_id = last_run(store)
    if run_id is None:
        raise UserError(
            f"{workspace.root} has nothing to publish yet: touchloop run --workspace {workspace.root} comes first"
        )
    return run_id
