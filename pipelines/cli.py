"""The command line: ``touchloop``. Each command is a few lines; what it does lives elsewhere."""

from __future__ import annotations

import enum
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import duckdb
import msgspec
import typer
from rich.console import Console

from pipelines.errors import SettingsError, UserError
from pipelines.workspace import Workspace
from transforms.event import Reject
from transforms.times import parse_iso

if TYPE_CHECKING:
    from pipelines.observe.logs import Logs


class LogFormat(enum.StrEnum):
    TEXT = "text"
    JSON = "json"


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Native payloads of chat, email, video, app and calendars in; buyer-journey loops and seller coverage out.",
)
rejects_app = typer.Typer(no_args_is_help=True, help="Records that could not become events.")
app.add_typer(rejects_app, name="rejects")

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
STORAGE_FAULTS = (
    duckdb.IOException,
    duckdb.FatalException,  # a commit that could not be written: the process must end, the file stays as it was before
    duckdb.OutOfMemoryException,
    duckdb.SerializationException,
)
"""What DuckDB raises when the disk is full or broken, or memory is short."""
AFTER_A_STORAGE_FAULT = (
    "What was not committed is done again by the next run. If a file of state/ is damaged: put both files back from one backup, or move the "
    "folder aside and run, which builds it again from the inbox and the topics."
)
HERE = Path(".")
_logs: list[Logs] = []
"""The log of this command, if it is one for machines: the last message goes there too."""


def main() -> None:
    """Run the command line. A fault that a user can cause ends in one message and an exit code, never in a traceback."""
    _logs.clear()
    try:
        app()
    except UserError as error:
        _stop(error, error.exit_code)
    except KeyboardInterrupt:
        err.print("touchloop: interrupted; what was not committed will be done again by the next run")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)  # as a shell says of a reader that went away
    except OSError as error:
        _stop(error, 1)
    except STORAGE_FAULTS as error:
        _stop(UserError(f"{error}\n{AFTER_A_STORAGE_FAULT}"), 1)


def _plain(error: BaseException) -> str:
    return str(error).replace("[", "\\[")


def _stop(error: BaseException, exit_code: int) -> None:
    """The last message, where the command's other messages went."""
    for log in _logs:
        log.error(str(error), exit_code)
    if not _logs:
        err.print(f"[red]touchloop:[/red] {_plain(error)}", soft_wrap=True)
    sys.exit(exit_code)


def _log(chosen: LogFormat | None) -> Logs | None:
    """A log for machines, if one is wanted."""
    if chosen is not LogFormat.JSON:
        return None
    from pipelines.observe.logs import Logs

    _logs.append(Logs())
    return _logs[-1]


def _open(root: Path) -> Workspace:
    workspace = Workspace(root.resolve())
    workspace.require()
    return workspace


def _say(as_json: bool) -> Any:
    return (lambda text: None) if as_json else (lambda text: err.print(f"[dim]{text}[/dim]"))


def _clock(as_of: str | None) -> int:
    if as_of is None:
        return time.time_ns() // 1000
    try:
        return parse_iso(as_of, "--as-of")
    except Reject:
        raise SettingsError(
            f"--as-of is {as_of!r}: give an ISO 8601 time with its zone, such as 2026-05-11T00:00:00Z"
        ) from None


@app.command()
def init(workspace: WorkspaceOption = HERE) -> None:
    """Lay out an empty workspace; what is there already stays."""
    made = Workspace(workspace.resolve())
    made.create()
    out.print(f"Workspace [bold]{made.root}[/bold]")
    out.print("  touchloop.toml      settings, every key optional: put your company's domains in")
    out.print("  inbox/<source>/     native payloads, any depth (touchloop sources lists the systems)")
    out.print("  inbox/crm/*.csv     the directory: accounts, people, opportunities, ...")
    out.print(f"Then: touchloop run --workspace {workspace}")


PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
RunnerOption = Annotated[
    str | None,
    typer.Option("--runner", help="Beam runner; its own options follow as they are: --job_endpoint=HOST:PORT …"),
]


@app.command(context_settings=PASSED_ON)
def run(
    context: typer.Context,
    workspace: WorkspaceOption = HERE,
    as_of: AsOfOption = None,
    runner: RunnerOption = None,
    as_json: JsonOption = False,
    log_format: LogFormatOption = None,
) -> None:
    """Land what is new, rebuild what it touches, audit, publish."""
    from pipelines.observe.watchers import watchers
    from pipelines.run import run_once

    logs = _log(log_format)
    say = logs.say() if logs else _say(as_json)
    opened = _open(workspace)
    with opened.writer(), watchers(opened, job="run", say=say, logs=logs) as observer:
        summary = run_once(
            opened, _clock(as_of), fixed=as_of is not None, say=say, observer=observer,
            workers=_workers(opened, runner, context.args),
        )  # fmt: skip
    if as_json:
        print(msgspec.json.encode(summary).decode())
        return
    from pipelines.show import print_summary

    print_summary(out, summary)


LandingOption = Annotated[
    str,
    typer.Option(
        help="Folder that the workers and this machine share: a path, or s3://…, gs://…, hdfs://…", metavar="URL"
    ),
]


@app.command(context_settings=PASSED_ON)
def ingest(
    context: typer.Context,
    landing: LandingOption,
    workspace: WorkspaceOption = HERE,
    runner: RunnerOption = None,
    streaming: Annotated[
        bool, typer.Option("--streaming", help="Read Kafka without an end; the job goes on alone.")
    ] = False,
    beginning: Annotated[bool, typer.Option("--from-beginning", help="Not from the ledger's end.")] = False,
    offset: Annotated[
        list[str] | None, typer.Option(help="Begin a partition here instead; repeatable.", metavar="TOPIC/PARTITION=N")
    ] = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """On a cluster: read and normalise into a shared folder, for follow to commit. Nothing is written to the workspace."""
    from pipelines.cluster.ingest import ingest_bounded, ingest_endless, offsets_of
    from pipelines.cluster.runner import runner_of
    from pipelines.cluster.shared import SharedFolder

    opened = _open(workspace)
    clock = None if as_of is None else _clock(as_of)
    on, shared = runner_of(runner, context.args), SharedFolder(landing)
    if (beginning or offset) and not streaming:
        raise SettingsError("--from-beginning and --offset go with --streaming")
    if streaming:
        done = ingest_endless(
            opened, on, shared, clock=clock, beginning=beginning, offsets=offsets_of(offset or []), say=_say(as_json)
        )
    else:
        done = ingest_bounded(opened, on, shared, clock=clock, say=_say(as_json))
    if as_json:
        print(msgspec.json.encode(done).decode())
    elif streaming:
        out.print(f"the job {done.job} reads {done.partitions} partitions on {done.runner} and lands in {landing}")
        out.print(f"Then: touchloop follow --workspace {workspace} --landing {landing}")
    else:
        out.print(f"{done.files:,} files and {done.ranges:,} ranges of offsets are in {landing}")
        out.print(f"Then: touchloop follow --workspace {workspace} --landing {landing} --until-caught-up")


@app.command()
def stream(
    workspace: WorkspaceOption = HERE,
    every: Annotated[float, typer.Option(help="Seconds between the starts of two increments.", min=0)] = 5.0,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End when nothing is left to land.")
    ] = False,
    as_of: AsOfOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per increment on standard output.")] = False,
    log_format: LogFormatOption = None,
    metrics_port: MetricsPortOption = None,
) -> None:
    """Do what run does again and again, files and topics, until stopped (SIGTERM, Ctrl-C) or caught up."""
    from pipelines.observe.watchers import watchers
    from pipelines.show_stream import watched
    from pipelines.stream import Progress, Stopping, line
    from pipelines.stream import stream as run_stream

    opened = _open(workspace)
    fixed = _clock(as_of) if as_of is not None else None
    logs = _log(log_format)
    live = err.is_terminal and not as_json and logs is None
    with opened.writer(), watched(err, live=live) as (tell, show):
        say = logs.say() if logs else tell

        def done(summary: Any, progress: Progress) -> None:
            if as_json:
                print(msgspec.json.encode(summary).decode(), flush=True)
            elif logs is None and not live:
                say(line(summary, progress.last_seconds))

        with watchers(opened, job="stream", say=say, logs=logs, serve=True, port=metrics_port) as observer:
            run_stream(
                opened, every=every, until_caught_up=until_caught_up, clock=lambda: _clock(None) if fixed is None else fixed,
                fixed=fixed is not None, say=say, show=show, done=done, stopping=Stopping(), observer=observer,
            )  # fmt: skip


@app.command(context_settings=PASSED_ON)
def follow(
    context: typer.Context,
    landing: LandingOption,
    workspace: WorkspaceOption = HERE,
    every: Annotated[float, typer.Option(help="Seconds between the starts of two looks.", min=0)] = 5.0,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End when nothing is left that can be committed.")
    ] = False,
    skip_gaps: Annotated[
        bool, typer.Option("--skip-gaps", help="Give up offsets that have not landed where later ones have.")
    ] = False,
    runner: RunnerOption = None,
    as_of: AsOfOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per increment on standard output.")] = False,
    metrics_port: MetricsPortOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """On the warehouse's machine: commit what ingest lands in the shared folder, rebuild, audit, publish."""
    from pipelines.cluster.run import follow as run_follow
    from pipelines.cluster.shared import SharedFolder
    from pipelines.observe.watchers import watchers
    from pipelines.stream import line

    logs = _log(log_format)
    opened = _open(workspace)
    fixed = _clock(as_of) if as_of is not None else None
    say = logs.say() if logs else _say(as_json)

    def done(summary: Any) -> None:
        if as_json:
            print(msgspec.json.encode(summary).decode(), flush=True)
        elif logs is None:
            say(f"{line(summary, sum(summary.seconds.values()))}; {summary.reread:,} offsets read twice and trimmed")

    with (
        opened.writer(),
        watchers(opened, job="follow", say=say, logs=logs, serve=True, port=metrics_port) as observer,
    ):
        run_follow(
            opened, SharedFolder(landing), every=every, until_caught_up=until_caught_up, skip_gaps=skip_gaps,
            workers=_workers(opened, runner, context.args), clock=lambda: _clock(None) if fixed is None else fixed,
            fixed=fixed is not None, say=say, done=done, observer=observer,
        )  # fmt: skip


def _workers(workspace: Workspace, runner: str | None, options: list[str]) -> Any:
    """The cluster's, if a runner is named; None for processes of this machine."""
    if runner is None and not options:
        return None  # without an import of Beam
    from pipelines.cluster.runner import runner_of
    from pipelines.cluster.workers import ClusterWorkers

    named = runner_of(runner, options)
    named.check(endless=False)
    return ClusterWorkers(named, workspace.settings.ingest.workers)


@app.command()
def audit(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Audit the warehouse as it stands, without publishing. Exit 1 if an expectation fails."""
    from pipelines.run import audit_only

    opened = _open(workspace)
    with opened.writer():
        verdict = audit_only(opened)
    if as_json:
        print(msgspec.json.encode(verdict).decode())
    else:
        out.print(f"audit passed: {verdict['expectations']} expectations on {verdict['tables']} tables")


@app.command()
def publish(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Audit and publish the warehouse as it stands, even if nothing changed."""
    from pipelines.run import publish_now

    opened = _open(workspace)
    with opened.writer():
        snapshot = publish_now(opened, say=_say(as_json))
    if as_json:
        print(msgspec.json.encode({"snapshot": str(snapshot)}).decode())
    else:
        out.print(f"published {snapshot}")


@app.command()
def report(
    workspace: WorkspaceOption = HERE,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page to this file instead.", metavar="FILE", dir_okay=False)
    ] = None,
) -> None:
    """Show journeys, loops and coverage of the published snapshot on the terminal, and where its page is."""
    from pipelines.show import print_report, write_page

    opened = _open(workspace)
    if html is not None:
        out.print(f"Wrote {_plain(Exception(write_page(opened.snapshot, html)))}", soft_wrap=True)
        return
    print_report(out, opened.snapshot, opened.report)


@app.command()
def sources(as_json: JsonOption = False) -> None:
    """What is supported, per system."""
    from pipelines.show import print_sources
    from transforms.sources import all_sources

    specs = all_sources()
    if as_json:
        rows = [
            {"name": s.name, "title": s.title, "channel": s.channel, "version": s.version, "supports": s.supports}
            for s in specs.values()
        ]
        print(msgspec.json.encode(rows).decode())
    else:
        print_sources(out, specs)


@app.command()
def explain(
    touchpoint: Annotated[str, typer.Argument(help="touchpoint_id, or its first characters.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Tell in words why a touchpoint is what it is: witnesses, rules, people, job, session and visit."""
    from pipelines.explain import explain_touchpoint

    for line in explain_touchpoint(_open(workspace).snapshot, touchpoint):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command()
def doctor(workspace: WorkspaceOption = HERE) -> None:
    """Look the workspace over: settings, inbox, ledger, snapshot. Exit 1 if something is wrong."""
    from pipelines.doctor import examine

    findings = examine(_open(workspace))
    for finding in findings:
        mark = "[green]ok  [/green]" if finding.ok else "[red]FAIL[/red]"
        out.print(f"{mark} {_plain(Exception(finding.text))}", soft_wrap=True)
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


@app.command()
def generate(
    workspace: WorkspaceOption = HERE,
    records: Annotated[int, typer.Option(help="About how many native records.", min=1)] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same payloads.")] = 1,
    duplicates: Annotated[float, typer.Option(help="Share of records given twice.", min=0, max=1)] = 0.02,
    late: Annotated[float, typer.Option(help="Share of records that arrive late.", min=0, max=1)] = 0.02,
    malformed: Annotated[float, typer.Option(help="Share of records that are broken.", min=0, max=1)] = 0.0,
    shuffle: Annotated[bool, typer.Option(help="Records out of order.")] = True,
) -> None:
    """Make a workspace of native payloads of all sources from a seeded simulation, its truth written beside it (truth/)."""
    from pipelines.simulate import Plan, generate_workspace

    plan = Plan(records=records, seed=seed, duplicates=duplicates, late=late, malformed=malformed, shuffle=shuffle)
    made = generate_workspace(workspace.resolve(), plan)
    out.print(
        f"{made.records:,} native records in {made.files:,} files below {workspace}/inbox; the truth is in {workspace}/truth"
    )
    out.print(f"Then: touchloop run --workspace {workspace} --as-of {made.as_of}")


@app.command()
def replay(
    location: Annotated[
        str,
        typer.Argument(
            help="As the ledger has it, * for anything: 'inbox/zoom/*', 'sales.chat/3', '*'.", metavar="LOCATION"
        ),
    ],
    start: Annotated[int | None, typer.Option("--from", help="First offset; units are read whole.", min=0)] = None,
    end: Annotated[int | None, typer.Option("--to", help="One past the last offset.", min=0)] = None,
    workspace: WorkspaceOption = HERE,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read landed files or ranges once more, after an adapter was mended; what they gave before is replaced."""
    from pipelines.replay import replay_units

    opened = _open(workspace)
    with opened.writer():
        done = replay_units(opened, location, start, end, _clock(as_of), fixed=as_of is not None, say=_say(as_json))
    if as_json:
        print(msgspec.json.encode(done).decode())
    else:
        out.print(
            f"{done.units:,} units, {done.records:,} records read again: {done.new:,} events are new, {done.changed:,} say something else, "
            f"{done.gone:,} are gone"
        )


@rejects_app.command("list")
def rejects_list(
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Rejected records by source and reason, and the newest of them."""
    from pipelines.rejects import list_rejects
    from pipelines.show import print_rejects

    opened = _open(workspace)
    with opened.writer():
        groups, rows = list_rejects(opened, source, limit)
    if as_json:
        print(msgspec.json.encode({"reasons": groups, "records": rows}).decode())
    else:
        print_rejects(out, groups, rows)


@rejects_app.command("show")
def rejects_show(
    unit: Annotated[str, typer.Argument(help="unit_id, or its first characters.")],
    position: Annotated[int, typer.Argument(help="Position in the unit.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """One rejected record: why, and its original bytes."""
    from pipelines.rejects import show_reject

    opened = _open(workspace)
    with opened.writer():
        row, payload = show_reject(opened, unit, position)
    for name, value in row.items():
        err.print(f"{name}: {value}", markup=False, highlight=False, soft_wrap=True)
    sys.stdout.buffer.write(payload if payload.endswith(b"\n") else payload + b"\n")


@rejects_app.command("replay")
def rejects_replay(
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try rejected records again, after a fix of the adapter or the settings; then rebuild and publish."""
    from pipelines.rejects import replay

    opened = _open(workspace)
    with opened.writer():
        result = replay(opened, source, _clock(as_of), fixed=as_of is not None, say=_say(as_json))
    if as_json:
        print(msgspec.json.encode(result).decode())
    else:
        out.print(", ".join(f"{count:,} {outcome}" for outcome, count in sorted(result.items())) or "nothing to replay")
