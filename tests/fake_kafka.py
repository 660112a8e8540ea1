"""A broker in memory with the part of kafka-python's consumer that is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka import errors as faults

from pipelines.kafka import connection as ours
from pipelines.kafka.connection import Connection
from pipelines.settings import Kafka


class Message(NamedTuple):
    offset: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class FakeBroker:
    """Partitions as lists of messages. ``markers`` advance the offset without a message, as transactions do."""

    def __init__(self) -> None:
        self.log: dict[TopicPartition, list[Message]] = {}
        self.beginning: dict[TopicPartition, int] = {}
        self.end: dict[TopicPartition, int] = {}
        self.down = False
        self.committed: dict[TopicPartition, int] = {}

    def topic(self, name: str, partitions: int = 1) -> None:
        for number in range(partitions):
            where = TopicPartition(name, number)
            self.log.setdefault(where, [])
            self.beginning.setdefault(where, 0)
            self.end.setdefault(where, 0)

    def produce(self, topic: str, *values: bytes | None, partition: int = 0, **headers: str) -> None:
        where = TopicPartition(topic, partition)
        self.topic(topic, partition + 1)
        for value in values:
            packed = tuple((key, text.encode()) for key, text in headers.items())
            self.log[where].append(Message(self.end[where], value, packed))
            self.end[where] += 1

    def markers(self, topic: str, count: int, partition: int = 0) -> None:
        self.end[TopicPartition(topic, partition)] += count

    def delete_before(self, topic: str, offset: int, partition: int = 0) -> None:
        """What retention does."""
        where = TopicPartition(topic, partition)
        self.beginning[where] = max(offset, self.beginning[where])
        self.log[where] = [m for m in self.log[where] if m.offset >= offset]

    def compact(self, topic: str, keep: set[int], partition: int = 0) -> None:
        where = TopicPartition(topic, partition)
        self.log[where] = [m for m in self.log[where] if m.offset in keep]

    def settings(self, **topics: str) -> Kafka:
        return Kafka(bootstrap_servers="memory:9092", topics=topics)


class FakeConsumer:
    """One consumer of a ``FakeBroker``."""

    def __init__(self, broker: FakeBroker) -> None:
        self.broker = broker
        self.at: dict[TopicPartition, int] = {}

    def _up(self) -> None:
        if self.broker.down:
            raise faults.KafkaTimeoutError("no broker")

    def topics(self) -> set[str]:
        self._up()
        return {where.topic for where in self.broker.log}

    def partitions_for_topic(self, topic: str) -> set[int]:
        self._up()
        return {where.partition for where in self.broker.log if where.topic == topic}

    def beginning_offsets(self, partitions: list[TopicPartition], timeout_ms: int | None = None) -> dict[Any, int]:
        self._up()
        return {where: self.broker.beginning[where] for where in partitions}

    def end_offsets(self, partitions: list[TopicPartition], timeout_ms: int | None = None) -> dict[Any, int]:
        self._up()
        return {where: self.broker.end[where] for where in partitions}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.at = {where: self.at.get(where, 0) for where in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset

    def position(self, partition: TopicPartition, timeout_ms: int | None = None) -> int | None:
        return self.at[partition]

    def poll(self, timeout_ms: int = 0, max_records: int | None = None) -> dict[Any, list[Message]]:
        self._up()
        found: dict[Any, list[Message]] = {}
        room = max_records or 500
        for where, offset in self.at.items():
            if offset < self.broker.beginning[where]:
                raise faults.OffsetOutOfRangeError({where: offset})
            records = [m for m in self.broker.log[where] if m.offset >= offset][:room]
            if records:
                found[where] = records
                room -= len(records)
            last = self.broker.log[where][-1].offset if self.broker.log[where] else -1
            self.at[where] = records[-1].offset + 1 if records and records[-1].offset < last else self.broker.end[where]
            if not room:
                break
        return found

    def commit(self, offsets: Any = None, timeout_ms: int | None = None) -> None:
        self._up()
        self.broker.committed |= {where: given.offset for where, given in offsets.items()}

    def close(self) -> None:
        self.at = {}


@contextmanager
def connected(broker: FakeBroker) -> Iterator[None]:
    """Every connection opened in this process meanwhile is one to the broker in memory."""
    real = Connection.open

    def open_fake(self: Connection, *, group: bool = False) -> FakeConsumer:
        if broker.down:
            with ours.told(self):
                raise faults.KafkaTimeoutError("no broker")
        return FakeConsumer(broker)

    Connection.open = open_fake  # type: ignore[assignment, method-assign]
    ours._open.clear()
    try:
        yield
    finally:
        Connection.open = real  # type: ignore[method-assign]
        ours._open.clear()


def connection(broker: FakeBroker, **topics: str) -> Connection:
    return Connection(Path("/nowhere"), broker.settings(**topics))
