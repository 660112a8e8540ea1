"""Each component of an iCalendar stream as a calendar of its own (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transforms.frames.chunks import FRAME_LIMIT, BadFrame, split_lines, too_large

_NEVER_NESTED = frozenset({b"VCALENDAR", b"VEVENT", b"VTODO", b"VJOURNAL", b"VFREEBUSY", b"VTIMEZONE"})
"""One of these inside another means that the outer one lost its end."""
_MARKS = frozenset([b"BE", b"Be", b"bE", b"be", b"EN", b"En", b"eN", b"en"])
_ZONE = re.compile(rb'(?i);TZID=(?:"([^"\r\n]*)"|((?:tzone:)?[^;:",\r\n]*))')
_ZONE_NAME = re.compile(rb"(?im)^TZID(?:;[^:\r\n]*)?:([^\r\n]*)")


def ics_frames(pieces: Iterator[bytes]) -> Iterator[bytes | BadFrame]:
    """VEVENT, VTODO, VJOURNAL … each wrapped in its calendar's properties with the time zones that it refers to.

    A calendar without components is one record. A component without an end is a fault, and so is a file that holds no
    component and no calendar at all, if it holds anything.
    """
    splitter = _Splitter()
    for line in split_lines(pieces):
        if isinstance(line, BadFrame):
            yield from splitter.give_up(line)
            continue
        kind = line[:2]
        if kind in _MARKS and (marks := _mark(line)):
            yield from splitter.mark(line, *marks)
        else:
            splitter.plain(line)
    yield from splitter.finish()


def _mark(line: bytes) -> tuple[bool, bytes] | None:
    """``BEGIN:VEVENT`` to (True, VEVENT), ``end:vevent`` to (False, VEVENT), any other line to None."""
    word, colon, name = line.partition(b":")
    word = word.upper()
    if not colon or word not in (b"BEGIN", b"END"):
        return None
    return word == b"BEGIN", name.strip().upper()


class _Splitter:
    """What is known of the stream so far."""

    def __init__(self) -> None:
        self._seen = False
        """Whether any record came out, so that a file of something else does not vanish."""
        self._stray = b""
        self._open: list[bytes] = []
        """Names of the open components, without VCALENDAR."""
        self._lines: list[bytes] = []
        self._size = 0
        self._in_calendar = False
        self._begin_calendar()

    def _begin_calendar(self) -> None:
        self._properties: list[bytes] = []
        self._zones: dict[bytes, bytes] = {}
        self._waiting: list[tuple[bytes, frozenset[bytes]]] = []
        """Components that name a zone which has not come yet."""
        self._waiting_size = 0
        self._components = 0

    def plain(self, line: bytes) -> None:
        if self._open:
            self._size += len(line) + 1
            if self._size <= FRAME_LIMIT:
                self._lines.append(line)
        elif self._in_calendar:
            if line.strip():
                self._properties.append(line)
        elif not self._stray:
            self._stray = line.strip()

    def mark(self, line: bytes, begins: bool, name: bytes) -> Iterator[bytes | BadFrame]:
        if begins:
            yield from self._begin(line, name)
        else:
            yield from self._end(line, name)

    def _begin(self, line: bytes, name: bytes) -> Iterator[bytes | BadFrame]:
        if self._open and (name == b"VCALENDAR" or {name, self._open[0]} <= _NEVER_NESTED):
            yield self._cut_off()
        if name == b"VCALENDAR":
            yield from self._close_calendar()
            self._in_calendar = True
            return
        if not self._open:
            self._lines, self._size = [], 0
        self._open.append(name)
        self._lines.append(line)

    def _end(self, line: bytes, name: bytes) -> Iterator[bytes | BadFrame]:
        if name == b"VCALENDAR" and name not in self._open:
            if self._open:
                yield self._cut_off()
            yield from self._close_calendar()
            return
        if name not in self._open:
            return  # the end of nothing
        while (inner := self._open.pop()) != name:
            self._lines.append(b"END:" + inner)
        self._lines.append(line)
        if not self._open:
            yield from self._component(name)

    def _component(self, name: bytes) -> Iterator[bytes | BadFrame]:
        if self._size > FRAME_LIMIT:
            self._note()
            yield too_large(b"\n".join(self._lines), "a component")
            return
        body = _block(self._lines)
        if name == b"VTIMEZONE":
            if match := _ZONE_NAME.search(_unfolded(body)):
                self._zones.setdefault(match[1].strip().replace(b"\\", b""), body)
            return
        self._note()
        needed = _zones_in(body) if b"TZID" in body.upper() else frozenset()
        if needed <= self._zones.keys():
            yield self._wrapped(body, needed)
        else:
            self._waiting.append((body, needed))
            self._waiting_size += len(body)
            if self._waiting_size > FRAME_LIMIT:
                yield from self._release()

    def _note(self) -> None:
        self._seen = True
        self._components += 1

    def _wrapped(self, body: bytes, needed: frozenset[bytes]) -> bytes:
        zones = [block for name, block in self._zones.items() if name in needed]
        return b"".join([b"BEGIN:VCALENDAR\r\n", _block(self._properties), *zones, body, b"END:VCALENDAR\r\n"])

    def _cut_off(self) -> BadFrame:
        name, body = self._open[0], b"\n".join(self._lines)
        self._open = []
        self._note()
        if self._size > FRAME_LIMIT:
            return too_large(body, "a component")
        return BadFrame(body, "truncated", f"{name[:40].decode('ascii', 'replace')} has no END")

    def _close_calendar(self, *, cut_off: bool = False) -> Iterator[bytes | BadFrame]:
        yield from self._release()
        if self._in_calendar and not self._components:
            self._seen = True
            if cut_off:
                yield BadFrame(b"BEGIN:VCALENDAR\r\n" + _block(self._properties), "truncated", "VCALENDAR has no END")
            else:
                yield self._wrapped(b"", frozenset(self._zones))
        self._in_calendar = False
        self._begin_calendar()

    def _release(self) -> Iterator[bytes]:
        """A zone that has not come by now may still be a name that everybody knows."""
        for body, needed in self._waiting:
            yield self._wrapped(body, needed)
        self._waiting, self._waiting_size = [], 0

    def give_up(self, line: BadFrame) -> Iterator[BadFrame]:
        """A line that is too long takes its component with it."""
        if self._open:
            self._size = FRAME_LIMIT + 1
        else:
            self._note()
            yield line

    def finish(self) -> Iterator[bytes | BadFrame]:
        if self._open:
            yield from self._release()  # what stands before it, so that the last one is what the file ends in
            yield self._cut_off()
        yield from self._close_calendar(cut_off=True)
        if not self._seen and self._stray:
            shown = self._stray[:80].decode("utf-8", "replace")
            detail = f"no BEGIN:VCALENDAR and no component; the file begins with {shown!r}"
            yield BadFrame(self._stray, "malformed_ics", detail)


def _zones_in(body: bytes) -> frozenset[bytes]:
    """The zones that a component's properties name: a parameter in quotes may hold colons and commas."""
    return frozenset(quoted or bare for quoted, bare in _ZONE.findall(_unfolded(body)))


def _unfolded(block: bytes) -> bytes:
    return block.replace(b"\r\n ", b"").replace(b"\r\n\t", b"")


def _block(lines: list[bytes]) -> bytes:
    """The lines with CRLF ends, as RFC 5545 has them, whatever they had."""
    if not lines:
        return b""
    joined = b"\n".join(lines) + b"\n"
    if b"\r" in joined:
        joined = joined.replace(b"\r\n", b"\n")
    return joined.replace(b"\n", b"\r\n")
