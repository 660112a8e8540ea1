"""What the commands share: consoles, options, the workspace, the clock."""

from __future__ import annotations

import enum
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipelines.errors import SettingsError
from pipelines.workspace import Workspace
from transforms.event import Reject
from transforms.times import parse_iso


class LogFormat(enum.StrEnum):
    TEXT = "text"
    JSON = "json"


WIDE = 120
"""Columns where there is no terminal to ask: a log, a pipe."""
out = Console(width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDE)

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default=True)]
JsonOption = Annotated[bool, typer.Option("--json", help="A machine's summary on standard output.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Fix the clock: an ISO 8601 time with a zone.", metavar="TIME")
]
LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format", help="text, or json: one object a line on standard error.", envvar="TOUCHLOOP_LOG_FORMAT"
    ),
]
MetricsPortOption = Annotated[
    int | None, typer.Option(help="Serve /metrics and /healthz on this port (observe.port).", min=0, max=65535)
]
HERE = Path(".")


def plain(error: BaseException) -> str:
    return str(error).replace("[", "\\[")


def opened(root: Path) -> Workspace:
    workspace = Workspace(root.resolve())
    workspace.require()
    return workspace


def say_to(as_json: bool) -> Any:
    return (lambda text: None) if as_json else (lambda text: err.print(f"[dim]{text}[/dim]"))


def clock_at(as_of: str | None) -> int:
    if as_of is None:
        return time.time_ns() // 1000
    try:
        return parse_iso(as_of, "--as-of")
    except Reject:
        raise SettingsError(
            f"--as-of is {as_of!r}: give an ISO 8601 time with its zone, such as 2026-05-11T00:00:00Z"
        ) from None
