"""Which files have not been landed yet, and how they are packed into work items."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from transforms.event import hash_id
from transforms.sources import SourceSpec

CHUNK = 1 << 20
FILE_COST = 200
"""Opening a file, in bytes of reading."""


class FileUnit(msgspec.Struct, frozen=True):
    """One file's content, as it was when planned."""

    unit_id: str
    system: str
    location: str
    """Path below the workspace, with forward slashes."""
    name: str
    """Path below ``inbox/<source>/``: what adapters see."""
    size: int
    modified: int
    """Nanoseconds; a file that changes while it is read is left for the next increment."""


class Work(Protocol):
    """What can be packed and dealt: a file, or a range of offsets."""

    @property
    def unit_id(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def size(self) -> int: ...


W = TypeVar("W", bound=Work)


class Seen(msgspec.Struct, frozen=True):
    """What a look at a file's directory entry found the last time, and the unit that it was then."""

    size: int
    modified: int
    unit_id: str


def is_ours(name: str) -> bool:
    """Whether a file of this name is ours to read: hidden ones are not, nor those that are still being written."""
    return not name.startswith(".") and not name.endswith((".partial", ".tmp"))


def is_text(name: str) -> bool:
    """Whether a path is text that the ledger can hold: on some disks a name is any bytes, UTF-8 or not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def inbox_files(inbox: Path, system: str) -> Iterator[Path]:
    """Files of one source at any depth, in a fixed order; names that start with a dot are not ours to read."""
    for folder, folders, names in os.walk(inbox / system):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if is_ours(name):
                yield Path(folder) / name


def plan_files(root: Path, sources: Iterable[SourceSpec], seen: dict[str, Seen]) -> Iterator[FileUnit]:
    """Every file in the inbox as a unit. A file whose size and time are those of ``seen`` is not read to be recognised.

    What is no file, or may not be read, keeps no other from landing; ``pipelines.reading.unread`` tells of it.
    """
    inbox = root / "inbox"
    for spec in sources:
        base = inbox / spec.name
        for path in inbox_files(inbox, spec.name):
            location = path.relative_to(root).as_posix()
            entry = _entry(path)
            if entry is None or not is_text(location):
                continue
            known = seen.get(location)
            if known and known.size == entry.st_size and known.modified == entry.st_mtime_ns:
                unit_id = known.unit_id
            else:
                try:
                    unit_id = file_unit_id(spec.name, location, path)
                except (FileNotFoundError, PermissionError):
                    continue
            yield FileUnit(
                unit_id, spec.name, location, path.relative_to(base).as_posix(), entry.st_size, entry.st_mtime_ns
            )


_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENAMETOOLONG)


def _entry(path: Path) -> os.stat_result | None:
    """None where no file is: a pipe, a link to nothing or to itself, or a file gone since its folder was listed."""
    try:
        entry = path.stat()
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise  # the disk's fault stops the job
        return None
    return entry if stat.S_ISREG(entry.st_mode) else None


def file_unit_id(system: str, location: str, path: Path) -> str:
    """Hash of source, location and content: a file that grew is another unit, and so is a copy under another name."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return hash_id(f"file\x1f{system}\x1f{location}\x1f{digest.hexdigest()}")


def increments(units: Iterable[W], limit_bytes: int) -> Iterator[list[W]]:
    """Cut the units into increments of at most ``limit_bytes`` (a single larger unit is one of its own)."""
    batch: list[W] = []
    size = 0
    for unit in units:
        if batch and size + unit.size > limit_bytes:
            yield batch
            batch, size = [], 0
        batch.append(unit)
        size += unit.size
    if batch:
        yield batch


def deal(units: list[W], hands: int) -> list[list[W]]:
    """Deal units to so many workers by the weight of their work, heaviest first; empty hands are left out.

    Bytes are a poor measure of work across sources (a mail costs more than a page view), so each source is dealt out evenly.
    """
    dealt: list[list[W]] = [[] for _ in range(hands)]
    totals = [0] * hands
    by_source: dict[str, list[W]] = {}
    for unit in units:
        by_source.setdefault(unit.system, []).append(unit)
    for system in sorted(by_source):
        weights = [0] * hands
        for unit in sorted(by_source[system], key=lambda u: (-u.size, u.unit_id)):
            hand = min(range(hands), key=lambda h: (weights[h], totals[h], h))
            cost = unit.size + FILE_COST
            weights[hand] += cost
            totals[hand] += cost
            dealt[hand].append(unit)
    return [hand for hand in dealt if hand]
