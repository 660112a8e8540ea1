"""What has landed in the shared folder, cut to what the ledger lacks and handed to the commit part by part."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from pipelines.cluster.parcel import holds_files, range_of, rows_within
from pipelines.cluster.ranges import Piece, Range, choose, reread, spent
from pipelines.cluster.shared import Entry, SharedFolder
from pipelines.errors import UserError
from pipelines.kafka.plan import GAP, ITEM_STRIDE, KafkaUnit
from pipelines.reading.label import FileLabel, Label
from pipelines.reading.landed import LANDED
from pipelines.reading.normalize import without
from pipelines.reading.plan import FileUnit
from transforms.crm.erasure import Erasures
from warehouse.ledger import ends_of_partitions, landed_files
from warehouse.store import Store

UNPACKED = 3
"""How much larger records are in memory than in a parcel, about."""


class Turn(msgspec.Struct):
    """What one commit takes out of the folder."""

    offsets: list[KafkaUnit] = []
    """Ranges and gaps that follow on the ledger's ends; neighbouring ranges of a partition are one unit."""
    files: list[FileUnit] = []
    parts: list[Part] = []
    spent: dict[str, list[str]] = {}
    """Parcels with nothing left to give after the commit, by ``topic/partition``, or by their own name if they hold files."""
    ends: dict[str, int] = {}
    """Where the ledger will end, by location."""
    reread: int = 0
    """Offsets in the spent parcels that had landed from another one."""
    waiting: dict[str, tuple[int, int]] = {}
    """Location to the ledger's end and the first offset that is there beyond it: between them something is missing."""

    @property
    def units(self) -> list[FileUnit | KafkaUnit]:
        return [*self.offsets, *self.files]

    def __bool__(self) -> bool:
        return bool(self.offsets or self.files or self.spent)


class Part(msgspec.Struct, frozen=True):
    """Rows of a parcel that belong to the turn: those of a piece's offsets under the unit's id, or those of some files."""

    name: str
    unit_id: str = ""
    start: int = 0
    end: int = 0
    files: list[str] = []


class Receipt(msgspec.Struct):
    """Written before a commit: which parcels go once it has happened. A crash between the two is seen by the ledger's ends."""

    ends: dict[str, int] = {}
    files: list[str] = []
    spent: list[str] = []


class Follower:
    """Takes turns. The writer's lock is held by whoever uses it."""

    def __init__(
        self,
        shared: SharedFolder,
        receipt: Path,
        limit_bytes: int,
        *,
        skip_gaps: bool = False,
        erasures: Erasures | None = None,
    ) -> None:
        """``receipt`` is a path below ``state/``; ``limit_bytes`` bounds a turn; ``skip_gaps`` gives up on what is missing.

        ``erasures``: of whoever is erased by now; a job that was started before does not know of them.
        """
        self.shared, self.receipt, self.skip_gaps = shared, receipt, skip_gaps
        self.erasures = erasures or None
        self.limit = max(1, limit_bytes // UNPACKED)
        self._settled = False
        self._held: set[str] = set()
        """Partitions and file units that a commit left out: they stay until this process, or a setting, is another."""

    def entries(self) -> list[Entry]:
        """What lies in the folder now: parcels, and nothing else."""
        return [e for e in self.shared.entries() if holds_files(e.name) or range_of(e.name)]

    def turn(self, store: Store) -> Turn:
        """What can be committed next; false if there is nothing to do but wait."""
        if not self._settled:
            self._settle(store)
        turn = Turn()
        entries = self.entries()
        sizes = {e.name: e.size for e in entries}
        partitions: dict[tuple[str, int], list[Range]] = {}
        for entry in entries:
            found = range_of(entry.name)
            if found is not None:
                partitions.setdefault(found[:2], []).append(found[2])
        ends = ends_of_partitions(store)
        share = self.limit // max(1, len(partitions))
        for (topic, number), ranges in sorted(partitions.items()):
            if f"{topic}/{number}" not in self._held:
                self._take_offsets(turn, topic, number, ranges, ends.get(f"{topic}/{number}"), sizes, share)
        parcels = [e for e in entries if holds_files(e.name)]
        if parcels:
            self._take_files(turn, store, parcels)
        return turn

    def _take_offsets(
        self,
        turn: Turn,
        topic: str,
        number: int,
        ranges: list[Range],
        known: int | None,
        sizes: dict[str, int],
        share: int,
    ) -> None:
        location = f"{topic}/{number}"
        end = known or 0
        pieces = choose(end, ranges)
        if known is None and pieces and pieces[0].source.is_gap:
            end = pieces.pop(0).end  # a partition that the ledger does not know begins where the broker's did
        beyond = min((r.start for r in ranges if not r.is_gap and r.start > end), default=None)
        if not pieces and beyond is not None:
            if self.skip_gaps:
                pieces = [Piece(end, beyond, Range(end, beyond, True, ""))]
            else:
                turn.waiting[location] = (end, beyond)
        taken: list[Piece] = []
        for piece in pieces:
            if taken and share <= 0:
                break
            taken.append(piece)
            share -= sizes.get(piece.source.name, 0)
        if taken:
            turn.ends[location] = end = taken[-1].end
        elif known is None:
            return  # nothing but a gap at the beginning: it says where to begin, until something follows it
        done = spent(end, ranges)
        if done:
            turn.spent[location] = [one.name for one in done]
            turn.reread += reread(done, taken)
        for run in _runs(taken):
            first, last = run[0], run[-1]
            kind = GAP if first.source.is_gap else "kafka"
            system = self._system(first) or self._system_of(ranges)
            unit = KafkaUnit.of(topic, number, first.start, last.end, system, kind)
            turn.offsets.append(unit)
            if kind != GAP:
                turn.parts += [Part(p.source.name, unit.unit_id, p.start, p.end) for p in run]

    def _system(self, piece: Piece) -> str:
        return self._label(piece.source.name).system if piece.source.name else ""

    def _system_of(self, ranges: list[Range]) -> str:
        return self._label(ranges[0].name).system

    def _take_files(self, turn: Turn, store: Store, parcels: list[Entry]) -> None:
        landed = landed_files(store)
        room = self.limit
        for entry in parcels:
            if turn.parts and room <= 0:
                break
            wanted = [label for label in self._label(entry.name).files if label.unit_id not in landed]
            if any(label.unit_id in self._held for label in wanted):
                continue
            if wanted:
                turn.files += [_unit(label) for label in wanted]
                turn.parts.append(Part(entry.name, files=[label.unit_id for label in wanted]))
                landed.update(label.unit_id for label in wanted)
                room -= entry.size
            turn.spent[entry.name] = [entry.name]

    def stage(self, turn: Turn, folder: Path) -> list[Path]:
        """The turn's rows as Arrow files of ``pipelines.reading.landed.LANDED`` on this machine."""
        files = []
        for number, part in enumerate(turn.parts):
            path = folder / f"{number:06d}.arrow"
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, LANDED) as writer:
                for batch in self._rows(part):
                    writer.write_batch(without(batch, self.erasures) if self.erasures else batch)
            files.append(path)
        return files

    def _rows(self, part: Part) -> Iterator[pa.RecordBatch]:
        import pyarrow.compute as pc

        with self._opened(part.name) as reader:
            for i in range(reader.num_record_batches):
                batch = reader.get_batch(i).replace_schema_metadata(None)
                if part.files:
                    yield batch.filter(pc.is_in(batch.column("unit_id"), pa.array(part.files, pa.string())))
                else:
                    yield rows_within(batch, part.start, part.end, part.unit_id, ITEM_STRIDE)

    def announce(self, turn: Turn) -> None:
        """Before the turn is committed: note what goes after it."""
        going = [name for names in turn.spent.values() for name in names]
        receipt = Receipt(turn.ends, [unit.unit_id for unit in turn.files], going)
        partial = self.receipt.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(receipt))
        os.replace(partial, self.receipt)

    def finish(self, turn: Turn, committed: Iterable[str]) -> None:
        """After the commit of these units: the turn's parcels go, but for those of a unit that was left out."""
        done = set(committed)
        left_out = [unit for unit in turn.offsets if unit.unit_id not in done]
        files = {unit.unit_id for unit in turn.files if unit.unit_id not in done}
        self._held |= {unit.location for unit in left_out} | files
        held = {unit.location for unit in left_out} | {p.name for p in turn.parts if files.intersection(p.files)}
        for owner, names in turn.spent.items():
            if owner not in held:
                for name in names:
                    self.shared.delete(name)
        self.receipt.unlink(missing_ok=True)

    def _settle(self, store: Store) -> None:
        """Once, at the start: if a turn was committed and its parcels are still here, they go and are not counted as read twice."""
        if self.receipt.exists():
            receipt = msgspec.json.decode(self.receipt.read_bytes(), type=Receipt)
            ends = ends_of_partitions(store)
            landed = landed_files(store)
            if all(ends.get(where, -1) >= end for where, end in receipt.ends.items()) and landed.issuperset(
                receipt.files
            ):
                for name in receipt.spent:
                    self.shared.delete(name)
            self.receipt.unlink()
        self._settled = True

    def _label(self, name: str) -> Label:
        with self._opened(name) as reader:
            return Label.of(reader.schema)

    def _opened(self, name: str) -> pa.RecordBatchFileReader:
        try:
            reader = self.shared.read(name)
        except pa.ArrowInvalid as error:
            raise UserError(
                f"{self.shared.url}/{name} is damaged: {error}. Delete it and start the job from the ledger"
            ) from None
        if not reader.schema.equals(LANDED):
            raise UserError(
                f"{self.shared.url}/{name} was landed by workers of another version of touchloop. Run follow with theirs until "
                "nothing is left, or delete it, and start the job from the ledger with workers of this one"
            )
        return reader


def _runs(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Neighbouring pieces of the same kind together."""
    run: list[Piece] = []
    for piece in pieces:
        if run and run[0].source.is_gap != piece.source.is_gap:
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _unit(label: FileLabel) -> FileUnit:
    name = label.location.split("/", 2)[-1]
    return FileUnit(label.unit_id, label.system, label.location, name, label.size, label.modified)
