"""The command that forgets a person."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from pipelines.cli.shared import (
    HERE,
    AsOfOption,
    JsonOption,
    LogFormatOption,
    WorkspaceOption,
    clock_at,
    opened,
    out,
    writing,
)


def erase(
    people: Annotated[
        list[str] | None,
        typer.Argument(
            help="An email, a phone number (+49…), an id of people.csv, or an identifier as external_id:slack:U1. Without any, "
            "whoever was erased before: after a backup was restored.",
            metavar="PERSON",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be erased.")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    log_format: LogFormatOption = None,
) -> None:
    """Take people's identifiers, names and words out of state and snapshots; their touchpoints stay, of nobody. It cannot be undone."""
    from pipelines.erase import erase as forget
    from pipelines.summary import counted

    place = opened(workspace)
    with writing(place, "erase", as_json=as_json, log_format=log_format) as (say, observer):
        done = forget(
            place, people or [], clock_at(as_of), fixed=as_of is not None, dry_run=dry_run, say=say, observer=observer
        )
    if as_json:
        print(msgspec.json.encode(done).decode())
        return
    who = "1 person" if done.people == 1 else f"{done.people:,} people" if done.people else "whoever was before"
    verb = "would be erased" if dry_run else "erased"
    out.print(
        f"{who} {verb}: {counted(done.identifiers, 'identifier')}, {counted(done.events, 'event')}, {counted(done.rejects, 'rejected record')}"
    )
    if not dry_run:
        out.print(
            f"{counted(done.snapshots, 'older snapshot')} removed. The inbox, the topics, backups and readers' copies are yours to clear"
        )
