"""What ``touchloop ingest`` does: find out where to begin, and send the job to its runner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import duckdb
import msgspec

from pipelines.cluster.jobs import Reading, Records, backfill, stream
from pipelines.cluster.parcel import empty, name_of
from pipelines.cluster.runner import Runner
from pipelines.cluster.shared import SharedFolder
from pipelines.errors import SettingsError
from pipelines.kafka.broker import look
from pipelines.kafka.connection import Connection
from pipelines.kafka.plan import KafkaUnit, Partition, plan_ranges
from pipelines.kafka.unbounded import Start
from pipelines.reading.label import Label
from pipelines.reading.plan import increments, plan_files
from pipelines.summary import Say
from pipelines.workspace import Workspace
from transforms.sources import all_sources

PARCEL_BYTES = 32_000_000
"""Raw bytes of the files that one worker reads into one parcel; a larger file is one of its own."""


class Ledger(msgspec.Struct, frozen=True):
    """What has landed, as the published snapshot tells: it may be behind the warehouse, never ahead, and whoever writes is not disturbed."""

    units: frozenset[str] = frozenset()
    """Ids of the files that have."""
    ends: dict[str, int] = {}
    """First offset that has not, by ``topic/partition``."""


class Submitted(msgspec.Struct):
    """What a machine is told of a start."""

    runner: str
    landing: str
    job: str | None = None
    """Id on the cluster, of a job that goes on."""
    partitions: int = 0
    files: int = 0
    ranges: int = 0
    gaps: int = 0


def ledger_of(workspace: Workspace) -> Ledger:
    """Empty where nothing has been published."""
    if not workspace.snapshot.exists():
        return Ledger()
    with duckdb.connect(str(workspace.snapshot), read_only=True) as connection:
        rows = connection.execute("SELECT unit_id, kind, location, range_end FROM ledger_unit").fetchall()
    ends: dict[str, int] = {}
    for _, kind, location, end in rows:
        if kind != "file":
            ends[location] = max(end, ends.get(location, 0))
    return Ledger(frozenset(unit for unit, kind, *_ in rows if kind == "file"), ends)


def ingest_endless(
    workspace: Workspace,
    runner: Runner,
    shared: SharedFolder,
    *,
    clock: int | None = None,
    beginning: bool = False,
    offsets: Mapping[str, int] | None = None,
    say: Say,
) -> Submitted:
    """Start the job that reads Kafka without an end; it goes on when this process has ended.

    Each partition begins at ``offsets`` (by ``topic/partition``), else at the ledger's end, else, and with ``beginning``, where the
    broker's does. Raises ``SettingsError``, ``ClusterFault``, ``BrokerUnavailable``, ``KafkaRefused``.
    """
    runner.check(endless=True)
    connection = _connection(workspace)
    if connection is None:
        raise SettingsError(f"{workspace.toml}: --streaming reads Kafka, and there is no [kafka]")
    shared.prepare()
    ends = {} if beginning else ledger_of(workspace).ends
    partitions = look(connection, say)
    plan_ranges(partitions, ends)  # refuses a ledger that is ahead of the broker
    wanted = dict(offsets or {})
    unknown = sorted(set(wanted) - {one.location for one in partitions})
    if unknown:
        raise SettingsError(f"--offset {unknown[0]}: no mapped topic has this partition")
    for one in partitions:
        if wanted.get(one.location, 0) > one.end:
            raise SettingsError(
                f"--offset {one.location}={wanted[one.location]}: the broker ends at offset {one.end:,}"
            )
    if not partitions:
        raise SettingsError(f"{workspace.toml}: kafka.topics: the broker has none of these topics yet")
    starts = [
        Start(one.topic, one.number, one.source, ends.get(one.location, 0), wanted.get(one.location))
        for one in partitions
    ]
    job = stream(runner, connection, starts, _reading(workspace, clock), shared)
    return Submitted(runner.name, shared.url, job, partitions=len(starts))


def ingest_bounded(
    workspace: Workspace, runner: Runner, shared: SharedFolder, *, clock: int | None = None, say: Say
) -> Submitted:
    """Land all files and offsets that the ledger does not have, and return when they are in the folder.

    Raises as ``ingest_endless`` does.
    """
    runner.check(endless=False)
    shared.prepare()
    connection = _connection(workspace)
    ledger = ledger_of(workspace)
    done = Submitted(runner.name, shared.url)
    files = [u for u in plan_files(workspace.root, all_sources().values(), {}) if u.unit_id not in ledger.units]
    shares = [Records(files=part) for part in increments(files, PARCEL_BYTES)]
    done.files = len(files)
    if connection is not None:
        partitions = look(connection, say)
        plan = plan_ranges(partitions, ledger.ends)
        gaps = [*plan.gaps, *_before(partitions, ledger.ends)]
        for gap in gaps:
            label = Label(
                topic=gap.topic, partition=gap.partition, start=gap.start, end=gap.end, is_gap=True, system=gap.system
            )
            batch = empty(label)
            shared.write(name_of(label), iter([batch]), batch.schema)
        cut = [part for unit in plan.ranges for part in _cut(unit, connection.settings.max_records_per_increment)]
        shares += [Records(offsets=part) for part in cut]
        done.partitions, done.ranges, done.gaps = len(partitions), len(cut), len(plan.gaps)
    if shares:
        backfill(runner, workspace.root, connection, shares, _reading(workspace, clock), shared)
    return done


def _before(partitions: Sequence[Partition], ends: Mapping[str, int]) -> list[KafkaUnit]:
    """What a partition that the ledger does not know had before its beginning: whoever commits must not wait for it."""
    return [
        KafkaUnit.of(one.topic, one.number, 0, one.beginning, one.source)
        for one in partitions
        if one.beginning and one.location not in ends
    ]


def _cut(unit: KafkaUnit, offsets: int) -> Iterator[KafkaUnit]:
    for start in range(unit.start, unit.end, offsets):
        yield KafkaUnit.of(unit.topic, unit.partition, start, min(unit.end, start + offsets), unit.system)


def _connection(workspace: Workspace) -> Connection | None:
    settings = workspace.settings.kafka
    return Connection(workspace.root, settings) if settings else None


def _reading(workspace: Workspace, clock: int | None) -> Reading:
    settings = workspace.settings
    zones = settings.zones()
    return Reading(zones, settings.recurrence_days, settings.ingest.batch_records, clock, workspace.erasures)


def offsets_of(given: Sequence[str]) -> dict[str, int]:
    """``TOPIC/PARTITION=N`` from the command line, by location. Raises ``SettingsError``."""
    found = {}
    for text in given:
        location, sign, number = text.rpartition("=")
        if not sign or not number.isdecimal() or len(number) > 18 or not location.rpartition("/")[2].isdecimal():
            raise SettingsError(f"--offset {text}: write TOPIC/PARTITION=N, such as crm.slack/3=1200")
        found[location] = int(number)
    return found
