"""Gzip that gives what it can: a damaged file's whole part is read, and its fault is told at the end instead of before it."""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO

MAGIC = b"\x1f\x8b"
CHUNK = 1 << 16
GZIP = 31
"""zlib's ``wbits`` for a gzip member."""


class Gunzip(io.RawIOBase):
    """The decompressed bytes of a gzip file of one or more members. ``fault`` is set once the damaged place is reached.

    The standard library's reader raises there, and what its buffer already held is lost with it.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj(GZIP)
        self._fed = False
        self._ready = memoryview(b"")
        self._rest = b""
        self._done = False
        self.fault: str | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._done:
            self._fill()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _fill(self) -> None:
        given = self._rest or self._raw.read(CHUNK)
        self._rest = b""
        if not given:
            self._done = True
            if self._fed:
                self.fault = "it ends in the middle of a compressed block"
            return
        if self._inflate.eof:  # another member follows; zero padding is allowed behind the last
            given = given.lstrip(b"\0")
            self._inflate, self._fed = zlib.decompressobj(GZIP), False
            if not given:
                return
        try:
            data = self._inflate.decompress(given, 16 * CHUNK)
        except zlib.error as error:
            self._done, self.fault = True, str(error)
            return
        self._fed = not self._inflate.eof
        self._rest = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        self._ready = memoryview(data)
