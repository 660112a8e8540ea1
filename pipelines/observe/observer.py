"""What a pipeline tells those who watch it. Every fact has a do-nothing default, so a watcher says only what it wants to hear."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import msgspec

from warehouse.ledger import Input, Totals


class Increment(msgspec.Struct, kw_only=True):
    """One increment as its watchers see it; of ``publish``, what it shows of increments before."""

    run_id: str
    began: float
    """Epoch seconds."""
    seconds: float = 0.0
    phases: dict[str, float] = {}
    inputs: Sequence[Input] = ()
    totals: Totals | None = None
    """Of the whole ledger, afterwards; None if nothing was landed or rebuilt."""
    accounts: int = 0
    touchpoints: int = 0
    lag: dict[str, int] = {}
    unpublished: bool = False
    faults: Sequence[str] = ()
    """What was refused while the rest landed, such as a unit with too many rejects."""
    summary: dict[str, Any] = {}
    """What ``--json`` prints."""


class Observer:
    """Facts of a pipeline, in the order in which they happen. None of these may raise."""

    def started(self, run_id: str, began: float) -> None:
        """An increment that has something to do is planned."""

    def landed(self, run_id: str) -> None:
        """The warehouse is about to hold what no snapshot shows; ``published`` ends that."""

    def replayed(self, counts: dict[str, int]) -> None:
        """What became of records that were tried again, or of events that were read again, by outcome; an increment follows."""

    def audited(self, verdict: dict[str, Any]) -> None:
        """The gate has spoken: ``success``, ``expectations``, ``failures``."""

    def published(self, run_id: str, at: float, rows: dict[str, int]) -> None:
        """Readers have a new snapshot: rows by table."""

    def wrote_files(self, at: float) -> None:
        """The snapshot's Parquet files are of its database."""

    def finished(self, increment: Increment) -> None:
        """An increment is done, published if it had to be."""

    def failed(self, run_id: str, error: BaseException) -> None:
        """An increment ended with an error."""

    def looked(self, at: float) -> None:
        """The loop came round."""

    def broker(self, *, up: bool, detail: str = "") -> None:
        """The broker's state changed, or was asked for the first time."""

    def close(self) -> None:
        """The process ends."""

    def __enter__(self) -> Observer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Observers(Observer):
    """Several watchers as one."""

    def __init__(self, watchers: Sequence[Observer]) -> None:
        self.watchers = tuple(watchers)

    def started(self, run_id: str, began: float) -> None:
        for one in self.watchers:
            one.started(run_id, began)

    def landed(self, run_id: str) -> None:
        for one in self.watchers:
            one.landed(run_id)

    def replayed(self, counts: dict[str, int]) -> None:
        for one in self.watchers:
            one.replayed(counts)

    def audited(self, verdict: dict[str, Any]) -> None:
        for one in self.watchers:
            one.audited(verdict)

    def published(self, run_id: str, at: float, rows: dict[str, int]) -> None:
        for one in self.watchers:
            one.published(run_id, at, rows)

    def wrote_files(self, at: float) -> None:
        for one in self.watchers:
            one.wrote_files(at)

    def finished(self, increment: Increment) -> None:
        for one in self.watchers:
            one.finished(increment)

    def failed(self, run_id: str, error: BaseException) -> None:
        for one in self.watchers:
            one.failed(run_id, error)

    def looked(self, at: float) -> None:
        for one in self.watchers:
            one.looked(at)

    def broker(self, *, up: bool, detail: str = "") -> None:
        for one in self.watchers:
            one.broker(up=up, detail=detail)

    def close(self) -> None:
        for one in self.watchers:
            one.close()
