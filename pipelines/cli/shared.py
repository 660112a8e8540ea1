"""What the commands share: consoles, options, the workspace, the clock."""

from __future__ import annotations

import enum
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from pipelines.errors import SettingsError
from pipelines.workspace import Workspace
from transforms.event import Reject
from transforms.times import DAY, parse_iso

if TYPE_CHECKING:
    from pipelines.observe.logs import Logs
    from pipelines.observe.observer import Observer
    from pipelines.summary import Say


class LogFormat(enum.StrEnum):
    TEXT = "text"
    JSON = "json"


WIDE = 120
"""Columns where there is no terminal to ask: a log, a pipe."""
out = Console(width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDE)

MOST_SECONDS = 1_000_000_000
"""As in the settings: no thread can wait much longer."""
LAST_OFFSET = 2**63 - 1
"""The largest that a broker or a database has; so of a position."""

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
EveryOption = Annotated[
    float, typer.Option(help="Seconds between the starts of two increments, or looks.", min=0, max=MOST_SECONDS)
]
HERE = Path(".")
FAR_AHEAD = 366 * DAY
"""Microseconds that a clock may be ahead of the machine's before it looks like a slip of the pen."""
opened_logs: list[Logs] = []
"""The log of this command, if it is one for machines: the last message goes there too."""


class Commands(TyperGroup):
    """Commands whose complaint of an option tells the value that was given, as one of a setting does."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as fault:
            errors = getattr(fault.__cause__, "errors", None)  # pydantic's, by which Typer reads values
            if errors is not None and (given := repr(str(errors()[0]["input"])[:60])) not in fault.message:
                fault.message = f"{given}: {fault.message}"
            raise


def plain(told: object) -> str:
    """As it is: a path or a name in brackets is no markup."""
    return escape(str(told))


def placed(root: Path) -> Workspace:
    """The workspace at a path, whether it is there or not. Raises ``SettingsError`` for a path that there cannot be."""
    try:
        found = root.resolve()
    except (OSError, RuntimeError) as error:
        raise SettingsError(f"--workspace {root}: {error}") from None
    refuse_bytes(str(found), "the workspace's path")
    return Workspace(found)


def opened(root: Path) -> Workspace:
    """The workspace at a path. Raises ``SettingsError`` unless there is one."""
    workspace = placed(root)
    workspace.require()
    return workspace


def refuse_bytes(given: str, what: str) -> None:
    """Raises ``SettingsError`` for what is no UTF-8: neither a database nor JSON could hold it."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"{what} {given!r} is no UTF-8 at its character {error.start + 1}") from None


def say_to(as_json: bool) -> Any:
    return (lambda text: None) if as_json else (lambda text: err.print(text, style="dim", markup=False, soft_wrap=True))


def log_of(chosen: LogFormat | None) -> Logs | None:
    """A log for machines, if one is wanted."""
    if chosen is not LogFormat.JSON:
        return None
    from pipelines.observe.logs import Logs

    opened_logs.append(Logs())
    return opened_logs[-1]


@contextmanager
def writing(
    workspace: Workspace, job: str, *, as_json: bool, log_format: LogFormat | None, reads: bool = True
) -> Iterator[tuple[Say, Observer]]:
    """Hold a workspace for a command that comes to an end, and tell whoever watches it. ``reads`` as in ``watchers``."""
    from pipelines.observe.watchers import watchers

    logs = log_of(log_format)
    say = logs.say() if logs else say_to(as_json)
    with workspace.writer(), watchers(workspace, job=job, say=say, logs=logs, reads=reads) as observer:
        yield say, observer


def clock_at(as_of: str | None) -> int:
    if as_of is None:
        return time.time_ns() // 1000
    try:
        clock = parse_iso(as_of, "--as-of")
    except Reject:
        raise SettingsError(
            f"--as-of is {as_of!r}: give an ISO 8601 time with its zone, of the years 1990 to 2099, such as 2026-05-11T00:00:00Z"
        ) from None
    if clock - time.time_ns() // 1000 > FAR_AHEAD:
        warn(
            f"--as-of {as_of} lies more than a year ahead: every week, month and quarter until then gets its rows, and nothing counts as dated in "
            "the future. Was another year meant?"
        )
    return clock


def warn(text: str) -> None:
    for log in opened_logs:
        log.say()(text)
    if not opened_logs:
        err.print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)
