"""``touchloop stream``: increments, again and again, until told to stop. The ledger says where each begins."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from pipelines.errors import BrokerUnavailable
from pipelines.kafka.broker import look
from pipelines.observe.observer import Observer
from pipelines.run import Session
from pipelines.summary import Say, Summary, counted
from pipelines.workspace import Workspace
from transforms.times import DAY

LANDING_SECONDS = 20.0
"""Once an increment has been landing ranges for so long it goes on to publish them; the rest of a backlog waits for the next."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds between tries while the broker is away; each is twice the one before."""

Clock = Callable[[], int]


class Progress(msgspec.Struct, kw_only=True):
    """What a stream has done so far, for a display: totals, and the last increment."""

    started: float
    """Monotonic seconds."""
    increments: int = 0
    records: int = 0
    rejected: int = 0
    last: Summary | None = None
    last_seconds: float = 0.0
    published_at: float | None = None
    """Epoch seconds."""
    warned: set[str] = set()
    """Warnings that were said: one that stays true is not said with every increment."""
    broker_away_since: float | None = None
    """Monotonic seconds; None while it answers."""
    lag: dict[str, int] = {}


Done = Callable[[Summary, Progress], None]


class Stopping:
    """Whether somebody asked us to stop: the first signal lets the increment in hand finish, a second one ends at once."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        self._asked.set()

    def wait(self, seconds: float) -> bool:
        """Sleep, less if a signal comes. Whether we are to stop."""
        return self._asked.wait(max(0.0, seconds))

    @contextmanager
    def on_signals(self, say: Say) -> Iterator[None]:
        """SIGTERM and SIGINT ask. Only the main thread can listen."""

        def heard(number: int, frame: FrameType | None) -> None:
            if self.asked:
                os._exit(128 + number)  # safe at any instant: what is not committed is done again
            self.ask()
            say("stopping: the increment in hand is finished first (a second signal ends at once)")

        before = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Watch:
    """Whether there is anything new, asked without opening the warehouse: file entries, broker ends, and the day."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._files: str | None = None
        """The inbox as the last increment found it."""
        self._looked: str | None = None
        """The inbox as it is now."""
        self._day: int | None = None
        self._ends: dict[str, int] | None = None

    def anything_new(self, now: int, *, topics: bool, warn: Say) -> bool:
        """Compared with what was noted after the last increment; a topic that is not there any more is told to ``warn``.

        Raises ``BrokerUnavailable`` and ``KafkaRefused``.
        """
        self._looked = inbox_digest(self.session.workspace.inbox)
        if self._ends is None or self._files != self._looked or self._day != now // DAY:
            return True
        if self.session.kafka is None or not topics:
            return False
        there = look(self.session.kafka, warn)
        return any(one.end != self._ends.get(one.location, one.beginning) for one in there)

    def note(self, now: int, ends: dict[str, int] | None) -> None:
        """What the increment that just ended has seen: the inbox as it was before, and the ledger's ends (None: it did not look)."""
        self._files, self._day = self._looked, now // DAY
        self._ends = (self._ends or {}) if ends is None else ends


def inbox_digest(inbox: Path) -> str:
    """Hash of names, sizes and times of all files below the inbox."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(inbox):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            try:
                entry = os.stat(path)
            except FileNotFoundError:
                continue  # renamed under our eyes: the next look sees it under its new name
            digest.update(f"{path}\x1f{entry.st_size}\x1f{entry.st_mtime_ns}\x1e".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def stream(
    workspace: Workspace,
    *,
    every: float,
    until_caught_up: bool,
    clock: Clock,
    fixed: bool,
    say: Say,
    show: Callable[[Progress], None] = lambda _: None,
    done: Done = lambda *_: None,
    stopping: Stopping | None = None,
    observer: Observer | None = None,
) -> Progress:
    """Run increments ``every`` so many seconds (one that takes longer is followed at once) until asked to stop, or caught up.

    ``clock`` gives the time in microseconds, ``fixed`` says that it stands still. ``done`` gets each increment's summary, ``show``
    the progress whenever it changed. While the broker is away, files go on landing. Raises what stops a stream for good:
    ``TooManyRejects``, ``KafkaRefused``, ``AuditFailed``, ``SettingsError``.
    """

    def warn(text: str) -> None:
        if text not in progress.warned:
            progress.warned.add(text)
            say(text)

    stopping = stopping or Stopping()
    progress = Progress(started=time.monotonic())
    outage = Outage(say)
    observer = observer or Observer()
    if workspace.settings.kafka:
        observer.broker(up=True)
    with (
        Session(workspace, say, deaf=True, observer=observer, beside=True, clock=clock) as session,
        stopping.on_signals(say),
    ):
        watch = Watch(session)
        try:
            while not stopping.asked:
                began = time.monotonic()
                now = clock()
                topics = session.kafka is not None and outage.may_try()
                caught_up = False
                try:
                    if watch.anything_new(now, topics=topics, warn=warn):
                        summary = _increment(
                            session, watch, progress, now, fixed=fixed, topics=topics, stopping=stopping
                        )
                        for warning in summary.warnings:
                            warn(warning)
                        for fault in session.faults:
                            raise fault
                    else:
                        session.rest()
                        caught_up = topics or session.kafka is None
                    if topics and outage.over():
                        observer.broker(up=True)
                except BrokerUnavailable as fault:
                    if outage.goes_on(fault):
                        observer.broker(up=False, detail=str(fault))
                observer.looked(time.time())
                progress.broker_away_since = outage.since
                _tell(session, progress, done)
                show(progress)
                if caught_up and until_caught_up:
                    break
                if outage.since is not None:
                    stopping.wait(min(max(every, FIRST_WAIT), outage.left()))
                elif not until_caught_up:  # else the next look finds either more, or nothing
                    stopping.wait(every - (time.monotonic() - began))
        finally:
            session.rest()
            if session.finished:
                _tell(session, progress, done)
                show(progress)
    return progress


def _tell(session: Session, progress: Progress, done: Done) -> None:
    """Of increments that are done since we last told: readers have what they landed."""
    for summary, seconds in session.finished:
        progress.last, progress.last_seconds = summary, seconds
        if summary.published:
            progress.published_at = time.time()
        done(summary, progress)
    session.finished.clear()


def _increment(
    session: Session,
    watch: Watch,
    progress: Progress,
    now: int,
    *,
    fixed: bool,
    topics: bool,
    stopping: Stopping,
) -> Summary:
    began = time.monotonic()

    def go_on() -> bool:
        return not stopping.asked and time.monotonic() - began < LANDING_SECONDS

    summary = session.once(now, fixed=fixed, topics=topics, go_on=go_on)
    watch.note(now, session.ends)
    progress.increments += 1
    progress.records += summary.records
    progress.rejected += summary.rejected
    progress.lag = summary.lag or progress.lag
    return summary


class Outage:
    """A broker that is away: when it is tried again, and what is said about it (when it begins, ends, and its wait doubles)."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.since: float | None = None
        self._wait = FIRST_WAIT
        self._next = 0.0

    def may_try(self) -> bool:
        return self.since is None or time.monotonic() >= self._next

    def left(self) -> float:
        """Seconds until the next try."""
        return max(0.0, self._next - time.monotonic())

    def goes_on(self, fault: BrokerUnavailable) -> bool:
        """Whether it has just begun."""
        is_new = self.since is None
        if self.since is None:  # is_new, in the words that the type checker follows
            self.since = time.monotonic()
            self._wait = 0.0
        before, self._wait = self._wait, min(max(2 * self._wait, FIRST_WAIT), LONGEST_WAIT)
        self._next = time.monotonic() + self._wait
        if self._wait != before:
            self.say(f"{fault}; away for {time.monotonic() - self.since:.0f} s, next try in {self._wait:g} s")
        return is_new

    def over(self) -> bool:
        """Whether there was one, which has just ended."""
        if self.since is None:
            return False
        self.say(f"Kafka is back after {time.monotonic() - self.since:.0f} s")
        self.since = None
        return True


def line(summary: Summary, seconds: float) -> str:
    """One increment on one line, for a log."""
    lag = sum(summary.lag.values())
    parts = [
        f"{counted(summary.records, 'record')} in {seconds:.1f} s",
        f"{summary.accepted:,} accepted, {summary.duplicate:,} duplicate, {summary.ignored:,} ignored, {summary.rejected:,} rejected",
        f"lag {lag:,}",
        "published" if summary.published else "nothing to publish",
    ]
    return "; ".join(parts)
