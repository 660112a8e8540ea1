"""Read ahead: what comes into the topics while an increment is at work is read beside the last part of it, for the next to begin with.

It is begun as late as it can be and still be done in time, for what comes in afterwards the next increment reads itself. Nothing of it
counts before that one commits it. A stop or a crash forgets it, and it is read again.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.errors import UserError
from pipelines.kafka.plan import KafkaUnit, plan_ranges, rounds
from pipelines.landing import SMALL, read_units
from pipelines.workers import Workers
from pipelines.workspace import Workspace

if TYPE_CHECKING:  # only who has topics imports what it needs
    from pipelines.kafka.connection import Connection

WORTH_IT = 2 * SMALL
"""Bytes of ranges below which the next increment reads them as fast itself."""
IN_TIME = 1.5
"""Reading is begun so many times as long before the end as it took the last time."""


class Found(NamedTuple):
    """Ranges that were read, and the files of ``pipelines.reading.landed.LANDED`` that hold what they came to."""

    units: list[KafkaUnit]
    files: list[Path]
    seen_at: int
    """When they were read, in microseconds."""


NOTHING = Found([], [], 0)


class Ahead:
    """Reads in a thread, whose work other processes do. Between ``begin`` and ``settle`` nobody else may use the brokers or the workers."""

    def __init__(self, workspace: Workspace, kafka: Connection, workers: Workers, clock: Callable[[], int]) -> None:
        self.workspace, self.kafka, self.workers, self.clock = workspace, kafka, workers, clock
        self.folder = workspace.state / "ahead"
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._reading: Future[Found] | None = None
        self._found = NOTHING
        self._begun = self._span = self._took = 0.0
        """Monotonic seconds: when it was begun, how long it was until somebody settled it the last time, and how long reading took."""
        self._is_over = threading.Event()
        """Somebody waits for it: what is not being read by now will not be."""
        shutil.rmtree(self.folder, ignore_errors=True)  # of a stream that was killed

    def begin(self, ends: Mapping[str, int], held: Collection[str] = ()) -> None:
        """Read on from where the ledger now ends, by location; partitions in ``held`` stand still. Returns at once."""
        if self.workers.count > 1:
            self._begun = time.monotonic()
            self._is_over.clear()
            self._reading = self._thread.submit(self._read, dict(ends), frozenset(held))

    def settle(self) -> None:
        """Wait for what was begun. What kept it from being read keeps the next increment from it too, which will say so."""
        reading, self._reading = self._reading, None
        if reading is not None:
            self._span = time.monotonic() - self._begun
            self._is_over.set()
            try:
                self._found = reading.result()
            except (UserError, OSError):
                self._found = NOTHING

    def take(self, ranges: Iterable[KafkaUnit]) -> tuple[Found, list[KafkaUnit]]:
        """What of these ranges was read, and what is left of them. It is given away once."""
        found, self._found = self._found, NOTHING
        read = {unit.location: unit for unit in found.units}
        units, rest = [], []
        for one in ranges:
            unit = read.get(one.location)
            if unit is None or unit.start != one.start or unit.end > one.end or unit.system != one.system:
                rest.append(one)  # a range that was refused is begun again, and a topic made anew has other offsets
                continue
            units.append(unit)
            if unit.end < one.end:
                rest.append(KafkaUnit.of(one.topic, one.partition, unit.end, one.end, one.system))
        return found._replace(units=units), rest

    def close(self) -> None:
        self._thread.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, ends: Mapping[str, int], held: Collection[str]) -> Found:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._is_over.wait(max(0.0, self._span - IN_TIME * self._took)):
            return NOTHING
        from pipelines.kafka.broker import look

        began = time.monotonic()
        plan = plan_ranges(look(self.kafka), ends)
        gone = {gap.location for gap in plan.gaps}
        ranges = [unit for unit in plan.ranges if unit.location not in gone and unit.location not in held]
        units = next(rounds(ranges, self.kafka.settings.max_records_per_increment), [])
        if sum(unit.size for unit in units) < WORTH_IT:
            return NOTHING
        seen_at = self.clock()
        self.folder.mkdir(parents=True)
        read_units(self.workspace, units, self.folder, seen_at, self.workers, self.kafka)
        self._took = time.monotonic() - began
        return Found(units, sorted(self.folder.glob("*.arrow")), seen_at)
