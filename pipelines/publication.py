"""A snapshot on its way: the closed warehouse is copied, then written as Parquet, judged, and swapped in.

In a stream the database may go first, with the Parquet files and the report of the snapshot before, and have its own follow.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pipelines.auditor import Auditor
from pipelines.errors import AuditFailed
from pipelines.observe.observer import Observer
from pipelines.summary import Say
from pipelines.workspace import Workspace
from warehouse.publish import Candidate, current
from warehouse.store import clear_mark

DOCS_SECONDS = 60.0
"""Data docs of a stream are no younger than they need be for a reader; those of a failure are made at once."""


class Publication:
    """Copied when it is made, while nobody has the warehouse open. ``carry_out`` may run in a thread while the next increment
    writes to the warehouse; ``conclude`` follows it where nobody has the warehouse open again.
    """

    def __init__(
        self, workspace: Workspace, auditor: Auditor, run_id: str, *, afresh: bool = False, beside: bool = False
    ) -> None:
        """``afresh``: whatever was changed by hand is noticed; else only what an increment noted is looked at.

        ``beside``: other increments go on meanwhile. What they land stays marked as unpublished, and data docs of snapshots that
        are replaced every few seconds are not made for each; else they are as soon as the candidate is judged.
        """
        self.workspace, self.auditor, self.run_id, self.beside = workspace, auditor, run_id, beside
        began = time.perf_counter()
        auditor.start()
        self.candidate = Candidate(workspace.published, fresh_name(workspace.published / "snapshots", run_id))
        self.candidate.copy(workspace.warehouse, seller_level=workspace.settings.publish.seller_level, afresh=afresh)
        self.seconds = time.perf_counter() - began
        self.verdict: dict[str, Any] | None = None
        """Of the audit, once it has spoken."""
        self.is_current = False
        """Swapped in."""
        self.ended = 0.0
        """When that was, in epoch seconds."""
        self.has_files = False
        """Parquet files and report are of this database."""
        self.files_seconds: float | None = None
        """What they took, where they followed it."""

    def carry_out(self, *, files: bool = True) -> None:
        """Write, judge and swap. Raises ``AuditFailed``, or ``OSError`` if the disk does not take it: the last snapshot stays.

        ``files`` False: Parquet files and the report stay those of the snapshot before, if there is one, until ``add_files``.
        """
        began = time.perf_counter()
        candidate = self.candidate
        self.has_files = files or current(self.workspace.published) is None
        try:
            self.auditor.begin(candidate.database, docs=not self.beside)
            try:
                # while the other core audits
                if self.has_files:
                    self._write_files(candidate)
                else:
                    candidate.keep_files()
            except Exception:
                self._judge()  # what is wrong with a candidate explains best why it could not be written
                raise
            self._judge()
        except BaseException:
            candidate.discard()
            raise
        self._swap(candidate)
        self.is_current = True
        self.ended = time.time()
        self.seconds += time.perf_counter() - began

    def add_files(self, *, beside: bool) -> None:
        """Parquet files and the report of the database that ``carry_out`` has published, in a snapshot beside it; ``beside``: while
        others work.

        Raises ``OSError`` if the disk does not take them: the database stays with the files that it has.
        """
        began = time.perf_counter()
        candidate = self.candidate.again(fresh_name(self.workspace.published / "snapshots", self.run_id))
        try:
            self._write_files(candidate, beside=beside)
        except BaseException:
            candidate.discard()
            raise
        self._swap(candidate)
        self.has_files = True
        self.files_seconds = time.perf_counter() - began

    def _write_files(self, candidate: Candidate, *, beside: bool = False) -> None:
        candidate.write_parquet(run_id=self.run_id, beside=beside)
        if self.workspace.settings.publish.report:
            from warehouse.report.page import DOCS, write_report  # it brings a template engine along

            write_report(candidate.database, candidate.folder / "report" / "index.html", docs=DOCS)

    def _swap(self, candidate: Candidate) -> None:
        keep = self.workspace.settings.publish
        candidate.swap(keep.keep_snapshots_minutes * 60, time.time(), keep.keep_snapshots)

    def judge_only(self) -> dict[str, Any]:
        """The verdict, and no snapshot. Raises ``AuditFailed``."""
        try:
            self.auditor.begin(self.candidate.database)
            return self._judge()
        finally:
            self.candidate.discard()

    def _judge(self) -> dict[str, Any]:
        self.verdict = self.auditor.verdict()
        if not self.verdict["success"]:
            raise AuditFailed(
                "the audit failed: what is published stays as it was\n"
                + "\n".join(f"  {line}" for line in self.verdict["failures"])
            )
        return self.verdict

    def conclude(self, say: Say, observer: Observer | None = None) -> None:
        """Tell of what ``carry_out`` has come to, whether it raised or not."""
        if self.verdict is None:
            return
        if observer is not None:
            observer.audited(self.verdict)
        if self.is_current:
            say(
                f"audit passed ({self.verdict['expectations']} expectations on {self.verdict['tables']} tables), published"
            )
            clear_mark(self.workspace.vault, "unpublished", self.run_id if self.beside else None)
            if observer is not None:
                rows = {name: sum(count for _, count, _ in parts) for name, parts in self.candidate.digests.items()}
                observer.published(self.run_id, time.time(), rows)
                if self.has_files:
                    observer.wrote_files(time.time())
        if self.beside:
            self.auditor.write_docs(DOCS_SECONDS if self.verdict["success"] else 0.0)


def publish(
    workspace: Workspace,
    auditor: Auditor,
    run_id: str,
    say: Say,
    observer: Observer | None = None,
    *,
    afresh: bool = False,
) -> None:
    """All of it at once. Raises what ``Publication.carry_out`` raises."""
    publication = Publication(workspace, auditor, run_id, afresh=afresh)
    try:
        publication.carry_out()
    finally:
        publication.conclude(say, observer)


def fresh_name(folder: Path, run_id: str) -> str:
    """The run's id, or with a number behind it where the run was published before: a snapshot in use is never written to."""
    number = 1
    name = run_id
    while (folder / name).exists():
        number += 1
        name = f"{run_id}-{number}"
    return name
