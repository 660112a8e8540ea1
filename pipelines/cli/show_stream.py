"""The live view of ``touchloop stream``: on a terminal a table that stays in place, elsewhere plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from pipelines.stream import Progress
from pipelines.summary import Say

PARTITIONS = 12
"""Partitions shown one by one, those with the largest lag; the others are summed up."""


@contextmanager
def watched(console: Console, *, live: bool) -> Iterator[tuple[Say, Callable[[Progress], None]]]:
    """(say a line, show the progress). Lines stand above the live view."""

    def say(text: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        console.print(f"[dim]{stamp} {escape(text)}[/dim]", soft_wrap=True)

    if not live:
        yield say, lambda _: None
        return
    with Live(console=console, refresh_per_second=2, transient=True) as view:
        yield say, lambda progress: view.update(table(progress))


def table(progress: Progress) -> Table:
    """Rate, freshness, rejects, the last increment's phases, and the lag by partition."""
    grid = Table.grid(padding=(0, 2))
    last = progress.last
    running = max(time.monotonic() - progress.started, 1e-9)
    recent = last.records / progress.last_seconds if last and progress.last_seconds else 0.0
    grid.add_row(
        "records",
        f"{progress.records:,} ({progress.records / running:,.0f}/s since the start, {recent:,.0f}/s in the last increment)",
    )
    grid.add_row("rejected", f"{progress.rejected:,}")
    grid.add_row("published", _ago(progress.published_at, time.time()))
    newest = datetime.fromisoformat(last.newest_event_at).timestamp() if last and last.newest_event_at else None
    grid.add_row("newest event", _ago(newest, time.time()))
    if last:
        phases = ", ".join(f"{name} {taken:.1f}" for name, taken in last.seconds.items())
        grid.add_row("increment", f"{progress.increments:,}: {progress.last_seconds:.1f} s ({phases})")
    if progress.broker_away_since is not None:
        grid.add_row("[red]Kafka[/red]", f"[red]away for {time.monotonic() - progress.broker_away_since:.0f} s[/red]")
    by_lag = sorted(progress.lag.items(), key=lambda item: (-item[1], item[0]))
    for location, lag in by_lag[:PARTITIONS]:
        grid.add_row(f"lag {escape(location)}", f"{lag:,}")
    if len(by_lag) > PARTITIONS:
        grid.add_row(f"lag of {len(by_lag) - PARTITIONS} others", f"{sum(lag for _, lag in by_lag[PARTITIONS:]):,}")
    return grid


def _ago(then: float | None, now: float) -> str:
    return "never" if then is None else f"{max(0.0, now - then):,.0f} s ago"
