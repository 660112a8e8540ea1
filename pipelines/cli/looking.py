"""The commands that look, and change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pipelines.cli.shared import HERE, JsonOption, WorkspaceOption, opened, out, plain


def report(
    workspace: WorkspaceOption = HERE,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page to this file instead.", metavar="FILE", dir_okay=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show journeys, loops and coverage of the published snapshot on the terminal, and where its page is."""
    from pipelines.cli.show import print_report, shown, write_page

    place = opened(workspace)
    if html is not None:
        written = write_page(place.snapshot, html)
        if as_json:
            print(msgspec.json.encode({"page": str(written)}).decode())
        else:
            out.print(f"Wrote {plain(written)}", soft_wrap=True)
        return
    found = shown(place.snapshot, place.report)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        print_report(out, found)


def sources(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """What is supported, per system: in every workspace the same."""
    from pipelines.cli.show import print_sources
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


def explain(
    touchpoint: Annotated[str, typer.Argument(help="touchpoint_id, or its first characters.")],
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Tell in words why a touchpoint is what it is: witnesses, rules, people, job, session and visit."""
    from pipelines.cli.explain import explain_touchpoint, explained

    if as_json:
        print(msgspec.json.encode(explained(opened(workspace).snapshot, touchpoint)).decode())
        return
    for line in explain_touchpoint(opened(workspace).snapshot, touchpoint):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def doctor(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Look the workspace over: settings, inbox, ledger, snapshot. Exit 1 if something is wrong."""
    from pipelines.cli.doctor import examine

    findings = examine(opened(workspace))
    ok = all(finding.ok for finding in findings)
    if as_json:
        print(msgspec.json.encode({"ok": ok, "findings": findings}).decode())
    else:
        for finding in findings:
            mark = "[green]ok  [/green]" if finding.ok else "[red]FAIL[/red]"
            out.print(f"{mark} {plain(finding.text)}", soft_wrap=True)
    if not ok:
        raise typer.Exit(1)
