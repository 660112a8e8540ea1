"""Kafka as a Beam source without an end: one element a poll, for runners that keep checkpoints."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa
from apache_beam import coders
from apache_beam.io.unbounded_source import CheckpointMark, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import Timestamp

from pipelines.coders import ArrowIpcCoder
from pipelines.errors import BrokerUnavailable, OffsetsGone
from pipelines.kafka.broker import believed
from pipelines.kafka.connection import Connection, told
from pipelines.kafka.plan import made_anew
from pipelines.kafka.reader import PartitionReader
from pipelines.reading.label import Label
from pipelines.reading.read import RAW

NOTHING = pa.RecordBatch.from_pylist([], schema=RAW)
POLL_MS = 50
"""How long one look may take, over all partitions of a reader: ``advance`` must not block."""
log = logging.getLogger(__name__)


class Start(msgspec.Struct, frozen=True):
    """Where a partition is read from by a job that has no checkpoint."""

    topic: str
    number: int
    source: str
    ledger: int = 0
    """First offset that the ledger does not have."""
    wanted: int | None = None
    """First offset to be read, if not that one: the offsets between are told of as a gap."""

    @property
    def first(self) -> int:
        return self.ledger if self.wanted is None else self.wanted

    @property
    def location(self) -> str:
        return f"{self.topic}/{self.number}"


class Positions(CheckpointMark):
    """The next offset of each partition. Nothing is told to the broker: the ledger is what is resumed from."""

    def __init__(self, following: dict[str, int]) -> None:
        self.following = following


class PositionsCoder(coders.Coder):
    """As JSON, so that a checkpoint outlives a change of this class."""

    def encode(self, value: Positions) -> bytes:
        return msgspec.json.encode(value.following, order="sorted")

    def decode(self, encoded: bytes) -> Positions:
        return Positions(msgspec.json.decode(encoded, type=dict[str, int]))

    def is_deterministic(self) -> bool:
        return True


class KafkaSource(UnboundedSource):
    """Batches of ``pipelines.reading.read.RAW``, each with a ``Label`` that tells its offsets; every partition's follow one another.

    Partitions are fixed when the job is submitted: those added later are found when it is submitted again. Records may be given
    twice, after a restore and with other borders; what lands them trims by offset.
    """

    def __init__(self, connection: Connection, starts: Sequence[Start]) -> None:
        self.connection, self.starts = connection, tuple(starts)

    def split(self, desired_num_splits: int, options: Any = None) -> list[KafkaSource]:
        """Partitions dealt out; only asked for before there is a checkpoint."""
        hands = max(1, min(desired_num_splits, len(self.starts)))
        return [KafkaSource(self.connection, self.starts[n::hands]) for n in range(hands)]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> KafkaReader:
        following = checkpoint_mark.following if isinstance(checkpoint_mark, Positions) else {}
        return KafkaReader(self.connection, self.starts, following)

    def get_checkpoint_mark_coder(self) -> PositionsCoder:
        return PositionsCoder()

    def default_output_coder(self) -> ArrowIpcCoder:
        return ArrowIpcCoder()


class KafkaReader(UnboundedReader):
    """Looks at its partitions in turn. A broker that is away is waited for: the runner asks again."""

    def __init__(self, connection: Connection, starts: Sequence[Start], following: dict[str, int]) -> None:
        """``following``: the next offset by location, from a checkpoint; a partition that is not in it begins at its start."""
        self.connection = connection
        self.starts = {start.location: start for start in starts}
        self.following = dict(following)
        self._read = dict(following)
        self._readers: dict[str, PartitionReader] = {}
        self._found: deque[tuple[Label, Any]] = deque()
        self._current: Any = None
        self._away = False

    def start(self) -> bool:
        return self.advance()

    def advance(self) -> bool:
        if not self._found:
            self._look()
        if not self._found:
            return False
        label, batch = self._found.popleft()
        self.following[f"{label.topic}/{label.partition}"] = label.end
        self._current = batch.replace_schema_metadata(label.on(RAW).metadata)
        return True

    def get_current(self) -> Any:
        return self._current

    def get_current_timestamp(self) -> Timestamp:
        return Timestamp.now()

    def get_watermark(self) -> Timestamp:
        return Timestamp.now()  # nothing downstream looks at event time

    def get_checkpoint_mark(self) -> Positions:
        return Positions(dict(self.following))

    def close(self) -> None:
        for location in list(self._readers):
            self._drop(location)

    def _look(self) -> None:
        """Poll every partition once. Raises ``KafkaRefused``, which waiting does not mend."""
        for location, start in self.starts.items():
            try:
                with told(self.connection):
                    for label, batch in self._poll(start):
                        self._found.append((label, batch))
                        self._read[location] = label.end
            except OffsetsGone:
                self._drop(location)  # opened again, it begins where the broker does and tells of the gap
            except BrokerUnavailable as fault:
                self._drop(location)
                if not self._away:
                    log.warning("%s; it is asked again until it does", fault)
                self._away = True
                return
        self._away = False

    def _poll(self, start: Start) -> Iterator[tuple[Label, Any]]:
        reader = self._readers.get(start.location)
        if reader is None:
            reader = PartitionReader(
                self.connection, start.topic, start.number, self._read.get(start.location, start.first), start.source
            )
            self._readers[start.location] = reader
            # waited for here: a runner may keep no reader from one look to the next
            believed(partial(_refuse_another_topic, reader, start.location))
            known = self._read.get(start.location, start.ledger)
            first = reader.skip_to_beginning()
            if first > known:
                gap = Label(
                    topic=start.topic, partition=start.number, start=known, end=first, is_gap=True, system=start.source
                )
                yield gap, NOTHING
        chunk = reader.poll(timeout_ms=max(1, POLL_MS // len(self.starts)))
        if chunk is not None:
            label = Label(
                topic=chunk.topic, partition=chunk.partition, start=chunk.start, end=chunk.end, system=start.source
            )
            yield label, NOTHING if chunk.batch is None else chunk.batch

    def _drop(self, location: str) -> None:
        reader = self._readers.pop(location, None)
        if reader is not None:
            with suppress(Exception):  # a connection that is broken already
                reader.close()


def _refuse_another_topic(reader: PartitionReader, location: str) -> None:
    """Raises ``KafkaRefused`` where the broker has less than we have read."""
    end = reader.end()
    if reader.next > end:
        raise made_anew(location, "this job goes on", reader.next, end)
