"""The directory's files are read once, not in every run: the next one takes what was read, if it is of the same content and version."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from workspaces import example

import pipelines.directory as directory
from pipelines.directory import FoundDirectory, ReadDirectory
from pipelines.settings import CrmFiles


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one row of each kind that a reading tells of: good ones, bad ones, a column too many."""
    root = example(tmp_path)
    (root / "state").mkdir()
    people = root / "inbox" / "crm" / "people.csv"
    header, *rows = people.read_text().splitlines()
    people.write_text("\n".join([f"{header},shoe_size", *(f"{row},42" for row in rows), "P-odd,nobody,,,,,,"]) + "\n")
    monkeypatch.setattr(directory, "_READ", [])
    return root


def read(root: Path, *, afresh: bool, reading: CrmFiles | None = None, kept: bool = True) -> ReadDirectory:
    """As a process of its own reads it. ``afresh``: whether the files are read, and not what was kept of them."""
    directory._READ.clear()
    calls: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        real = directory.read_crm_file
        patch.setattr(directory, "read_crm_file", lambda name, *rest: calls.append(name) or real(name, *rest))
        found = FoundDirectory(
            root, root / "inbox" / "crm", reading or CrmFiles(), root / "state" / "kept" if kept else None
        ).read()
    assert bool(calls) is afresh
    return found


def test_what_was_read_is_what_the_files_say(root: Path) -> None:
    first = read(root, afresh=True)
    assert first.crm.people
    assert [file.location for file in first.files if file.rejects] == ["inbox/crm/people.csv"]
    assert any("shoe_size" in warning for file in first.files for warning in file.warnings)
    assert read(root, afresh=False) == first == read(root, afresh=True, kept=False)


def test_another_content_or_way_of_reading_is_read(root: Path) -> None:
    before = read(root, afresh=True)
    with (root / "inbox" / "crm" / "accounts.csv").open("a") as file:
        file.write("A-new,New,new.example\n")
    now = read(root, afresh=True)
    assert now.digest != before.digest
    assert now == read(root, afresh=False)
    assert read(root, afresh=True, reading=CrmFiles(timezone="Europe/Berlin")).digest not in (before.digest, now.digest)


@pytest.mark.parametrize("change", ["cut", "a letter changed", "other types", "nothing in it", "a folder"])
def test_what_cannot_be_used_is_made_again(root: Path, change: str) -> None:
    first = read(root, afresh=True)
    kept = root / "state" / "kept"
    data = kept.read_bytes()
    head = data[: data.index(b"\n") + 1]
    other = b"\x81\xa3crm\x01"
    if change == "a folder":
        kept.unlink()
        kept.mkdir()
    else:
        changed = {
            "cut": data[:-9],
            "a letter changed": data.replace(b"email:", b"emaiL:", 1),
            "other types": head + hashlib.sha256(other).digest() + other,
            "nothing in it": b"",
        }[change]
        assert changed != data
        kept.write_bytes(changed)
    assert read(root, afresh=True) == first
    if change != "a folder":
        assert read(root, afresh=False) == first


def test_another_version_reads_for_itself(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(root, afresh=True)
    monkeypatch.setattr(directory, "version", lambda: "99.0.0")
    assert read(root, afresh=True) == first
    monkeypatch.setattr(directory, "ADAPTER_VERSION", "99.0.0")
    assert read(root, afresh=True) == first
