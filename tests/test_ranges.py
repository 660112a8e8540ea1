"""Landed ranges: each offset once, whatever was read twice and in whatever order it landed."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pipelines.cluster.parcel import name_of, range_of
from pipelines.cluster.ranges import Piece, Range, choose, reread, spent
from pipelines.reading.label import Label


def data(start: int, end: int) -> Range:
    return Range(start, end, False, f"{start}-{end}")


def gap(start: int, end: int) -> Range:
    return Range(start, end, True, f"{start}-{end} gap")


def spans(pieces: list[Piece]) -> list[tuple[int, int, bool]]:
    return [(p.start, p.end, p.source.is_gap) for p in pieces]


def test_ranges_follow_one_another_from_the_ledgers_end() -> None:
    assert spans(choose(100, [data(200, 300), data(100, 200)])) == [(100, 200, False), (200, 300, False)]


def test_an_overlap_is_cut_at_the_ledgers_end() -> None:
    ranges = [data(0, 150), data(150, 200), data(80, 120), data(0, 90)]
    pieces = choose(100, ranges)
    assert spans(pieces) == [(100, 150, False), (150, 200, False)]
    done = spent(200, ranges)
    assert done == ranges
    assert reread(done, pieces) == 100 + 40 + 90


def test_a_range_beyond_the_ledgers_end_waits_for_its_predecessor() -> None:
    ranges = [data(0, 10), data(20, 30)]
    assert spans(choose(0, ranges)) == [(0, 10, False)]
    assert spent(10, ranges) == [data(0, 10)]


def test_a_known_gap_is_passed_and_kept_apart_from_records() -> None:
    assert spans(choose(5, [gap(0, 40), data(40, 60)])) == [(5, 40, True), (40, 60, False)]


def test_records_of_another_job_fill_what_one_job_found_missing() -> None:
    """A restart behind retention reports a gap that an earlier job had read in part."""
    pieces = choose(0, [gap(0, 100), data(10, 30), data(50, 60), data(100, 120)])
    assert spans(pieces) == [
        (0, 10, True),
        (10, 30, False),
        (30, 50, True),
        (50, 60, False),
        (60, 100, True),
        (100, 120, False),
    ]


@st.composite
def readings(draw: st.DrawFn) -> tuple[int, int, list[Range]]:
    """A partition of some offsets read by several jobs, each from a checkpoint of its own with borders of its own, in any order."""
    end = draw(st.integers(1, 60))
    begin = draw(st.integers(0, end))
    found: list[Range] = []
    at = 0
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, at))  # restored to a point that an earlier job had passed
        steps = draw(st.lists(st.integers(1, 9), min_size=1, max_size=12))
        for step in steps:
            if at < end:
                found.append(data(at, min(end, at + step)))
                at = min(end, at + step)
    while at < end:
        found.append(data(at, min(end, at + 7)))
        at += 7
    random.Random(draw(st.integers(0, 999))).shuffle(found)
    return begin, end, found


@given(readings(), st.data())
def test_any_overlapping_ranges_in_any_order_give_each_offset_once(
    reading: tuple[int, int, list[Range]], more: st.DataObject
) -> None:
    """Ranges appear a few at a time, the ledger moves on, spent ones go: every offset lands exactly once, and none is left."""
    begin, end, coming = reading
    ledger = begin
    landed: list[int] = []
    present: list[Range] = []
    trimmed = 0
    while coming or present:
        some = more.draw(st.integers(1, 6))
        present += coming[:some]
        coming = coming[some:]
        pieces = choose(ledger, present)
        for piece in pieces:
            assert piece.start == ledger
            assert piece.source.start <= piece.start < piece.end <= piece.source.end
            landed += range(piece.start, piece.end)
            ledger = piece.end
        done = spent(ledger, present)
        trimmed += reread(done, pieces)
        present = [one for one in present if one not in done]
        if not coming:
            assert present == []
    assert landed == list(range(begin, end))
    assert trimmed >= 0


@given(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1),
    st.integers(0, 9),
    st.integers(0, 2**60),
    st.integers(1, 2**44),
)
def test_a_name_says_what_a_parcel_holds(topic: str, partition: int, start: int, count: int) -> None:
    label = Label(topic=topic, partition=partition, start=start, end=start + count, system="slack")
    assert range_of(name_of(label)) == (topic, partition, Range(start, start + count, False, name_of(label)))


def test_other_files_of_the_folder_are_left_alone() -> None:
    for name in (
        "kafka/t/0/x.arrow",
        "notes.arrow",
        "kafka/t/0/00000000000000000009-00000000000000000009.records.arrow",
    ):
        assert range_of(name) is None
