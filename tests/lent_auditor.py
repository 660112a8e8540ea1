"""Auditors that outlive the run which started them: their library takes seconds to import, and a hundred tests publish."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from pipelines.auditor import Auditor

_START, _FORGET = Auditor.start, Auditor._forget


@contextmanager
def lent() -> Iterator[None]:
    """Meanwhile an auditor that is closed leaves its process, which knows nothing of a workspace, to the next one."""
    idle: list[subprocess.Popen[str]] = []

    def take(auditor: Auditor) -> None:
        with auditor._starting:
            while auditor._process is None and idle:
                process = idle.pop()
                auditor._process = process if process.poll() is None else None
        _START(auditor)

    def leave(auditor: Auditor) -> None:
        process = auditor._process
        if process is None or process.poll() is not None or auditor._unheard:
            _FORGET(auditor)
        else:
            auditor._process, auditor._audits = None, 0
            idle.append(process)

    with _instead(take, leave):
        yield
    for process in idle:
        process.communicate()  # its standard input ends, and so does it


@contextmanager
def own() -> Iterator[None]:
    """Meanwhile every auditor starts a process of its own, and ends it."""
    with _instead(_START, _FORGET):
        yield


@contextmanager
def _instead(start: Callable[[Auditor], None], forget: Callable[[Auditor], None]) -> Iterator[None]:
    with patch.object(Auditor, "start", start), patch.object(Auditor, "_forget", forget):
        yield
