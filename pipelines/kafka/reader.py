"""Reading offsets: bounded ranges for an increment, and whatever is next of one partition for a source without an end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pipelines.errors import BrokerUnavailable
from pipelines.kafka.connection import ANSWER_SECONDS, Connection, Consumer, partition, shared_consumer
from pipelines.kafka.plan import KafkaUnit, kafka_unit_id
from pipelines.kafka.records import Messages
from pipelines.reading.read import MAX_BATCH_BYTES, Row, to_raw

POLL_MS = 500
POLL_RECORDS = 2_000
STALL_SECONDS = 30
"""A range that does not get on for so long is given up; a broker that restarts is back sooner."""


class Chunk(msgspec.Struct, frozen=True):
    """What one poll of a partition gave: offsets ``start`` to ``end`` (exclusive) as a batch of ``pipelines.reading.read.RAW``.

    ``end`` is the consumer's position, which also passes over what compaction and transaction markers left out. ``batch`` is
    None where nothing but such gaps was read. Its unit_id is that of the range.
    """

    topic: str
    partition: int
    start: int
    end: int
    batch: Any


def read_ranges(connection: Connection, units: Sequence[KafkaUnit], batch_records: int) -> Iterator[Any]:
    """Batches of ``pipelines.reading.read.RAW`` with every message of the units, in the order of each partition's units.

    Raises ``BrokerUnavailable``, ``KafkaRefused``, ``OffsetsGone``.
    """
    if not units:
        return
    with shared_consumer(connection) as consumer:
        for turn in turns(units):
            yield from _ranges(connection, consumer, turn, batch_records)


def turns(units: Sequence[KafkaUnit]) -> list[list[KafkaUnit]]:
    """The units in as many lists as it takes to have every partition once in each: a consumer has one position in it."""
    dealt: list[list[KafkaUnit]] = []
    met: dict[str, int] = {}
    for unit in units:
        number = met[unit.location] = met.get(unit.location, -1) + 1
        if number == len(dealt):
            dealt.append([])
        dealt[number].append(unit)
    return dealt


def _ranges(
    connection: Connection, consumer: Consumer, units: Sequence[KafkaUnit], batch_records: int
) -> Iterator[Any]:
    messages = Messages(connection.settings)
    open_units = {partition(u.topic, u.partition): u for u in units}
    consumer.assign(list(open_units))
    for where, unit in open_units.items():
        consumer.seek(where, unit.start)
    rows: list[Row] = []
    size = 0
    moved = time.monotonic()
    positions = {where: unit.start for where, unit in open_units.items()}
    while open_units:
        polled = consumer.poll(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
        for where, found in polled.items():
            open_unit = open_units.get(where)
            if open_unit is None:
                continue  # fetched before the partition was done with
            for message in found:
                if message.offset >= open_unit.end:
                    break
                for row in messages.rows(open_unit.unit_id, open_unit.system, open_unit.name, message):
                    rows.append(row)
                    size += len(row[4])
                    if len(rows) >= batch_records or size >= MAX_BATCH_BYTES:
                        yield to_raw(rows)
                        rows, size = [], 0
        for where, unit in list(open_units.items()):
            # the position, not the last record: the end of a range may be markers, or compacted away
            position = consumer.position(where)
            if position is not None and position > positions[where]:
                positions[where] = position
                moved = time.monotonic()
            if positions[where] >= unit.end:
                del open_units[where]
                # not paused: kafka-python may keep what it has fetched of a paused partition, and fetch none of it ever again
                consumer.assign(list(open_units))
        if open_units and time.monotonic() - moved > STALL_SECONDS:
            stuck = ", ".join(f"{u.location} at {positions[w]:,} of {u.end:,}" for w, u in open_units.items())
            raise BrokerUnavailable(f"Kafka at {connection.where()} sends nothing more: {stuck}")
    if rows:
        yield to_raw(rows)


class PartitionReader:
    """One partition from an offset on, without an end. ``poll`` never waits longer than it is told."""

    def __init__(self, connection: Connection, topic: str, number: int, start: int, source: str) -> None:
        """``source`` is what the settings map the topic to. Raises as ``Connection.open`` does."""
        self.topic, self.number, self.source = topic, number, source
        self.next = start
        self._messages = Messages(connection.settings)
        self._consumer = connection.open()
        self._where = partition(topic, number)
        self._consumer.assign([self._where])
        self._consumer.seek(self._where, start)

    def skip_to_beginning(self) -> int:
        """Go on at the first offset that the broker still has, if ``next`` lies before it. Returns ``next``."""
        beginning = self._consumer.beginning_offsets([self._where], timeout_ms=ANSWER_SECONDS * 1000)[self._where]
        if beginning > self.next:
            self.next = beginning
            self._consumer.seek(self._where, beginning)
        return self.next

    def end(self) -> int:
        """One past the last offset that the broker has to read."""
        return self._consumer.end_offsets([self._where], timeout_ms=ANSWER_SECONDS * 1000)[self._where]

    def poll(self, timeout_ms: int = 50, max_records: int = POLL_RECORDS) -> Chunk | None:
        """What is there after ``next``, which then moves on; None if nothing is. kafka-python's faults are the caller's to handle."""
        found = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records).get(self._where, ())
        end = self._consumer.position(self._where)
        if end is None or end <= self.next:
            return None
        start, self.next = self.next, end
        unit_id = kafka_unit_id(self.topic, self.number, start, end)
        name = f"{self.topic}/{self.number}"
        rows = [row for message in found for row in self._messages.rows(unit_id, self.source, name, message)]
        return Chunk(self.topic, self.number, start, end, to_raw(rows) if rows else None)

    def close(self) -> None:
        self._consumer.close()
