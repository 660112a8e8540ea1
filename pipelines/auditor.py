"""The audit in a process of its own: its library takes seconds to import, so it starts beside the work that it will judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from pipelines.errors import UserError
from pipelines.workspace import Workspace
from warehouse.publish import current

AUDITS_OF_A_PROCESS = 200
"""Each leaves about half a megabyte behind in its libraries; then the process is replaced, which takes three seconds."""


class Auditor:
    """Speaks JSON lines with ``python -m warehouse.audit``; nothing is started before ``start`` or ``audit``."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._process: subprocess.Popen[str] | None = None
        self._unheard = 0
        """Questions that are not yet answered."""
        self._audits = 0
        """Of this process."""
        self._starting = threading.Lock()
        self._docs_at: float | None = None
        """When docs were last asked for, in monotonic seconds."""
        self._owes_docs = False

    def start(self) -> None:
        """Start the process unless there is one; any thread may."""
        with self._starting:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "warehouse.audit"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE if not os.environ.get("TOUCHLOOP_DEBUG") else None,
                    text=True,
                    start_new_session=True,  # a terminal's Ctrl-C is for us; it ends when we do
                )

    def begin(self, database: os.PathLike[str], *, docs: bool = False) -> None:
        """Have a candidate judged; the caller goes on, and asks for the ``verdict`` later. ``docs`` follow it at once, as by ``write_docs``."""
        if self._audits >= AUDITS_OF_A_PROCESS:
            self._end()
        self._audits += 1
        previous = current(self.workspace.published)
        self._say(
            {
                "do": "audit",
                "database": str(database),
                "previous": str(previous / "touchloop.duckdb") if previous else None,
                "results": str(self.workspace.state / "audit"),
                "keep": self.workspace.settings.publish.data_docs_runs,
            }
        )
        if docs:
            self._ask(self._for_docs())

    def verdict(self) -> dict[str, Any]:
        """On the candidate last begun: ``success``, ``failures`` (sentences that name expectation and rows), ``expectations``, ``tables``."""
        return self._hear()

    def write_docs(self, at_most_every: float = 0.0) -> None:
        """Data docs of the last audits, made while the caller goes on: they explain a snapshot, they do not hold it up.

        ``at_most_every`` so many seconds: docs that would come sooner are owed, and are made with the next ones or at the end.
        """
        now = time.monotonic()
        self._owes_docs = self._docs_at is not None and now - self._docs_at < at_most_every
        if self._owes_docs:
            return
        self._say(self._for_docs())

    def _for_docs(self) -> dict[str, Any]:
        self._docs_at, self._owes_docs = time.monotonic(), False
        return {
            "do": "docs",
            "results": str(self.workspace.state / "audit"),
            "site": str(self.workspace.published / "data-docs"),
        }

    def _say(self, question: dict[str, Any]) -> None:
        self._hear_out()
        self.start()
        self._ask(question)

    def _ask(self, question: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it is missed where its answer is
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        self._unheard += 1

    def _hear_out(self) -> None:
        """Wait for answers that nobody wants any more: of docs, or of a candidate that was given up."""
        with suppress(UserError):
            while self._unheard:
                self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        self._unheard -= 1
        line = self._process.stdout.readline()
        if not line:
            trouble = self._process.stderr.read().strip().splitlines()[-1:] if self._process.stderr else []
            self._forget()
            raise UserError(
                f"the audit ended without a verdict, so nothing was published: {' '.join(trouble) or 'no reason given'}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process once it has answered, docs included."""
        if self._owes_docs:
            self.write_docs()
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._hear_out()
            self._forget()

    def _forget(self) -> None:
        process, audits = self._process, self._audits
        self._process, self._unheard, self._audits = None, 0, 0
        if process is None:
            return
        if not audits:  # nothing came to be judged, and it may be importing still
            process.kill()
        if process.stdin:
            with suppress(BrokenPipeError):  # it ended before us
                process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def __enter__(self) -> Auditor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
