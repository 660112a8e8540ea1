"""The shared folder: whole files or none, on a disk and on an S3 API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.cluster.shared import SharedFolder
from pipelines.errors import SettingsError

SCHEMA = pa.schema([("n", pa.int64())])


def batch(*numbers: int) -> Any:
    return pa.record_batch([pa.array(numbers, pa.int64())], schema=SCHEMA)


@pytest.fixture(params=["disk", "s3"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> SharedFolder:
    if request.param == "disk":
        return SharedFolder(str(tmp_path / "landing"))
    url: str = request.getfixturevalue("bucket")
    return SharedFolder(url.format(request.node.name.replace("[", "-").replace("]", "")))


def test_a_file_comes_back_as_it_was_written_and_goes_when_it_is_deleted(shared: SharedFolder) -> None:
    shared.prepare()
    assert list(shared.entries()) == []
    shared.write("a/b/one.arrow", iter([batch(1, 2), batch(3)]), SCHEMA)
    (entry,) = shared.entries()
    assert entry.name == "a/b/one.arrow"
    assert entry.size > 0
    assert shared.read(entry.name).read_all().column("n").to_pylist() == [1, 2, 3]
    shared.delete(entry.name)
    shared.delete(entry.name)
    assert list(shared.entries()) == []


def test_a_second_write_replaces_the_first(shared: SharedFolder) -> None:
    shared.write("one.arrow", iter([batch(1)]), SCHEMA)
    shared.write("one.arrow", iter([batch(2)]), SCHEMA)
    assert shared.read("one.arrow").read_all().column("n").to_pylist() == [2]


def test_a_write_that_fails_leaves_nothing_behind(shared: SharedFolder) -> None:
    def broken() -> Iterator[Any]:
        yield batch(1)
        raise OSError("the reader's disk is gone")

    with pytest.raises(OSError, match="the reader's disk is gone"):
        shared.write("one.arrow", broken(), SCHEMA)
    assert list(shared.entries()) == []
    if shared.is_local:
        assert not any(Path(shared.url).rglob("*.partial"))


def test_unfinished_files_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "one.arrow.0123.partial").write_bytes(b"half")
    assert list(SharedFolder(str(tmp_path)).entries()) == []


def test_a_folder_that_cannot_be_reached_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for url in (str(tmp_path / "file"), "nowhere://x/y", ""):
        with pytest.raises(SettingsError, match="--landing"):
            SharedFolder(url).prepare()
        with pytest.raises(SettingsError, match="--landing"):
            SharedFolder(url).require()


def test_a_folder_that_nobody_made_is_told_and_not_made(tmp_path: Path) -> None:
    """A mistyped path would be followed for ever, with nothing in it."""
    shared = SharedFolder(str(tmp_path / "mistyped"))
    with pytest.raises(SettingsError, match="mistyped: there is no such folder; touchloop ingest makes it"):
        shared.require()
    assert not (tmp_path / "mistyped").exists()
    shared.prepare()
    shared.require()
