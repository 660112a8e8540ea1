"""Files that save work and may be lost: what is cut off, changed or of another head is as if it were not there."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

SIZE = hashlib.sha256().digest_size


def write(path: Path, head: bytes, body: bytes) -> None:
    """In place of what there is; nothing where the disk does not take it."""
    with suppress(OSError):
        new = _unfinished(path)
        new.write_bytes(head + hashlib.sha256(body).digest() + body)
        new.replace(path)


def read(path: Path, head: bytes) -> bytes | None:
    """The body of a file with this head."""
    try:
        with path.open("rb") as file:
            if file.read(len(head)) != head:
                return None
            check, body = file.read(SIZE), file.read()
            return body if check == hashlib.sha256(body).digest() else None
    except OSError:
        return None


def remove(path: Path) -> None:
    """With what a crash has left of one that was being written."""
    for one in (path, _unfinished(path)):
        one.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")
