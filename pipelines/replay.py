"""``touchloop replay``: files and ranges that have landed, read once more with today's adapters and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipelines.errors import SettingsError, TooManyRejects, UserError
from pipelines.increment import Again
from pipelines.kafka.connection import Connection
from pipelines.kafka.plan import KAFKA, KafkaUnit
from pipelines.landing import Unit, read_units, refuse, unit_row
from pipelines.observe.observer import Observer
from pipelines.reading.landed import LANDED
from pipelines.reading.plan import FileUnit, file_unit_id, increments
from pipelines.run import run_once
from pipelines.settings import BY_HEADER
from pipelines.summary import Say, counted
from pipelines.workers import Workers
from pipelines.workspace import Workspace
from transforms.sources import all_sources
from warehouse.landed import register_landed
from warehouse.ledger import last_run, seen_files
from warehouse.replay_units import LandedUnit, Replayed, commit_units, landed_units
from warehouse.store import Store

NOT_REPLACED = "What it gave before stays, and so does that of the units behind it."


def replay_units(
    workspace: Workspace,
    location: str,
    start: int | None,
    end: int | None,
    now: int,
    *,
    fixed: bool,
    say: Say,
    observer: Observer | None = None,
) -> Replayed:
    """Read what matches again, commit it in the place of what it gave before, then rebuild and publish.

    ``location`` is that of the ledger, ``*`` standing for anything: ``inbox/zoom/*``, ``sales.chat/3``. A unit is read whole
    if it holds an offset from ``start`` to ``end`` (exclusive). Files have no offsets: raises
    ``SettingsError`` if one matches where they are given. Raises ``UserError`` if nothing matches, or if a unit is no longer where
    it was read or its adapter is gone, ``TooManyRejects`` if an adapter makes too little of one: that and what follows stays as it was.
    """
    if not workspace.warehouse.exists():
        raise UserError(f"{workspace.root} has no warehouse yet: touchloop run --workspace {workspace.root} makes one")
    if start is not None and end is not None and start >= end:
        raise SettingsError(f"--from is {start:,} and --to is {end:,}: there is no offset between them")
    settings = workspace.settings
    scratch = workspace.fresh_scratch()
    kafka = Connection(workspace.root, settings.kafka) if settings.kafka else None
    done = Replayed()
    again: list[str] = []
    refused: list[TooManyRejects] = []
    with (
        Store(workspace.warehouse, workspace.vault, scratch, memory_mb=settings.ingest.warehouse_memory_mb) as store,
        Workers(settings.ingest.workers) as workers,
    ):
        landed = {unit.unit_id: unit for unit in landed_units(store, location, start, end)}
        if not landed:
            raise UserError(
                f"nothing that has landed matches {location!r}{_between(start, end)} (SELECT location, range_start, range_end FROM ledger_unit)"
            )
        in_files = next((unit.location for unit in landed.values() if unit.kind != KAFKA), None)
        if in_files is not None and (start is not None or end is not None):
            raise SettingsError(f"--from and --to are offsets of topics, and {location!r} matches {in_files}, a file")
        units = list(_readable(workspace, list(landed.values()), seen_files(store), kafka, say))
        for number, batch in enumerate(increments(units, settings.ingest.increment_bytes)):
            folder = scratch / f"replay-{number}"
            folder.mkdir()
            read_units(workspace, batch, folder, now, workers, kafka)
            register_landed(
                store, sorted(folder.glob("*.arrow")), LANDED, {u.unit_id: landed[u.unit_id].landed_at for u in batch}
            )
            refused = list(refuse(store, batch, settings.rejects, NOT_REPLACED).values())
            if refused:
                break
            # the ledger is published too; if nothing is derived of it, as another snapshot of the last run
            store.set_mark("unpublished", last_run(store))
            done += commit_units(store, [unit_row(u) for u in batch], now)
            again += (unit.unit_id for unit in batch)
            say(f"read {done.units:,} of {counted(len(units), 'unit')} again: {counted(done.records, 'record')}")
    if observer is not None:
        observer.replayed({"new": done.new, "changed": done.changed, "gone": done.gone})
    run_once(workspace, now, fixed=fixed, say=say, observer=observer, again=Again(again, refused))
    return done


def _readable(
    workspace: Workspace,
    landed: Sequence[LandedUnit],
    seen: Mapping[str, tuple[int, int, str]],
    kafka: Connection | None,
    say: Say,
) -> Iterator[Unit]:
    """The units as they are read. A file that grew since has units of its earlier states, which are left out.

    Raises ``UserError`` for the first that is not where it was, or whose adapter is not.
    """
    files: dict[str, list[str]] = {}
    for unit in landed:
        if unit.source != BY_HEADER and unit.source not in all_sources():
            raise UserError(
                f"{unit.location} was read by an adapter that is no longer there, {unit.source!r}: put it back, or leave the unit out"
            )
        if unit.kind != KAFKA:
            files.setdefault(unit.location, []).append(unit.unit_id)
            continue
        if kafka is None:
            raise SettingsError(
                f"{unit.location} came from a topic: {workspace.toml} names no brokers (kafka.bootstrap_servers)"
            )
        topic, _, partition = unit.location.rpartition("/")
        yield KafkaUnit(unit.unit_id, unit.source, topic, int(partition), unit.range_start, unit.range_end)
    for location, states in files.items():
        yield _file(workspace, location, states, seen.get(location))
        if len(states) > 1:
            say(f"{location} has grown or changed since it first landed: it is read as it is now")


def _file(workspace: Workspace, location: str, states: Sequence[str], seen: tuple[int, int, str] | None) -> FileUnit:
    """The file as the unit that it is now, if that has landed. ``seen``: the size and time by which runs know it."""
    path = workspace.root / location
    if not path.is_file():
        raise UserError(f"{location} has landed, but is no longer there to be read again: put it back, or leave it out")
    _, system, name = location.split("/", 2)
    unit_id = file_unit_id(system, location, path)
    entry = path.stat()
    if unit_id not in states:
        hidden = seen is not None and (entry.st_size, entry.st_mtime_ns) == seen[:2]
        first = (
            ", once its time is another (touch it), for a file of the same size and time counts as read"
            if hidden
            else ""
        )
        raise UserError(
            f"{location} is not what it was when it landed: touchloop run lands what it holds now{first}; to replay the old content, put it back"
        )
    return FileUnit(unit_id, system, location, name, entry.st_size, entry.st_mtime_ns)


def _between(start: int | None, end: int | None) -> str:
    if start is None and end is None:
        return ""
    return f" with offsets from {start or 0:,}" + ("" if end is None else f" to {end:,}")
