"""The commands that mend: rejected records, and what has landed, read again."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from pipelines.cli.shared import (
    HERE,
    LAST_OFFSET,
    AsOfOption,
    JsonOption,
    LogFormatOption,
    WorkspaceOption,
    clock_at,
    err,
    opened,
    out,
    writing,
)

rejects_app = typer.Typer(no_args_is_help=True, help="Records that could not become events.")


def replay(
    location: Annotated[
        str,
        typer.Argument(
            help="As the ledger has it, * for anything: 'inbox/zoom/*', 'sales.chat/3', '*'.", metavar="LOCATION"
        ),
    ],
    start: Annotated[
        int | None, typer.Option("--from", help="First offset; units are read whole.", min=0, max=LAST_OFFSET)
    ] = None,
    end: Annotated[int | None, typer.Option("--to", help="One past the last offset.", min=0, max=LAST_OFFSET)] = None,
    workspace: WorkspaceOption = HERE,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    log_format: LogFormatOption = None,
) -> None:
    """Read landed files or ranges once more, after an adapter was mended; what they gave before is replaced."""
    from pipelines.replay import replay_units
    from pipelines.summary import counted

    place = opened(workspace)
    with writing(place, "replay", as_json=as_json, log_format=log_format) as (say, observer):
        done = replay_units(
            place, location, start, end, clock_at(as_of), fixed=as_of is not None, say=say, observer=observer
        )
    if as_json:
        print(msgspec.json.encode(done).decode())
    else:
        out.print(
            f"{counted(done.units, 'unit')}, {counted(done.records, 'record')} read again: {counted(done.new, 'new event')}, "
            f"{done.changed:,} that say something else, {done.gone:,} gone"
        )


@rejects_app.command("list")
def rejects_list(
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1, max=1_000_000_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Rejected records by source and reason, and the newest of them."""
    from pipelines.cli.show import print_rejects
    from pipelines.rejects import list_rejects

    place = opened(workspace)
    with place.writer():
        groups, rows = list_rejects(place, source, limit)
    if as_json:
        print(msgspec.json.encode({"reasons": groups, "records": rows}).decode())
    else:
        print_rejects(out, groups, rows)


@rejects_app.command("show")
def rejects_show(
    unit: Annotated[str, typer.Argument(help="unit_id, or its first characters.")],
    position: Annotated[int, typer.Argument(help="Position in the unit.", min=0, max=LAST_OFFSET)],
    workspace: WorkspaceOption = HERE,
    as_json: Annotated[
        bool, typer.Option("--json", help="Row and payload as one object; the payload's bytes in Base64.")
    ] = False,
) -> None:
    """One rejected record: why, and its original bytes."""
    from pipelines.rejects import show_reject

    place = opened(workspace)
    with place.writer():
        row, payload = show_reject(place, unit, position)
    if as_json:
        print(msgspec.json.encode({**row, "payload": payload}).decode())
        return
    for name, value in row.items():
        err.print(f"{name}: {value}", markup=False, highlight=False, soft_wrap=True)
    sys.stdout.buffer.write(payload if payload.endswith(b"\n") else payload + b"\n")


@rejects_app.command("replay")
def rejects_replay(
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    log_format: LogFormatOption = None,
) -> None:
    """Try rejected records again, after a fix of the adapter or the settings; then rebuild and publish."""
    from pipelines.rejects import replay

    place = opened(workspace)
    with writing(place, "rejects_replay", as_json=as_json, log_format=log_format) as (say, observer):
        result = replay(place, source, clock_at(as_of), fixed=as_of is not None, say=say, observer=observer)
    if as_json:
        print(msgspec.json.encode(result).decode())
    else:
        out.print(", ".join(f"{count:,} {outcome}" for outcome, count in sorted(result.items())) or "nothing to replay")
