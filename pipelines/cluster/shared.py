"""A folder that workers and the warehouse's machine share: a local path, or a URL of an object store or a file system."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import fs

from pipelines.errors import SettingsError

FINISHED = ".arrow"
"""Ending of a file that is whole."""


class Entry(NamedTuple):
    """A finished file: its name below the folder, and its size in bytes."""

    name: str
    size: int


class SharedFolder:
    """Whole files under a URL: what is listed is finished, and stays so whoever is killed.

    A plain path, ``file://``, ``s3://bucket/path`` (``?endpoint_override=`` and ``&scheme=http`` for a store of one's own), ``gs://``,
    ``abfs://``, ``hdfs://``, or ``fsspec+<protocol>://`` with fsspec installed. Credentials are the store's own environment variables or
    profile, never the URL. The object is a URL until it is used, so that it can be sent to workers.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def __reduce__(self) -> Any:
        return SharedFolder, (self.url,)

    @cached_property
    def _at(self) -> tuple[Any, str]:
        if not self.url.strip():
            raise SettingsError(
                "--landing: it is empty, which would be the folder that we stand in; that is written as ."
            )
        url = self.url if "://" in self.url else f"file://{os.path.abspath(self.url)}"
        try:
            system, path = fs.FileSystem.from_uri(url)
        except (pa.ArrowInvalid, ValueError, ImportError) as error:
            raise SettingsError(f"--landing {self.url}: {error}") from None
        return system, path.rstrip("/")

    @property
    def is_local(self) -> bool:
        return isinstance(self._at[0], fs.LocalFileSystem)

    def prepare(self) -> None:
        """Make the folder, and find out now whether it can be reached. Raises ``SettingsError``."""
        system, path = self._at
        with self._told():
            if self.is_local or "/" in path:  # a bucket is its owner's to make
                system.create_dir(path, recursive=True)
            system.get_file_info(fs.FileSelector(path, allow_not_found=True))

    def require(self) -> None:
        """Find out now whether the folder can be reached and is there: on a disk, whoever is to land in it has made it. Raises
        ``SettingsError``."""
        system, path = self._at
        with self._told():
            found = system.get_file_info(path)
            system.get_file_info(fs.FileSelector(path, allow_not_found=True))
        if self.is_local and found.type == fs.FileType.NotFound:
            raise SettingsError(f"--landing {self.url}: there is no such folder; touchloop ingest makes it")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What keeps the folder from being reached is a fault of the setting that names it."""
        try:
            yield
        except OSError as error:
            raise SettingsError(f"--landing {self.url}: {error}") from None

    def entries(self, below: str = "") -> Iterator[Entry]:
        """Finished files at any depth, in the order of their names."""
        system, path = self._at
        selector = fs.FileSelector(f"{path}/{below}".rstrip("/"), recursive=True, allow_not_found=True)
        found = [
            Entry(info.path[len(path) + 1 :], info.size)
            for info in system.get_file_info(selector)
            if info.type == fs.FileType.File and info.path.endswith(FINISHED)
        ]
        yield from sorted(found)

    def write(self, name: str, batches: Iterator[Any], schema: Any) -> None:
        """An Arrow IPC file of the batches, which appears whole or not at all; one of that name is replaced."""
        system, path = self._at
        final = f"{path}/{name}"
        if not self.is_local and system.type_name != "hdfs":
            # An object appears when its upload is complete. Closing a stream completes it, also on the way out of a failure: so only what
            # is whole already is uploaded.
            with tempfile.TemporaryFile() as spool:
                _write(spool, batches, schema)
                spool.seek(0)
                with system.open_output_stream(final) as sink:
                    shutil.copyfileobj(spool, sink, 1 << 22)
            return
        system.create_dir(final.rpartition("/")[0], recursive=True)
        partial = f"{final}.{uuid.uuid4().hex}.partial"
        try:
            with system.open_output_stream(partial) as sink:
                _write(sink, batches, schema)
            if self.is_local:
                _to_disk(partial)
            system.move(partial, final)
        except BaseException:
            if system.get_file_info(partial).type == fs.FileType.File:
                system.delete_file(partial)
            raise
        if self.is_local:
            _to_disk(final.rpartition("/")[0])

    def read(self, name: str) -> Any:
        """Reader of the record batches of a finished file."""
        system, path = self._at
        return pa.ipc.open_file(system.open_input_file(f"{path}/{name}"))

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is no fault."""
        system, path = self._at
        if system.get_file_info(f"{path}/{name}").type == fs.FileType.File:
            system.delete_file(f"{path}/{name}")


def _write(sink: Any, batches: Iterator[Any], schema: Any) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(sink, schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _to_disk(path: str) -> None:
    """The source will not give these records again once its checkpoint has moved on: they must survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
