"""Which offsets are read, and how they are cut into increments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import KafkaRefused
from pipelines.kafka.plan import KafkaUnit, Partition, kafka_unit_id, offset_of, plan_ranges, position_of, rounds
from transforms.event import hash_id


def partition(beginning: int, end: int, number: int = 0) -> Partition:
    return Partition("t", number, "slack", beginning, end)


def test_a_range_goes_from_the_ledgers_end_to_the_brokers() -> None:
    """A partition that the ledger does not know is read from its beginning; one that is read up has no range."""
    plan = plan_ranges([partition(0, 10), partition(5, 9, 1), partition(0, 7, 2)], {"t/0": 4, "t/2": 7})
    assert [(u.location, u.start, u.end) for u in plan.ranges] == [("t/0", 4, 10), ("t/1", 5, 9)]
    assert plan.gaps == []
    assert plan.records == 10


def test_what_retention_took_is_a_gap() -> None:
    """Offsets that the ledger has not seen and the broker no longer has: a unit of their own, and reading goes on behind them."""
    plan = plan_ranges([partition(30, 50)], {"t/0": 20})
    assert [(u.kind, u.start, u.end) for u in plan.gaps] == [("kafka_gap", 20, 30)]
    assert [(u.kind, u.start, u.end) for u in plan.ranges] == [("kafka", 30, 50)]


def test_a_gap_to_the_very_end_leaves_nothing_to_read() -> None:
    """Everything that was not landed is gone: a gap and no range."""
    plan = plan_ranges([partition(50, 50)], {"t/0": 20})
    assert [(u.start, u.end) for u in plan.gaps] == [(20, 50)]
    assert plan.ranges == []


def test_a_topic_made_anew_is_refused() -> None:
    """The ledger beyond the broker's end: it says so, and what to do."""
    with pytest.raises(KafkaRefused, match=r"t/0: the ledger ends at offset 20, but the broker at 5.*made anew"):
        plan_ranges([partition(0, 5)], {"t/0": 20})


def test_a_unit_is_named_by_its_range() -> None:
    """The id that the ledger's contract gives."""
    assert kafka_unit_id("t", 3, 10, 20) == hash_id("kafka\x1ft\x1f3\x1f10\x1f20")


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 200)), max_size=8), st.integers(1, 400))
def test_rounds_cover_every_offset_once_within_their_limit(ranges: list[tuple[int, int]], limit: int) -> None:
    """Cutting loses nothing, doubles nothing, keeps each partition's order, and every round keeps the limit."""
    units = [KafkaUnit.of("t", n, start, start + size, "slack") for n, (start, size) in enumerate(ranges)]
    covered: dict[int, int] = {n: start for n, (start, _) in enumerate(ranges)}
    for turn in rounds(units, limit):
        assert 0 < sum(u.records for u in turn) <= limit
        for unit in turn:
            assert unit.start == covered[unit.partition]
            assert unit.end > unit.start
            covered[unit.partition] = unit.end
    assert covered == {n: start + size for n, (start, size) in enumerate(ranges)}


@given(st.integers(0, 2**44 - 1), st.integers(0, 2**18))
def test_a_position_tells_its_offset(offset: int, item: int) -> None:
    """Items of one message stand apart, and the first stands at the offset itself."""
    assert offset_of(position_of(offset, item)) == offset
    assert position_of(offset, 0) == offset
