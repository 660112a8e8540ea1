"""One bounded increment: read the ledger, plan, land, derive, audit, publish. Crash anywhere: the next one plans again."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.ahead import NOTHING, Ahead, Found
from pipelines.deriving.changed import DIRECTORY_MARK, Changed, changed
from pipelines.directory import ADAPTER_VERSION, FoundDirectory, ReadDirectory
from pipelines.errors import BrokerUnavailable, KafkaRefused, OffsetsGone, UserError
from pipelines.kafka.plan import GAP, KafkaPlan, KafkaUnit, rounds
from pipelines.landing import Unit, is_small, read_units, refuse, unit_row
from pipelines.observe.observer import Observer
from pipelines.reading import unread
from pipelines.reading.landed import LANDED
from pipelines.reading.plan import FileUnit, Seen, increments, plan_files
from pipelines.summary import Say, Summary, counted
from pipelines.workers import Crew, Workers
from pipelines.workspace import Workspace
from transforms.sources import all_sources
from transforms.times import to_datetime
from warehouse.commit import commit_directory, commit_increment, remember_files
from warehouse.landed import forget_landed, newest, register_landed
from warehouse.ledger import Input, Totals, ends_of_partitions, inputs, landed_files, rows_of_files, seen_files, totals
from warehouse.store import DERIVE_AGAIN, Store

if TYPE_CHECKING:  # only who has topics, or runs on a cluster, imports what it needs
    from pipelines.cluster.follower import Follower, Turn
    from pipelines.kafka.connection import Connection


LITTLE_BYTES = 40_000_000
"""Of units: what a stream takes in at a time lands without all of the warehouse's memory."""


class Again(NamedTuple):
    """Units of the ledger that were read again, and committed, just before an increment."""

    unit_ids: Sequence[str] = ()
    refused: Sequence[UserError] = ()
    """Why others of them stayed as they were: faults of the increment, too."""


class Increment:
    """Runs one increment in a workspace whose writer lock is held. ``now`` is the clock; ``fixed`` says that the user set it.

    ``on_work`` is called when there is something to do, and room: what takes long to start can start beside it. ``kafka`` None leaves
    topics alone; ``follower`` takes what has landed in a shared folder, and nothing else is read; ``go_on`` is asked between two
    landings of ranges, and what it refuses waits for the next increment. ``ahead`` has read some of the ranges, and reads on
    while the marts are built. ``shown``: the run whose snapshot readers have before.

    What stopped a part of the work and not the rest (a broker that is away, a unit with too many rejects) stands in ``faults``
    when ``run`` returns, for the caller to raise once the rest is published.
    """

    def __init__(
        self,
        workspace: Workspace,
        now: int,
        *,
        fixed: bool,
        say: Say = lambda _: None,
        on_work: Callable[[], None] = lambda: None,
        workers: Crew | None = None,
        kafka: Connection | None = None,
        follower: Follower | None = None,
        go_on: Callable[[], bool] = lambda: True,
        observer: Observer | None = None,
        ahead: Ahead | None = None,
        again: Again | None = None,
        shown: str | None = None,
    ) -> None:
        self.workspace, self.now, self.fixed, self.say, self.on_work = workspace, now, fixed, say, on_work
        self.workers, self.kafka, self.follower, self.go_on = workers, kafka, follower, go_on
        self.ahead = ahead if kafka is not None else None
        self.observer = observer or Observer()
        self.began = time.time()
        self.inputs: list[Input] = []
        self._shown = shown
        self.totals: Totals | None = None
        """Of the ledger when ``run`` returns, if anything was landed or rebuilt and somebody watches."""
        self.has_worked = False
        """Whether anything was landed or rebuilt, once ``run`` has returned."""
        self._is_watched = observer is not None
        self._is_started = False
        self._landings = 0
        self._again = again or Again()
        self.faults: list[UserError] = list(self._again.refused)
        self.ends: dict[str, int] | None = None
        """The ledger's end by ``topic/partition``; None if topics were left alone."""
        self._held: set[str] = set()
        """Partitions that a refused range keeps from going on: their offsets must stay without a hole."""
        self.settings = workspace.settings
        self.summary = Summary(as_of=to_datetime(now).isoformat())
        self.scratch = workspace.fresh_scratch()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        taken = time.perf_counter() - began
        self.summary.seconds[name] = round(self.summary.seconds.get(name, 0.0) + taken, 3)

    def run(self) -> Summary:
        workspace = self.workspace
        rules_version = workspace.rulebook.version
        with (
            Store(
                workspace.warehouse, workspace.vault, self.scratch, memory_mb=self.settings.ingest.warehouse_memory_mb
            ) as store,
            nullcontext(self.workers) if self.workers else Workers(self.settings.ingest.workers) as workers,
        ):
            with self.phase("plan"):
                units, recognised = ([], []) if self.follower else self._plan(store)
                topics = self._plan_topics(store)
                turn = self.follower.turn(store) if self.follower else None
                directory = FoundDirectory(
                    workspace.root, workspace.crm, self.settings.crm, workspace.directory, workspace.erasures
                )
            planned_units: list[Unit] = [*units, *topics.gaps, *topics.ranges, *(turn.units if turn else ())]
            self.summary.run_id = run_id_of(
                self.now,
                (unit.unit_id for unit in planned_units),
                directory.digest,
                self.settings.meaning_hash(rules_version),
            )
            if planned_units or self._again.refused:
                self._start()
            if planned_units:
                if is_small(planned_units):  # one core reads it, and the other is idle
                    self.on_work()
                else:
                    workers.warm()
            self._make_room(store, [*units, *topics.ranges])
            if recognised:
                store.connection.execute("BEGIN")
                remember_files(store, recognised)
                store.connection.execute("COMMIT")
            self._land_files(store, workers, list(increments(units, self.settings.ingest.increment_bytes)))
            self._land_topics(store, workers, topics)
            if self.follower and turn is not None:
                self._land_parcels(store, self.follower, turn)
            self._land_directory(store, directory)
            self._rebuild(store, workers, directory)
            self.summary.warnings += unread.news(workspace, store)
            self.has_worked = self._is_started
            self.summary.unpublished = store.mark("unpublished")
            if self.summary.unpublished is not None:
                self._start()
            if self._is_started and self._is_watched:
                self.inputs = inputs(store, self.summary.run_id, self._shown, self._again.unit_ids)
                self.totals = totals(store)
            return self.summary

    def _make_room(self, store: Store, units: Sequence[Unit]) -> None:
        store.allow(little=sum(unit.size for unit in units) <= LITTLE_BYTES)

    def _start(self) -> None:
        """Tell that there is something to do, once."""
        if not self._is_started:
            self._is_started = True
            self.observer.started(self.summary.run_id, self.began)

    def _plan(self, store: Store) -> tuple[list[FileUnit], list[tuple[str, int, int, str]]]:
        """Units that the ledger does not have, and files that it has under an entry not seen before (touched, or copied back)."""
        seen = {location: Seen(*found) for location, found in seen_files(store).items()}
        landed = landed_files(store)
        new: dict[str, FileUnit] = {}
        recognised = []
        for unit in plan_files(self.workspace.root, all_sources().values(), seen):
            if unit.unit_id not in landed:
                new[unit.unit_id] = unit
            elif seen.get(unit.location) != Seen(unit.size, unit.modified, unit.unit_id):
                recognised.append((unit.location, unit.size, unit.modified, unit.unit_id))
        return list(new.values()), recognised

    def _plan_topics(self, store: Store) -> KafkaPlan:
        """Offsets that the ledger does not have. A broker that is away keeps nothing else from landing."""
        if self.kafka is None:
            return KafkaPlan()
        from pipelines.kafka.broker import planned

        self.ends = ends_of_partitions(store)
        try:
            plan = planned(self.kafka, self.ends, self.summary.warnings.append)
        except (BrokerUnavailable, KafkaRefused) as fault:
            self.faults.append(fault)
            return KafkaPlan()
        self.summary.gaps = len(plan.gaps)
        self.summary.lag = {one.location: 0 for one in plan.partitions}
        self.summary.lag |= {unit.location: unit.records for unit in plan.ranges}
        for gap in plan.gaps:
            self.summary.warnings.append(
                f"DATA LOST: Kafka's retention removed offsets {gap.start:,} to {gap.end - 1:,} of {gap.location} before they were read; the "
                "ledger has them as kafka_gap. Read more often, or keep longer"
            )
        return plan

    def _land_topics(self, store: Store, workers: Crew, plan: KafkaPlan) -> None:
        """Gaps first, then the ranges, every partition getting on with its share of each landing."""
        if plan.gaps:
            self._landed_to(self._land(store, workers, plan.gaps))
        if self.kafka is None or not plan.ranges:
            return
        ends = {}
        found, rest = self.ahead.take(plan.ranges) if self.ahead else (NOTHING, plan.ranges)
        for turn in turns(found.units, rest, self.kafka.settings.max_records_per_increment):
            units = [unit for unit in turn if unit.location not in self._held]
            try:
                landed = self._land(store, workers, units, found) if units else []
            except (BrokerUnavailable, KafkaRefused) as fault:
                self.faults.append(fault)
                break
            except OffsetsGone as fault:
                self.summary.warnings.append(f"{fault}; the next increment sees the gap")
                break
            self._landed_to(landed)
            for unit in landed:
                if isinstance(unit, KafkaUnit):
                    ends[unit.topic, unit.partition] = unit.end
                    self.summary.lag[unit.location] -= unit.records
            if not self.go_on():
                break
        if ends and self.kafka.settings.group_id:
            from pipelines.kafka.broker import tell_group

            tell_group(self.kafka, ends, self.summary.warnings.append)

    def _landed_to(self, units: Sequence[Unit]) -> None:
        assert self.ends is not None
        self.ends |= {unit.location: unit.end for unit in units if isinstance(unit, KafkaUnit)}

    def _land_files(self, store: Store, workers: Crew, batches: Sequence[Sequence[FileUnit]]) -> None:
        """Every batch read and committed, the next one being read while one is committed."""

        def read(batch: Sequence[FileUnit]) -> Path:
            folder = self._landing_folder()
            read_units(self.workspace, batch, folder, self.now, workers, self.kafka)
            return folder

        with ThreadPoolExecutor(1) as ahead:
            reading = ahead.submit(read, batches[0]) if batches else None
            for batch, after in zip_longest(batches, batches[1:]):
                assert reading is not None
                with self.phase("ingest"):
                    folder = reading.result()
                if after:
                    reading = ahead.submit(read, after)
                self._commit(store, self._unchanged(batch), folder)

    def _land(self, store: Store, workers: Crew, units: Sequence[Unit], found: Found = NOTHING) -> list[Unit]:
        """Read, decode and commit these units in one transaction, but for reading those that were ``found``. Returns those that were
        landed: a unit that changed, or has too many rejects, is left out."""
        folder = self._landing_folder()
        read = {unit.unit_id: found.seen_at for unit in found.units}
        with self.phase("ingest"):
            read_units(
                self.workspace, [u for u in units if u.unit_id not in read], folder, self.now, workers, self.kafka
            )
            if any(unit.unit_id in read for unit in units):
                for file in found.files:
                    file.rename(folder / file.name)
        return self._commit(store, self._unchanged(units), folder, read)

    def _land_parcels(self, store: Store, follower: Follower, turn: Turn) -> None:
        """Commit what workers elsewhere have read and normalised, turn by turn."""
        while turn:
            self._make_room(store, turn.units)
            folder = self._landing_folder()
            with self.phase("ingest"):
                follower.stage(turn, folder)
                follower.announce(turn)
            landed = self._commit(store, turn.units, folder) if turn.units else []
            follower.finish(turn, [unit.unit_id for unit in landed])
            self.summary.reread += turn.reread
            self.summary.gaps += sum(unit.kind == GAP for unit in turn.offsets)
            if not self.go_on():
                break
            turn = follower.turn(store)
        self.summary.waiting = {where: list(between) for where, between in turn.waiting.items()}

    def _land_directory(self, store: Store, directory: FoundDirectory) -> None:
        """Files of the directory whose content is new; only these are warned of.

        Raises ``TooManyRejects``: with a file that is hardly read nobody would be known, and every figure would follow it.
        """
        new = set(directory.unit_ids) - landed_files(store)
        if not new:
            return
        files = [file for file in self._read(directory).files if file.unit_id in new]
        for file in files:
            file.hold_to(self.settings.rejects)
        self.summary.warnings += [warning for file in files for warning in file.warnings]
        before = rows_of_files(store, [file.location for file in files if not file.accepted and not file.rejects])
        self.summary.warnings += [
            f"{location} has no rows, where it had {rows:,} before: what rests on them is derived again without what they said"
            for location, rows in before.items()
        ]
        commit_directory(
            store, files, received_at=self.now, run_id=self.summary.run_id, adapter_version=ADAPTER_VERSION
        )
        self.summary.directory_files = len(files)
        self.summary.directory_rejected = sum(len(file.rejects) for file in files)

    def _read(self, directory: FoundDirectory) -> ReadDirectory:
        with self.phase("directory"):
            return directory.read()

    def _landing_folder(self) -> Path:
        self._landings += 1
        folder = self.scratch / f"landing-{self._landings}"
        folder.mkdir(parents=True)
        return folder

    def _commit(
        self, store: Store, units: Sequence[Unit], folder: Path, seen_at: Mapping[str, int] | None = None
    ) -> list[Unit]:
        """Commit units and the files of ``pipelines.reading.landed.LANDED`` in the folder. Returns the units without too many rejects.

        ``seen_at``: when units were read, by unit_id, if that was not now.
        """
        with self.phase("land"):
            kept = list(units)
            files = sorted(folder.glob("*.arrow"))
            register_landed(store, files, LANDED, {u.unit_id: (seen_at or {}).get(u.unit_id, self.now) for u in kept})
            kept = self._within_limits(store, kept)
            if not kept:
                forget_landed(store)
                return []
            seen = [(u.location, u.size, u.modified, u.unit_id) for u in kept if isinstance(u, FileUnit)]
            self._note_newest(store)
            store.set_mark(
                "unpublished", self.summary.run_id
            )  # the ledger is published too, whatever the records became
            self.observer.landed(self.summary.run_id)
            landing = commit_increment(
                store, [unit_row(u) for u in kept], received_at=self.now, run_id=self.summary.run_id, seen=seen
            )
        self.summary.add(landing)
        self.say(
            f"landed {counted(landing.units, 'unit')}: {counted(landing.records, 'record')} = {landing.accepted:,} accepted"
            f" + {landing.duplicate:,} duplicate + {landing.ignored:,} ignored + {landing.rejected:,} rejected"
        )
        for file in files:
            file.unlink()
        return kept

    def _note_newest(self, store: Store) -> None:
        found = newest(store, self.now)
        if found is not None:
            self.summary.newest_event_at = max(self.summary.newest_event_at or "", to_datetime(found).isoformat())

    def _unchanged(self, units: Sequence[Unit]) -> list[Unit]:
        """Units whose file is still what was planned; another was read half old, half new, and waits for the next increment."""
        kept: list[Unit] = []
        for unit in units:
            if isinstance(unit, FileUnit):
                path = self.workspace.root / unit.location
                entry = path.stat() if path.exists() else None
                if entry is None or (entry.st_size, entry.st_mtime_ns) != (unit.size, unit.modified):
                    self.summary.warnings.append(
                        f"{unit.location} changed while it was read; it is left for the next run"
                    )
                    continue
            kept.append(unit)
        return kept

    def _within_limits(self, store: Store, units: Sequence[Unit]) -> list[Unit]:
        """Units without too many rejects. The others are taken out of the landing, and are faults: the rest lands without them."""
        refused = refuse(store, units, self.settings.rejects)
        self.faults += refused.values()
        self._held |= {unit.location for unit in units if unit.unit_id in refused and isinstance(unit, KafkaUnit)}
        return [unit for unit in units if unit.unit_id not in refused]

    def _rebuild(self, store: Store, workers: Crew, found: FoundDirectory) -> None:
        change = changed(store, self.workspace, found, self.now, fixed=self.fixed)
        if not change:
            return
        if change.of_all:
            self.summary.warnings += self._lost(store, found, change)
        # set before anything commits: a crash between the commit and the mark would leave new tables unpublished for good
        store.set_mark("unpublished", self.summary.run_id)
        change.begin(store)
        self._start()
        self.observer.landed(self.summary.run_id)
        from pipelines.deriving.derive import Derivation
        from pipelines.deriving.rebuild import Rebuild

        derivation = Derivation(
            store, workers, self.workspace, self._read(found), change, self.now, self.scratch, self.phase
        )
        Rebuild(derivation, self.summary).run(self.on_work, self._read_ahead)
        if change.everything:
            store.set_mark(DIRECTORY_MARK, "\n".join(found.locations))
        self.say(
            f"rebuilt {counted(self.summary.touchpoints, 'touchpoint')} and {counted(self.summary.accounts_rebuilt, 'account')}"
        )

    def _lost(self, store: Store, found: FoundDirectory, change: Changed) -> Iterator[str]:
        """Settings and files of the directory that the last derivation had and this one has not: every figure follows them."""
        before = change.before
        if before["config"] not in (None, DERIVE_AGAIN, change.rests_on["config"]) and not self.workspace.toml.exists():
            yield f"{self.workspace.toml.name} is not there any more: what rests on it is derived again with the defaults"
        for location in (store.mark(DIRECTORY_MARK) or "").splitlines():
            # what is there and cannot be read is told by ``unread``
            if location not in found.locations and not os.path.lexists(self.workspace.root / location):
                yield f"{location} is not there any more: everything is derived again without what it said"

    def _read_ahead(self) -> None:
        if self.ahead is not None and self.ends is not None and not self.faults:
            self.ahead.begin(self.ends, self._held)


def turns(read: list[KafkaUnit], rest: Sequence[KafkaUnit], limit: int) -> Iterator[list[KafkaUnit]]:
    """Ranges in the order of their landings, each of at most ``limit`` offsets: what was ``read`` already comes first, with the rest
    if there is room for it."""
    if sum(unit.records for unit in (*read, *rest)) <= limit:
        yield [*read, *rest]
        return
    if read:
        yield read
    yield from rounds(rest, limit)


def run_id_of(now: int, unit_ids: Iterable[str], directory: str, config: str) -> str:
    digest = hashlib.sha256(f"{now}\x1f{directory}\x1f{config}".encode())
    for unit_id in unit_ids:
        digest.update(unit_id.encode())
    return digest.hexdigest()[:32]
