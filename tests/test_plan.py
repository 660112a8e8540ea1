"""Which files are landed, and how the work is dealt."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipelines.reading.plan import FileUnit, Seen, deal, increments, plan_files
from transforms.sources import all_sources

SPECS = [all_sources()["slack"]]


def unit(number: int, size: int, system: str = "slack") -> FileUnit:
    return FileUnit(f"u{number}", system, f"inbox/{system}/{number}", str(number), size, 0)


def planned(root: Path, seen: dict[str, Seen] | None = None) -> list[FileUnit]:
    return list(plan_files(root, SPECS, seen or {}))


def test_a_unit_is_a_files_content_at_its_place(tmp_path: Path) -> None:
    """A file that grew is another unit, so is a copy elsewhere; touching it changes nothing."""
    file = tmp_path / "inbox" / "slack" / "deep" / "a.json"
    file.parent.mkdir(parents=True)
    file.write_text("[]")
    (first,) = planned(tmp_path)
    os.utime(file, (1, 1))
    assert [u.unit_id for u in planned(tmp_path)] == [first.unit_id]
    (file.parent / "b.json").write_text("[]")
    assert len({u.unit_id for u in planned(tmp_path)}) == 2
    file.write_text("[ ]")
    assert first.unit_id not in {u.unit_id for u in planned(tmp_path)}


def test_an_unchanged_directory_entry_is_not_read(tmp_path: Path) -> None:
    """Size and time as seen before: the unit is the one of before, without a look at the bytes."""
    file = tmp_path / "inbox" / "slack" / "a.json"
    file.parent.mkdir(parents=True)
    file.write_text("[]")
    (first,) = planned(tmp_path)
    (again,) = planned(tmp_path, {first.location: Seen(first.size, first.modified, "as remembered")})
    assert again.unit_id == "as remembered"


def test_hidden_and_partial_files_are_not_ours(tmp_path: Path) -> None:
    """What a producer is still writing under another name waits."""
    folder = tmp_path / "inbox" / "slack"
    folder.mkdir(parents=True)
    for name in (".hidden", "a.json.partial", "b.tmp", "c.json"):
        (folder / name).write_text("[]")
    assert [u.name for u in planned(tmp_path)] == ["c.json"]


sizes = st.lists(st.integers(0, 1000), max_size=40)


@given(sizes, st.integers(1, 2000))
def test_increments_keep_every_unit_once_and_their_bound(given_sizes: list[int], limit: int) -> None:
    """Cutting loses nothing, and only a single large unit exceeds the limit."""
    units = [unit(i, s) for i, s in enumerate(given_sizes)]
    cut = list(increments(units, limit))
    assert [u for batch in cut for u in batch] == units
    assert all(len(batch) == 1 or sum(u.size for u in batch) <= limit for batch in cut)


@given(sizes, st.integers(1, 4))
def test_dealing_loses_nothing(given_sizes: list[int], hands: int) -> None:
    """Every unit is in exactly one hand, whatever the number of workers."""
    units = [unit(i, s, ("slack", "email")[i % 2]) for i, s in enumerate(given_sizes)]
    dealt = deal(units, hands)
    assert sorted(u.unit_id for hand in dealt for u in hand) == sorted(u.unit_id for u in units)
    assert len(dealt) <= hands
    assert all(dealt)
