"""Where one JSON record ends and the next begins: an object, an array, one object a line, several one after another.

Whatever is a whole value is passed on as its original bytes, and a line that is no JSON is passed on too: the adapter
rejects it and names the error. Only what has no end of its own (cut off, or too large) is a ``BadFrame``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from transforms.frames.chunks import CHUNK, FRAME_LIMIT, BadFrame, too_large

_raw = msgspec.json.Decoder(msgspec.Raw)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])

_BLANK = re.compile(rb"\s*")
_BETWEEN = re.compile(rb"[\s,]*")
_TOKEN = re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|[{}\[\],:]|[^\s"{}\[\],:]+|"')
_SPREAD_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s"{}\[\],:]+|"', re.DOTALL)
"""The same where strings may run over lines, which JSON forbids and people write."""
_SPREAD = re.compile(rb"\{[ \t\r]*\n")
_NEXT_VALUE = re.compile(rb"\n(?=[^\s\"}\],:])")
"""Before a line that cannot continue an indented value: it starts a value of its own."""
_NEXT_ELEMENT = re.compile(rb"(?<=[}\]])\s*,\s*(?=[{\[])|\n\s*(?=[{\[])")
_FIRST_KEY = re.compile(rb'\{\s*("[^"\\\n]{1,80}")\s*:')
_END_OF_SCALAR = re.compile(rb"[,\]\n]")
_FAULT = re.compile(r"(trailing characters)? \(byte (\d+)\)$")
"""How msgspec says where a value ended, or what broke it: it reads at the speed of C and builds nothing."""
_PATIENCE = 1000
"""Tokens of a damaged element that are read in search of its own end: a file full of damage must stay linear."""

_OBJECT, _ARRAY, _ARRAY_END = b"{[]"
_NO_MORE = -1
_NO_VALUE = -1


class _Window:
    """The unread part of a stream: ``data`` from ``pos`` on. Grows on demand and forgets what was read."""

    __slots__ = ("_pieces", "data", "ended", "pos", "tried_whole")

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.data = b""
        self.pos = 0
        self.ended = False
        self.tried_whole = False

    def grow(self) -> bool:
        """At least as much again (so that growing stays linear); False at the end of the stream or of the limit."""
        if self.ended or self.held() > FRAME_LIMIT:
            return False
        rest = self.data[self.pos :]
        parts, size, want = [rest], 0, max(CHUNK, len(rest))
        while size < want:
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
                break
            parts.append(piece)
            size += len(piece)
        self.data, self.pos = b"".join(parts), 0
        return size > 0

    def held(self) -> int:
        return len(self.data) - self.pos

    def skip(self, pattern: re.Pattern[bytes]) -> int:
        """Passes over what ``pattern`` matches; gives the next byte, or ``_NO_MORE`` at the end of the stream."""
        while True:
            match = pattern.match(self.data, self.pos)
            self.pos = match.end() if match else self.pos
            if self.pos < len(self.data):
                return self.data[self.pos]
            if not self.grow():
                return _NO_MORE

    def rest(self) -> bytes | None:
        """All that is left, if it fits and was not asked for before (trying again and again would be quadratic)."""
        if self.tried_whole:
            return None
        self.tried_whole = True
        while self.grow():
            pass
        return self.data[self.pos :] if self.ended else None


def json_frames(pieces: Iterator[bytes]) -> Iterator[bytes | BadFrame]:
    """Records of a JSON file, one value each; an array's elements are records of their own."""
    window = _Window(pieces)
    while (first := window.skip(_BLANK)) != _NO_MORE:
        line = _next_line(window)
        if first == _ARRAY:
            yield from _array(window, line)
        elif line is not None and is_value(line):
            _pass_line(window)
            yield line
            yield from _good_lines(window)
        else:
            yield from _spread_values(window)


def is_value(data: bytes) -> bool:
    """Whether the bytes are one JSON value and nothing else."""
    try:
        _raw.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _elements(data: bytes | None) -> list[msgspec.Raw] | None:
    """The elements, if the bytes are one JSON array and nothing else."""
    if data is None:
        return None
    try:
        return _raw_list.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


def _next_line(window: _Window) -> bytes | None:
    """The line that begins here, trimmed and not consumed; None if it is so long that it must be read as a value."""
    while (end := window.data.find(b"\n", window.pos)) == -1:
        if window.held() > CHUNK:
            return None
        if not window.grow():
            end = len(window.data)
            break
    return window.data[window.pos : end].strip()


def _pass_line(window: _Window) -> None:
    end = window.data.find(b"\n", window.pos)
    window.pos = len(window.data) if end == -1 else end + 1


def _good_lines(window: _Window) -> Iterator[bytes]:
    """The fast path: whole lines that are one object each, as far as they reach in what is held."""
    data, pos = window.data, window.pos
    while (end := data.find(b"\n", pos)) != -1:
        line = data[pos:end].strip()
        if line:
            if line[0] != _OBJECT or not is_value(line):
                return
            yield line
        window.pos = pos = end + 1


def _value_end(window: _Window) -> int | None:
    """Where the value at the window's position ends; None if no JSON value begins there. Reads on as it must."""
    while True:
        end = value_end(window.data, window.pos)
        whole = end is not None and (end < len(window.data) or window.data[window.pos] in b'{["')
        if whole or end == _NO_VALUE or not window.grow():
            return None if end == _NO_VALUE else end


def value_end(data: bytes, start: int) -> int | None:
    """The offset behind the value that begins at ``start``; ``_NO_VALUE`` if it is malformed, None if it is cut off."""
    try:
        _raw.decode(memoryview(data)[start:])
    except msgspec.DecodeError as error:
        fault = _FAULT.search(str(error))
        if fault is None:
            return None  # "Input data was truncated"
        at = start + int(fault[2])  # counts from 1
        if fault[1]:
            return at - 1
        return None if at >= len(data) else _NO_VALUE  # a number may be cut off behind its point
    except RecursionError:
        return _NO_VALUE
    return len(data)


def _spread_values(window: _Window) -> Iterator[bytes | BadFrame]:
    """A value over several lines, or several on one line; else whatever stands there, up to the next value."""
    whole = window.rest()
    if whole is not None and is_value(whole):
        window.pos = len(window.data)
        yield whole.strip()
        return
    found = False
    while window.pos < len(window.data) and window.data[window.pos] == _OBJECT:
        end = _value_end(window)
        if end is None:
            break
        found = True
        yield window.data[window.pos : end].rstrip()
        window.pos = end
    if not found:
        yield _until_next_value(window)


def _until_next_value(window: _Window) -> bytes | BadFrame:
    """What stands here is no value: it ends by its own bracket, or where a line can only begin another one."""
    if _SPREAD.match(window.data, window.pos):
        end, has_end = own_end(window.data, window.pos, _SPREAD_TOKEN)
        if end is not None:
            piece = window.data[window.pos : end].strip()
            window.pos = end
            return _judge(piece, has_end=has_end)
    match = _NEXT_VALUE.search(window.data, window.pos)
    while match is None and window.grow():
        match = _NEXT_VALUE.search(window.data, window.pos)
    end = match.end() if match else len(window.data)
    piece = window.data[window.pos : end].strip()
    window.pos = end
    if match is None and not window.ended:
        _drop_until_next_value(window)
    return _judge(piece, has_end=b"\n" not in piece)


def _drop_until_next_value(window: _Window) -> None:
    """Past the rest of a value that was given up as too large."""
    while True:
        window.pos = max(len(window.data) - 1, 0)  # a line's end may be the last byte
        if not window.grow():
            window.pos = len(window.data)
            return
        if match := _NEXT_VALUE.search(window.data, window.pos):
            window.pos = match.end()
            return


def _judge(piece: bytes, *, has_end: bool) -> bytes | BadFrame:
    """A piece that is no JSON: with an end of its own it goes to the adapter, which rejects it; else it is a fault."""
    if len(piece) > FRAME_LIMIT:
        return too_large(piece, "a JSON value")
    if has_end:
        return piece
    detail = f"a JSON value has no end within {len(piece)} bytes: cut off, or a quote or bracket is missing"
    return BadFrame(piece, "truncated", detail)


def _array(window: _Window, line: bytes | None) -> Iterator[bytes | BadFrame]:
    """Elements of the array at the window's position, whether or not all of it is in memory and well formed."""
    if (elements := _elements(line)) is not None:
        _pass_line(window)
        yield from map(bytes, elements)
        return
    if (elements := _elements(window.rest())) is not None:
        window.pos = len(window.data)
        yield from map(bytes, elements)
        return
    window.pos += 1
    damaged = False
    while (first := window.skip(_BETWEEN)) != _NO_MORE:
        if first == _ARRAY_END:
            window.pos += 1
            if damaged and not _follows(window.data, window.pos, b"{["):
                continue  # a bracket of the damaged element
            return
        end = _value_end(window)
        if end is None or not _follows(window.data, end, b",]{["):
            damaged = True
            yield _bad_element(window, first)
        else:
            yield window.data[window.pos : end].rstrip()
            window.pos = end


def _follows(data: bytes, end: int, allowed: bytes) -> bool:
    """Whether nothing, or one of the ``allowed`` bytes, comes next, white space aside."""
    match = _BLANK.match(data, end)
    at = match.end() if match else end
    return at >= len(data) or data[at] in allowed


def _bad_element(window: _Window, first: int) -> bytes | BadFrame:
    """An element that is no JSON; the ones after it are not to suffer for it."""
    data, start = window.data, window.pos
    if first in b"{[":
        end, has_end = element_end(data, start)
    else:
        match = _END_OF_SCALAR.search(data, start + 1)
        end, has_end = match.start() if match else len(data), True
    window.pos = end
    return _judge(data[start:end].rstrip(b" \t\r\n,"), has_end=has_end)


def element_end(data: bytes, start: int) -> tuple[int, bool]:
    """Where a damaged element of an array ends, and whether it does so by a bracket of its own.

    Where its brackets or quotes do not match, the next element decides: one with the same first key, for an array's
    elements are mostly alike and their inner objects are not; else whatever looks like a next element.
    """
    end, has_end = own_end(data, start, _TOKEN)
    if end is not None:
        return end, has_end
    boundary = None
    if key := _FIRST_KEY.match(data, start):
        boundary = re.compile(rb"\s*,?\s*(?=\{\s*" + re.escape(key[1]) + rb"\s*:)").search(data, key.end())
    boundary = boundary or _NEXT_ELEMENT.search(data, start + 1)
    return (boundary.start() if boundary else len(data)), False


def own_end(data: bytes, start: int, tokens: re.Pattern[bytes]) -> tuple[int | None, bool]:
    """The end of the brackets that open at ``start``: (end, True); strings are passed over.

    (end, False) if an object's brace stands where only a key can, ``{"a": 1, {"b": 2}``: the first one lost its end.
    (None, False) if the brackets or quotes do not match, or not soon enough.
    """
    stack: list[bytes] = []
    last = b""
    for match in islice(tokens.finditer(data, start), _PATIENCE):
        token = match[0]
        if token in b"{[":
            if stack and stack[-1] == b"{" and last in b"{,":
                return match.start(), False
            stack.append(token)
        elif token in b"}]":
            if (stack[-1] == b"{") != (token == b"}"):
                break
            stack.pop()
            if not stack:
                return match.end(), True
        elif token not in b",:":
            if token == b'"' or (last == b"value" and tokens is _TOKEN):
                break  # a string without an end, or out of step since one
            token = b"value"
        last = token
    return None, False
