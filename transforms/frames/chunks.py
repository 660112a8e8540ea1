"""Bytes of a stream in bounded pieces: chunks, then lines. What every framing stands on."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

CHUNK = 1 << 20
FRAME_LIMIT = 64 << 20
"""Largest line, element, message or component that is held in memory at once."""
SHOWN = 64 << 10
"""How much of an oversized piece is kept as evidence."""

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class BadFrame(msgspec.Struct, frozen=True):
    """A piece that cannot be framed. ``data`` are its bytes (the first ``SHOWN`` if it is too large)."""

    data: bytes
    reason_code: str
    detail: str


def too_large(start: bytes, what: str) -> BadFrame:
    detail = f"{what} is larger than {FRAME_LIMIT >> 20} MiB; its first bytes are kept"
    return BadFrame(start[:SHOWN], "too_large", detail)


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Non-empty pieces of the stream, without a UTF-8 byte order mark; UTF-16 with a mark comes out as UTF-8."""
    head = stream.read(CHUNK)
    encoding = _UTF16.get(head[:2])
    if encoding is not None:
        yield from _from_utf16(head[2:], stream, encoding)
        return
    head = head.removeprefix(codecs.BOM_UTF8)
    while head:
        yield head
        head = stream.read(CHUNK)


def _from_utf16(head: bytes, stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    # Damage becomes U+FFFD inside one record instead of ending the whole file.
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while head:
        if text := decoder.decode(head):
            yield text.encode("utf-8", "replace")
        head = stream.read(CHUNK)
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "replace")


def split_lines(pieces: Iterator[bytes]) -> Iterator[bytes | BadFrame]:
    """Lines without their ``\\n`` (a ``\\r`` stays); one above ``FRAME_LIMIT`` is a fault, and the next goes on."""
    parts: list[bytes] = []
    held = 0
    for piece in pieces:
        first, newline, rest = piece.partition(b"\n")
        if held <= FRAME_LIMIT:
            parts.append(first)
        held += len(first)
        if not newline:
            continue
        yield b"".join(parts) if held <= FRAME_LIMIT else too_large(b"".join(parts[:2]), "a line")
        lines = rest.split(b"\n")
        last = lines.pop()
        yield from lines
        parts, held = [last], len(last)
    if held:
        yield b"".join(parts) if held <= FRAME_LIMIT else too_large(b"".join(parts[:2]), "a line")
