"""The command line: ``touchloop``. Each command is a few lines; what it does lives elsewhere."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import duckdb
import msgspec
import typer

from pipelines import interrupt
from pipelines.cli.erasing import erase
from pipelines.cli.looking import doctor, explain, report, sources
from pipelines.cli.mending import rejects_app, replay
from pipelines.cli.shared import (
    HERE,
    AsOfOption,
    Commands,
    EveryOption,
    JsonOption,
    LogFormatOption,
    MetricsPortOption,
    WorkspaceOption,
    clock_at,
    err,
    log_of,
    opened,
    opened_logs,
    out,
    placed,
    plain,
    refuse_bytes,
    say_to,
    warn,
    writing,
)
from pipelines.errors import SettingsError, UserError, told_of_system
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.summary import Summary


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Native payloads of chat, email, video, app and calendars in; buyer-journey loops and seller coverage out.",
)
app.add_typer(rejects_app, name="rejects")

STORAGE_FAULTS = (
    duckdb.IOException,
    duckdb.FatalException,  # a commit that could not be written: the process must end, the file stays as it was before
    duckdb.OutOfMemoryException,
    duckdb.SerializationException,
    duckdb.TransactionException,
)
"""What DuckDB raises when the disk is full or broken, or memory is short."""
AFTER_A_STORAGE_FAULT = (
    "What was not committed is done again by the next run. If a file of state/ is damaged: put both files back from one backup, without a "
    "*.wal beside them, or move the folder aside and run, which builds it again from the inbox and the topics."
)
READER_WENT_AWAY = 141
"""As a shell tells of a program that was ended by SIGPIPE."""


def main() -> None:
    """Run the command line. A fault that a user can cause ends in one message and an exit code, never in a traceback."""
    opened_logs.clear()
    try:
        for argument in sys.argv[1:]:
            refuse_bytes(argument, "the argument")
        _told_to_somebody()
    except UserError as error:
        _stop(error, error.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as ended:
        if ended.code == interrupt.EXIT_CODE:  # Typer's, of a Ctrl-C
            _interrupted()
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to be written has no reader
        sys.exit(READER_WENT_AWAY)
    except OSError as error:
        _stop(UserError(told_of_system(error)), 1)
    except STORAGE_FAULTS as error:
        _stop(UserError(f"{error}\n{AFTER_A_STORAGE_FAULT}"), 1)
    except Exception:
        if interrupt.is_heard():  # DuckDB and others have errors of their own for it
            _interrupted()
        raise


def _told_to_somebody() -> None:
    """The command, and its last words on their way. Raises ``BrokenPipeError`` where nobody reads them: Typer and Rich make exit 1 of it."""
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        sys.stdout.flush()
        raise


def _interrupted() -> NoReturn:
    _stop(UserError(interrupt.MESSAGE), interrupt.EXIT_CODE)


def _stop(error: BaseException, exit_code: int) -> NoReturn:
    """The last message, where the command's other messages went. That a worker has ended needs no words after a Ctrl-C."""
    if interrupt.is_heard():
        error, exit_code = UserError(interrupt.MESSAGE), interrupt.EXIT_CODE
    for log in opened_logs:
        log.error(str(error), exit_code)
    if not opened_logs:
        err.print(f"[red]touchloop:[/red] {plain(error)}", soft_wrap=True)
    sys.exit(exit_code)


@app.command()
def init(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Lay out an empty workspace; what is there already stays."""
    made = placed(workspace)
    made.create()
    if as_json:
        print(msgspec.json.encode({"workspace": str(made.root)}).decode())
        return
    out.print(f"Workspace [bold]{plain(made.root)}[/bold]", soft_wrap=True)
    out.print("  touchloop.toml      settings, every key optional: put your company's domains in")
    out.print("  inbox/<source>/     native payloads, any depth (touchloop sources lists the systems)")
    out.print("  inbox/crm/*.csv     the directory: accounts, people, opportunities, ...")
    out.print(f"Then: touchloop run --workspace {workspace}", markup=False, soft_wrap=True)


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
    from pipelines.run import run_once

    place = opened(workspace)
    with writing(place, "run", as_json=as_json, log_format=log_format) as (say, observer):
        run_once(
            place, clock_at(as_of), fixed=as_of is not None, say=say, observer=observer,
            workers=_workers(place, runner, context.args), done=partial(_print_summary, as_json),
        )  # fmt: skip


def _print_summary(as_json: bool, summary: Summary) -> None:
    if as_json:
        print(msgspec.json.encode(summary).decode())
        return
    from pipelines.cli.show import print_summary

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
    from pipelines.summary import counted

    place = opened(workspace)
    clock = None if as_of is None else clock_at(as_of)
    on, shared = runner_of(runner, context.args), SharedFolder(landing)
    if (beginning or offset) and not streaming:
        raise SettingsError("--from-beginning and --offset go with --streaming")
    if streaming:
        done = ingest_endless(
            place, on, shared, clock=clock, beginning=beginning, offsets=offsets_of(offset or []), say=say_to(as_json)
        )
    else:
        done = ingest_bounded(place, on, shared, clock=clock, say=say_to(as_json))
    if as_json:
        print(msgspec.json.encode(done).decode())
    elif streaming:
        out.print(
            f"the job {done.job} reads {done.partitions} partitions on {done.runner} and lands in {landing}",
            markup=False,
            soft_wrap=True,
        )
        out.print(f"Then: touchloop follow --workspace {workspace} --landing {landing}", markup=False, soft_wrap=True)
    else:
        out.print(
            f"{counted(done.files, 'file')} and {done.ranges:,} ranges of offsets are in {landing}",
            markup=False,
            soft_wrap=True,
        )
        out.print(
            f"Then: touchloop follow --workspace {workspace} --landing {landing} --until-caught-up",
            markup=False,
            soft_wrap=True,
        )


@app.command()
def stream(
    workspace: WorkspaceOption = HERE,
    every: EveryOption = 5.0,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End when nothing is left to land.")
    ] = False,
    as_of: AsOfOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per increment on standard output.")] = False,
    log_format: LogFormatOption = None,
    metrics_port: MetricsPortOption = None,
) -> None:
    """Do what run does again and again, files and topics, until stopped (SIGTERM, Ctrl-C) or caught up."""
    from pipelines.cli.show_stream import watched
    from pipelines.observe.watchers import watchers
    from pipelines.stream import Progress, Stopping, line
    from pipelines.stream import stream as run_stream

    place = opened(workspace)
    logs = log_of(log_format)
    fixed = clock_at(as_of) if as_of is not None else None
    live = err.is_terminal and not as_json and logs is None
    with place.writer(), watched(err, live=live) as (tell, show):
        say = logs.say() if logs else tell

        def done(summary: Any, progress: Progress) -> None:
            if as_json:
                print(msgspec.json.encode(summary).decode(), flush=True)
            elif logs is None and not live:
                say(line(summary, progress.last_seconds))

        with watchers(place, job="stream", say=say, logs=logs, serve=True, port=metrics_port) as observer:
            run_stream(
                place, every=every, until_caught_up=until_caught_up, clock=lambda: clock_at(None) if fixed is None else fixed,
                fixed=fixed is not None, say=say, show=show, done=done, stopping=Stopping(), observer=observer,
            )  # fmt: skip


@app.command(context_settings=PASSED_ON)
def follow(
    context: typer.Context,
    landing: LandingOption,
    workspace: WorkspaceOption = HERE,
    every: EveryOption = 5.0,
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
    from pipelines.cluster.shared import SharedFolder
    from pipelines.follow import follow as run_follow
    from pipelines.observe.watchers import watchers
    from pipelines.stream import line

    logs = log_of(log_format)
    place = opened(workspace)
    fixed = clock_at(as_of) if as_of is not None else None
    say = logs.say() if logs else say_to(as_json)

    def done(summary: Any) -> None:
        if as_json:
            print(msgspec.json.encode(summary).decode(), flush=True)
        elif logs is None:
            say(f"{line(summary, sum(summary.seconds.values()))}; {summary.reread:,} offsets read twice and trimmed")

    with (
        place.writer(),
        watchers(place, job="follow", say=say, logs=logs, serve=True, port=metrics_port) as observer,
    ):
        run_follow(
            place, SharedFolder(landing), every=every, until_caught_up=until_caught_up, skip_gaps=skip_gaps,
            workers=_workers(place, runner, context.args), clock=lambda: clock_at(None) if fixed is None else fixed,
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
def audit(workspace: WorkspaceOption = HERE, as_json: JsonOption = False, log_format: LogFormatOption = None) -> None:
    """Audit the warehouse as it stands, without publishing. Exit 1 if an expectation fails."""
    from pipelines.run import audit_only

    place = opened(workspace)
    with writing(place, "audit", as_json=as_json, log_format=log_format, reads=False) as (say, observer):
        verdict = audit_only(place, say=say, observer=observer)
    if as_json:
        print(msgspec.json.encode(verdict).decode())
    else:
        out.print(f"audit passed: {verdict['expectations']} expectations on {verdict['tables']} tables")


@app.command()
def publish(workspace: WorkspaceOption = HERE, as_json: JsonOption = False, log_format: LogFormatOption = None) -> None:
    """Audit and publish the warehouse as it stands, even if nothing changed."""
    from pipelines.run import publish_now

    place = opened(workspace)
    with writing(place, "publish", as_json=as_json, log_format=log_format, reads=False) as (say, observer):
        snapshot = publish_now(place, say=say, observer=observer)
    if as_json:
        print(msgspec.json.encode({"snapshot": str(snapshot)}).decode())
    else:
        out.print(f"published {snapshot}", markup=False, soft_wrap=True)


@app.command()
def generate(
    workspace: WorkspaceOption = HERE,
    records: Annotated[int, typer.Option(help="About how many native records.", min=1, max=1_000_000_000)] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same payloads.")] = 1,
    duplicates: Annotated[float, typer.Option(help="Share of records given twice.", min=0, max=1)] = 0.02,
    late: Annotated[float, typer.Option(help="Share of records that arrive late.", min=0, max=1)] = 0.02,
    malformed: Annotated[float, typer.Option(help="Share of records that are broken.", min=0, max=1)] = 0.0,
    shuffle: Annotated[bool, typer.Option(help="Records out of order.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace of native payloads of all sources from a seeded simulation, its truth written beside it (truth/).

    A folder of its own: what an earlier simulation wrote there is replaced, and anybody else's workspace is refused.

    What a run has landed of the earlier one stays in state/.
    """
    from pipelines.simulate import Plan, generate_workspace
    from pipelines.summary import counted

    place = placed(workspace)
    plan = Plan(records=records, seed=seed, duplicates=duplicates, late=late, malformed=malformed, shuffle=shuffle)
    made = generate_workspace(place.root, plan)
    if place.warehouse.exists():
        warn(
            f"{place.state} holds what has landed of the simulation before, to which a run adds this one: remove it, and {place.published}, first"
        )
    if as_json:
        print(msgspec.json.encode(made).decode())
        return
    out.print(
        f"{counted(made.records, 'native record')} in {counted(made.files, 'file')} below {workspace}/inbox; the truth is in {workspace}/truth",
        markup=False,
        soft_wrap=True,
    )
    out.print(f"Then: touchloop run --workspace {workspace} --as-of {made.as_of}", markup=False, soft_wrap=True)


for command in (report, explain, doctor, sources, replay, erase):
    app.command()(command)
