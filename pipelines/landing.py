"""From units to the landing: read and normalised by the workers, refused where too much of one was rejected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import TooManyRejects
from pipelines.kafka.plan import GAP, KafkaUnit
from pipelines.reading.plan import FileUnit, deal
from pipelines.settings import BY_HEADER, Rejects
from pipelines.summary import counted
from pipelines.workers import Crew
from pipelines.workspace import Workspace
from transforms.sources import all_sources
from transforms.times import DAY
from warehouse.commit import UnitRow
from warehouse.landed import commonest_reject, leave_out, reject_shares
from warehouse.store import Store

if TYPE_CHECKING:  # only who has topics, or runs on a cluster, imports what it needs
    from pipelines.kafka.connection import Connection

SMALL = 1_500_000
"""Bytes below which a second process costs more than it saves."""
UNDERSTOOD = ("naive_timestamp", "future_dated")
"""Reasons that speak of a missing time zone or a clock, not of a broken adapter or a misplaced file."""

Unit = FileUnit | KafkaUnit


def is_small(units: Sequence[Unit]) -> bool:
    """Whether one process reads them as fast as two."""
    return sum(unit.size for unit in units) < SMALL


def read_units(
    workspace: Workspace,
    units: Sequence[Unit],
    folder: Path,
    now: int,
    workers: Crew,
    kafka: Connection | None,
) -> None:
    """Read and normalise units into files of ``pipelines.reading.landed.LANDED`` in a folder; gaps hold nothing to read.

    ``now`` is the clock in microseconds. Raises ``BrokerUnavailable``, ``KafkaRefused`` and ``OffsetsGone`` for ranges.
    """
    from pipelines.ingest import (  # Beam is imported where a pipeline runs, not by a run with nothing to do
        IngestJob,
        run_ingest,
    )

    settings = workspace.settings
    to_read = [u for u in units if not (isinstance(u, KafkaUnit) and u.kind == GAP)]
    small = is_small(to_read)
    jobs = [
        IngestJob(
            workspace.root, folder, hand, now, now + settings.recurrence_days * DAY, settings.zones(),
            settings.ingest.batch_records, kafka, workspace.erasures,
        )
        for hand in ([to_read] if small else deal(to_read, settings.ingest.workers)) if hand
    ]  # fmt: skip
    workers.run(run_ingest, jobs, here=small)


def refuse(
    store: Store, units: Sequence[Unit], limits: Rejects, outcome: str | None = None
) -> dict[str, TooManyRejects]:
    """Take units with too many rejects out of the registered landing; why, by unit_id. ``outcome``: what that means, if no landing."""
    where = {unit.unit_id: unit for unit in units}
    refused = {}
    for unit_id, records, rejected in reject_shares(store, UNDERSTOOD):
        if not limits.exceeded(records, rejected):
            continue
        unit = where[unit_id]
        reason, example, often = commonest_reject(store, unit_id, UNDERSTOOD)
        leave_out(store, unit_id)
        if isinstance(unit, KafkaUnit):
            place = f"{unit.location}, offsets {unit.start:,} to {unit.end - 1:,}"
            question, lost = "Is the topic mapped to the right source (kafka.topics)?", "the partition from there on"
        else:
            place, question, lost = unit.location, "Is the file in the right folder?", "it"
        refused[unit_id] = TooManyRejects(
            f"{place}: {rejected:,} of {records:,} records were rejected by the {unit.system} adapter, more than "
            f"rejects.max_share = {limits.max_share:g}. Most often: {reason} ({counted(often, 'time')}), e.g. {example}. "
            f"{question} {outcome or f'Nothing of {lost} was landed; everything else was.'}"
        )
    return refused


def unit_row(unit: Unit) -> UnitRow:
    """What the ledger says of a unit before its records are counted."""
    version = BY_HEADER if unit.system == BY_HEADER else all_sources()[unit.system].version
    if isinstance(unit, FileUnit):
        return UnitRow(unit.unit_id, unit.system, "file", unit.location, 0, unit.size, version)
    return UnitRow(unit.unit_id, unit.system, unit.kind, unit.location, unit.start, unit.end, version)
