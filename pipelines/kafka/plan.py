"""Which offsets are to be read: from where the ledger ends to where the broker ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from pipelines.errors import KafkaRefused
from transforms.event import hash_id

KAFKA, GAP = "kafka", "kafka_gap"
"""Kinds of ``ledger_unit``: a range that was read, and one that retention took before it could be."""
ITEM_STRIDE = 1 << 44
"""Item k of a message at offset o has position o + k * 2**44: offsets stay readable, and no two items meet."""
RECORD_BYTES = 800
"""What a record weighs when work is dealt out, before anybody has seen it."""


class Partition(msgspec.Struct, frozen=True):
    """One partition as the broker has it now. ``end`` is one past the last offset that may be read."""

    topic: str
    number: int
    source: str
    beginning: int
    end: int

    @property
    def location(self) -> str:
        return f"{self.topic}/{self.number}"


class KafkaUnit(msgspec.Struct, frozen=True):
    """Offsets ``start`` to ``end`` (exclusive) of one partition."""

    unit_id: str
    system: str
    """Source of the topic by the settings; a message's headers may say otherwise."""
    topic: str
    partition: int
    start: int
    end: int
    kind: str = KAFKA

    @classmethod
    def of(cls, topic: str, partition: int, start: int, end: int, system: str, kind: str = KAFKA) -> KafkaUnit:
        return cls(kafka_unit_id(topic, partition, start, end), system, topic, partition, start, end, kind)

    @property
    def location(self) -> str:
        return f"{self.topic}/{self.partition}"

    @property
    def name(self) -> str:
        """What adapters see as the place of a record."""
        return self.location

    @property
    def records(self) -> int:
        return self.end - self.start

    @property
    def size(self) -> int:
        return self.records * RECORD_BYTES


def kafka_unit_id(topic: str, partition: int, start: int, end: int) -> str:
    return hash_id(f"kafka\x1f{topic}\x1f{partition}\x1f{start}\x1f{end}")


def position_of(offset: int, item: int) -> int:
    """Position in the unit of a message's item, the first being 0."""
    return offset + item * ITEM_STRIDE


def offset_of(position: int) -> int:
    return position % ITEM_STRIDE


class KafkaPlan(msgspec.Struct):
    """What is there to be read: ``ranges`` up to the broker's end, and ``gaps`` that are gone for good."""

    ranges: list[KafkaUnit] = []
    gaps: list[KafkaUnit] = []
    partitions: list[Partition] = []

    @property
    def records(self) -> int:
        return sum(unit.records for unit in self.ranges)


def plan_ranges(partitions: Iterable[Partition], landed: Mapping[str, int]) -> KafkaPlan:
    """Ranges and gaps. ``landed`` is the ledger's end by location; a partition that it does not know is read from its beginning.

    Raises ``KafkaRefused`` where the ledger has more than the broker: another topic of the same name.
    """
    plan = KafkaPlan(partitions=list(partitions))
    for one in plan.partitions:
        start = landed.get(one.location)
        if start is None:
            start = one.beginning
        if start > one.end:
            raise made_anew(one.location, "the ledger ends", start, one.end)
        if start < one.beginning:
            plan.gaps.append(KafkaUnit.of(one.topic, one.number, start, one.beginning, one.source, GAP))
            start = one.beginning
        if start < one.end:
            plan.ranges.append(KafkaUnit.of(one.topic, one.number, start, one.end, one.source))
    return plan


def made_anew(location: str, whose: str, at: int, end: int) -> KafkaRefused:
    """Another topic of the same name; ``whose`` offset ``at`` lies behind the broker's end."""
    return KafkaRefused(
        f"{location}: {whose} at offset {at:,}, but the broker at {end:,}. The topic was deleted and made anew, or restored from an older "
        "copy; reading on would skip what it holds now. Let the new topic have a new name (kafka.topics may map it to the same source), "
        "or take it out of kafka.topics, or rebuild state/ from all of its inputs"
    )


def rounds(ranges: Iterable[KafkaUnit], limit: int) -> Iterator[list[KafkaUnit]]:
    """Cut ranges into increments of at most ``limit`` offsets, every partition getting on with its share of each."""
    left = {unit.location: unit for unit in ranges}
    while left:
        share = max(1, limit // len(left))
        turn = []
        room = limit
        for location, unit in list(left.items()):
            if not room:
                break
            end = min(unit.end, unit.start + share, unit.start + room)
            turn.append(KafkaUnit.of(unit.topic, unit.partition, unit.start, end, unit.system))
            room -= end - unit.start
            if end == unit.end:
                del left[location]
            else:
                left[location] = msgspec.structs.replace(unit, start=end)
        yield turn
