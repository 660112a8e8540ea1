"""What ``touchloop follow`` does: increments over what lands in a shared folder, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from pipelines.cluster.follower import Follower
from pipelines.cluster.shared import Entry, SharedFolder
from pipelines.observe.observer import Observer
from pipelines.run import Session
from pipelines.stream import LANDING_SECONDS, Clock, Stopping, inbox_digest
from pipelines.summary import Say, Summary
from pipelines.workers import Crew
from pipelines.workspace import Workspace
from transforms.times import DAY

RECEIPT = "followed.json"


def follow(
    workspace: Workspace,
    shared: SharedFolder,
    *,
    every: float,
    until_caught_up: bool,
    skip_gaps: bool,
    workers: Crew | None,
    clock: Clock,
    fixed: bool,
    say: Say,
    done: Callable[[Summary], None] = lambda _: None,
    stopping: Stopping | None = None,
    observer: Observer | None = None,
) -> None:
    """Commit, derive and publish what has landed, looking ``every`` so many seconds, until asked to stop or nothing can be committed.

    The writer's lock is held by the caller. A range whose predecessor is missing waits for it; ``skip_gaps`` gives it up. Raises what
    ``stream`` raises for good, and ``SettingsError`` for a folder that nobody has made.
    """
    stopping = stopping or Stopping()
    shared.require()
    follower = Follower(
        shared,
        workspace.state / RECEIPT,
        workspace.settings.ingest.increment_bytes,
        skip_gaps=skip_gaps,
        erasures=workspace.erasures,
    )
    seen: tuple[list[Entry], str, int] | None = None
    waiting: dict[str, list[int]] = {}
    session = Session(workspace, say, deaf=True, observer=observer, workers=workers, follower=follower)
    with session, stopping.on_signals(say):
        while not stopping.asked:
            began = time.monotonic()
            now = clock()
            look = (follower.entries(), inbox_digest(workspace.crm), now // DAY)
            if look != seen:
                enough = began + LANDING_SECONDS
                summary = session.once(now, fixed=fixed, go_on=partial(_go_on, stopping, enough))
                for warning in summary.warnings:
                    say(warning)
                if summary.waiting != waiting:
                    waiting = summary.waiting
                    for location, (end, beyond) in waiting.items():
                        say(
                            f"{location}: offsets {end:,} to {beyond - 1:,} have not landed; what lies beyond waits for them"
                        )
                done(summary)
                for fault in session.faults:
                    raise fault
                # with nothing done, another look is worth it only when something else lies there
                seen = look if summary.units == 0 and summary.reread == 0 else None
            elif until_caught_up:
                break
            if observer is not None:
                observer.looked(time.time())
            if seen is not None and not until_caught_up:
                stopping.wait(every - (time.monotonic() - began))


def _go_on(stopping: Stopping, enough: float) -> bool:
    """After ``enough`` (monotonic seconds) of landing, what there is is published first."""
    return not stopping.asked and time.monotonic() < enough
