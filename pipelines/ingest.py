"""Ingest: units in, landed batches out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.coders import PipelineOptions, beam, register
from pipelines.kafka.connection import Connection
from pipelines.kafka.plan import KafkaUnit
from pipelines.kafka.reader import read_ranges
from pipelines.observe.names import RECORDS
from pipelines.reading.landed import land
from pipelines.reading.normalize import Normalizer
from pipelines.reading.plan import FileUnit
from pipelines.reading.read import read_batches
from transforms.crm.erasure import Erasures

pa.array([])
"""The first array made of a list makes pyarrow import pandas, if it is installed; so that happens once, before workers fork."""

RUNNER = "FnApiRunner"
"""Pinned by name: the plain DirectRunner first tries to download another runner."""


class IngestJob(msgspec.Struct, frozen=True):
    """What a worker needs to know to land its share of an increment."""

    root: Path
    folder: Path
    units: list[FileUnit | KafkaUnit]
    received_at: int
    expand_until: int
    zones: dict[str, str | None]
    batch_records: int
    kafka: Connection | None = None
    erasures: Erasures | None = None


@beam.typehints.with_output_types(pa.RecordBatch)
class Read(beam.DoFn):
    """A list of units to batches of raw records."""

    def __init__(self, root: Path, batch_records: int, kafka: Connection | None = None) -> None:
        self.root, self.batch_records, self.kafka = root, batch_records, kafka

    def process(self, units: list[FileUnit | KafkaUnit]) -> Iterator[Any]:
        yield from read_batches(self.root, (u for u in units if isinstance(u, FileUnit)), self.batch_records)
        if self.kafka is not None:
            ranges = [u for u in units if isinstance(u, KafkaUnit)]
            yield from read_ranges(self.kafka, ranges, self.batch_records)


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class Normalize(beam.DoFn):
    """A batch of raw records to a batch of outcomes."""

    def __init__(
        self, received_at: int, expand_until: int, zones: dict[str, str | None], erasures: Erasures | None = None
    ) -> None:
        self.arguments = (received_at, expand_until, zones, erasures)

    def setup(self) -> None:
        self.normalizer = Normalizer(*self.arguments)

    def process(self, raw: Any) -> Iterator[Any]:
        yield counted(self.normalizer, raw)


def counted(normalizer: Normalizer, raw: Any) -> Any:
    """The outcomes of a batch of raw records, told to Beam's counters."""
    landed = normalizer.batch(raw)
    for (system, outcome), count in tally(raw, landed).items():
        beam.metrics.Metrics.counter(RECORDS.name, f"{system}.{outcome}").inc(count)
    return landed


def tally(raw: Any, landed: Any) -> dict[tuple[str, str], int]:
    """Records of a batch by system and outcome (event, ignored, rejected): Beam's counters, before the ledger has told repeats."""
    counts = {(system.as_py(), "event"): count.as_py() for system, count in _pairs(raw.column("system"))}
    for outcome in ("ignored", "rejected"):
        rows = landed.filter(pc.equal(landed.column("outcome"), outcome))
        for system, count in _pairs(rows.column("system")):
            counts[system.as_py(), outcome] = count.as_py()
            counts[system.as_py(), "event"] -= count.as_py()
    return {key: count for key, count in counts.items() if count}


def _pairs(column: Any) -> Any:
    found = pc.value_counts(column)
    return zip(found.field("values"), found.field("counts"), strict=True)


@beam.typehints.with_input_types(pa.RecordBatch)
class Land(beam.DoFn):
    """A batch to a file of the landing folder; gives its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def process(self, batch: Any) -> Iterator[str]:
        yield str(land(batch, self.folder))


def ingest_steps(units: Any, job: IngestJob) -> Any:
    """What is done to lists of units, wherever that is."""
    return (
        units
        | "read" >> beam.ParDo(Read(job.root, job.batch_records, job.kafka))
        | "normalize" >> beam.ParDo(Normalize(job.received_at, job.expand_until, job.zones, job.erasures))
        | "land" >> beam.ParDo(Land(job.folder))
    )


def run_ingest(job: IngestJob) -> None:
    """Land the units of one worker, as a bounded pipeline in this process."""
    register()
    with beam.Pipeline(RUNNER, options=PipelineOptions([])) as pipeline:
        ingest_steps(pipeline | "units" >> beam.Create([job.units], reshuffle=False), job)
