"""The audit in a process of its own: its library takes seconds to import, so it starts beside the work that it will judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any

from pipelines.errors import UserError
from pipelines.workspace import Workspace
from warehouse.publish import current


class Auditor:
    """Speaks JSON lines with ``python -m warehouse.audit``; nothing is started before ``start`` or ``audit``."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "warehouse.audit"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if not os.environ.get("TOUCHLOOP_DEBUG") else None,
                text=True,
            )

    def audit(self, database: os.PathLike[str]) -> dict[str, Any]:
        """Verdict on a candidate: ``success``, ``failures`` (sentences that name expectation and rows), ``expectations``, ``tables``."""
        previous = current(self.workspace.published)
        return self._ask(
            {
                "do": "audit",
                "database": str(database),
                "previous": str(previous / "touchloop.duckdb") if previous else None,
                "results": str(self.workspace.state / "audit"),
                "keep": self.workspace.settings.publish.data_docs_runs,
            }
        )

    def write_docs(self) -> None:
        """Data docs of the last runs, after publishing: they explain a snapshot, they do not hold it up."""
        self._ask(
            {
                "do": "docs",
                "results": str(self.workspace.state / "audit"),
                "site": str(self.workspace.published / "data-docs"),
            }
        )

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            trouble = process.stderr.read().strip().splitlines()[-1:] if process.stderr else []
            raise UserError(
                f"the audit ended without a verdict, so nothing was published: {' '.join(trouble) or 'no reason given'}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        if self._process is not None:
            if self._process.stdin:
                with suppress(BrokenPipeError):  # it ended before us
                    self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._process = None

    def __enter__(self) -> Auditor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
