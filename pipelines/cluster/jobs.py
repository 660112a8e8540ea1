"""The jobs of ``touchloop ingest``: normalise on the workers, land parcels in the shared folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from pipelines.cluster.parcel import name_of
from pipelines.cluster.runner import Runner
from pipelines.cluster.shared import SharedFolder
from pipelines.coders import beam
from pipelines.ingest import counted
from pipelines.kafka.connection import Connection
from pipelines.kafka.plan import KafkaUnit
from pipelines.kafka.reader import read_ranges
from pipelines.kafka.unbounded import KafkaSource, Start
from pipelines.reading.label import FileLabel, Label
from pipelines.reading.landed import LANDED
from pipelines.reading.normalize import Normalizer
from pipelines.reading.plan import FileUnit
from pipelines.reading.read import read_batches
from transforms.crm.erasure import Erasures
from transforms.times import DAY, MINUTE

POLL_SECONDS = 1.0
"""Between two looks at partitions that had nothing new. Flink takes less than a second for none."""


class Reading(msgspec.Struct, frozen=True):
    """How records become events: what a ``Normalizer`` depends on."""

    zones: dict[str, str | None]
    recurrence_days: int
    batch_records: int
    clock: int | None = None
    """Microseconds since the epoch, if the user fixed it."""
    erasures: Erasures | None = None

    def normalizer(self) -> Normalizer:
        now = self.clock if self.clock is not None else time.time_ns() // 1000
        return Normalizer(now, now + self.recurrence_days * DAY, self.zones, self.erasures)


class Records(msgspec.Struct, frozen=True):
    """A share of a backfill: whole files, or one range of offsets."""

    files: list[FileUnit] = []
    offsets: KafkaUnit | None = None

    def label(self) -> Label:
        if self.offsets is not None:
            o = self.offsets
            return Label(topic=o.topic, partition=o.partition, start=o.start, end=o.end, system=o.system)
        return Label(files=[FileLabel(u.unit_id, u.system, u.location, u.size, u.modified) for u in self.files])


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class NormalizeLabelled(beam.DoFn):
    """A labelled batch of raw records to a batch of outcomes with the same label. The clock goes on while the job does."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def setup(self) -> None:
        self.normalizer = self.reading.normalizer()

    def process(self, raw: Any) -> Iterator[Any]:
        if self.reading.clock is None and time.time_ns() // 1000 - self.normalizer.received_at > MINUTE:
            self.normalizer = self.reading.normalizer()
        yield normalized(self.normalizer, raw).replace_schema_metadata(raw.schema.metadata)


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(str)
class LandParcel(beam.DoFn):
    """A labelled batch to a file of the shared folder; gives its name."""

    def __init__(self, shared: SharedFolder) -> None:
        self.shared = shared

    def process(self, batch: Any) -> Iterator[str]:
        name = name_of(Label.of(batch.schema))
        self.shared.write(name, iter([batch]), batch.schema)
        yield name


@beam.typehints.with_output_types(str)
class LandRecords(beam.DoFn):
    """A share of a backfill to one file: it is landed whole or not at all, batch by batch in bounded memory."""

    def __init__(self, shared: SharedFolder, root: Path, connection: Connection | None, reading: Reading) -> None:
        self.shared, self.root, self.connection, self.reading = shared, root, connection, reading

    def setup(self) -> None:
        self.normalizer = self.reading.normalizer()

    def process(self, share: Records) -> Iterator[str]:
        files = share.files
        while files or share.offsets is not None:
            label = share.label()
            schema = label.on(LANDED)
            try:
                self.shared.write(name_of(label), self._batches(share, schema), schema)
            except _Changed as changed:
                files = [unit for unit in files if unit not in changed.units]
                share = Records(files)
            else:
                yield name_of(label)
                return

    def _batches(self, share: Records, schema: Any) -> Iterator[Any]:
        for raw in self._raw(share):
            yield normalized(self.normalizer, raw).cast(schema)
        # one that was written to meanwhile may have been read half old, half new: it is left for the next backfill
        changed = [unit for unit in share.files if not self._unchanged(unit)]
        if changed:
            raise _Changed(changed)

    def _raw(self, share: Records) -> Iterator[Any]:
        if share.offsets is not None:
            assert self.connection is not None
            return read_ranges(self.connection, [share.offsets], self.reading.batch_records)
        return read_batches(self.root, share.files, self.reading.batch_records)

    def _unchanged(self, unit: FileUnit) -> bool:
        path = self.root / unit.location
        if not path.exists():
            return False
        entry = path.stat()
        return (entry.st_size, entry.st_mtime_ns) == (unit.size, unit.modified)


class _Changed(Exception):
    """Files that are no longer what was planned."""

    def __init__(self, units: list[FileUnit]) -> None:
        super().__init__()
        self.units = units


def normalized(normalizer: Normalizer, raw: Any) -> Any:
    return counted(normalizer, raw) if raw.num_rows else NOTHING


NOTHING = pa.RecordBatch.from_pylist([], schema=LANDED)


def stream(runner: Runner, connection: Connection, starts: list[Start], reading: Reading, shared: SharedFolder) -> str:
    """Start the job that reads Kafka without an end. Returns its id; it goes on without this process."""
    pipeline = runner.endless()
    _ = (
        pipeline
        | "read" >> beam.io.unbounded_source.ReadFromUnboundedSource(KafkaSource(connection, starts), POLL_SECONDS)
        | "normalize" >> beam.ParDo(NormalizeLabelled(reading))
        | "land" >> beam.ParDo(LandParcel(shared))
    )
    return runner.submit(pipeline)


def backfill(
    runner: Runner,
    root: Path,
    connection: Connection | None,
    shares: Iterable[Records],
    reading: Reading,
    shared: SharedFolder,
) -> None:
    """Land every share. Returns when all have landed."""
    with runner.bounded() as pipeline:
        _ = (
            pipeline
            | "shares" >> beam.Create(list(shares))
            | "deal" >> beam.Reshuffle()
            | "land" >> beam.ParDo(LandRecords(shared, root, connection, reading))
        )
