"""Both cores: every worker is a process that runs its own bounded pipeline over its share."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Protocol, Self

from pipelines.errors import UserError

RUNS_OF_A_POOL = 200
"""They remember what they have worked out, up to a limit, and their heaps fragment: then others take their places."""


class Crew(Protocol):
    """Whoever does an increment's shares of work: processes of this machine, or a cluster's workers (``pipelines.cluster.workers``)."""

    count: int
    """How many shares are made."""
    worth_groups: int
    """Conversations, users and meetings with new events, below which it costs more than it saves to deal them out."""

    def warm(self) -> None:
        """Get ready, while the caller goes on."""

    def run(self, function: Callable[[Any], Any], jobs: Iterable[Any], *, here: bool = False) -> list[Any]:
        """``function(job)`` for every job."""

    def release(self) -> None:
        """Give back what is held until there is work again."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Workers:
    """A pool that starts when first needed. A single share runs in this process: starting another would cost more than it.

    The pool forks from a server that has imported the pipelines once. A worker that outlives its parent ends itself, so that a
    killed run leaves nobody behind who still writes.
    """

    worth_groups = 1_500

    def __init__(self, count: int, *, deaf: bool = False) -> None:
        """``deaf`` workers do not hear a terminal's Ctrl-C or a service manager's TERM: their parent finishes what they are at."""
        self.count, self.deaf = count, deaf
        self._pool: ProcessPoolExecutor | None = None
        self._runs = 0
        """Of this pool."""

    def warm(self) -> None:
        """Have what the pool forks from import the pipelines, while the caller goes on."""
        if self.count > 1:
            _start_server()

    def run(self, function: Callable[[Any], Any], jobs: Iterable[Any], *, here: bool = False) -> list[Any]:
        """``function(job)`` for every job; results in the order of the jobs."""
        given = list(jobs)
        if here or self.count == 1 or len(given) < 2:
            return [tell_of_the_machine(function, job) for job in given]
        if self._runs >= RUNS_OF_A_POOL:
            self.release()
        self._runs += 1
        try:
            return list(self._started().map(partial(tell_of_the_machine, function), given))
        except BrokenProcessPool:
            self.release()
            raise UserError(
                "a worker process ended unexpectedly (killed, or out of memory); what was not committed is done again by the next run; "
                "with a smaller ingest.shard_events or ingest.increment_bytes if memory is short"
            ) from None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            _start_server()
            self._pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_begin, initargs=(self.deaf,))
        return self._pool

    def release(self) -> None:
        """End the processes until they are needed again: what they have come to hold goes back to the machine."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._runs = 0

    def close(self) -> None:
        self.release()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tell_of_the_machine(function: Callable[[Any], Any], job: Any) -> Any:
    """``function(job)``, with a fault of the machine (a full disk, a file taken away) told as one instead of as Beam's traceback."""
    try:
        return function(job)
    except Exception as error:  # whatever Beam made of it; what is no fault of the machine is raised again
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError | UserError):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        if isinstance(cause, UserError):  # ours already, but for the step's name that Beam puts behind it
            raise type(cause)(_RUNNING.sub("", str(cause))) from None
        raise UserError(f"{cause}; what was not committed is done again by the next run") from None


_RUNNING = re.compile(r" \[while running '[^']*'\]")


def _start_server() -> None:
    """The server that workers are forked from, and they until they ``_begin``, keep a Ctrl-C waiting: they would tell a traceback."""
    multiprocessing.set_forkserver_preload(["pipelines.ingest", "pipelines.deriving.journeys"])
    resource_tracker.ensure_running()  # to start it lets signals in again, so it comes first
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(deaf: bool) -> None:
    if deaf:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in a shell's background jobs
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends it without a word, which is its parent's to say
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _end_with_parent()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
