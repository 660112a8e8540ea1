"""One message, or an mbox of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from transforms.frames.chunks import FRAME_LIMIT, BadFrame, split_lines, too_large

_DATED = re.compile(rb"From .*\b[A-Z][a-z]{2},? +(?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} +[A-Z][a-z]{2}).* \d\d?:\d\d")
_NETSCAPE = re.compile(rb"From -\s*$")
_ADDRESSED = re.compile(rb"From (?:\S+\s*$|.*@| *\S+ at \S)")
_FIELD = re.compile(rb"[!-9;-~]+:|>From ")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_LENGTH = re.compile(rb"(?i)^content-length:\s*(\d{1,12})\s*$")
_WRONG_LENGTHS = 8
"""After so many wrong Content-Length headers a file's are not believed any more: a check costs up to the length."""

Lines = Iterator[bytes | BadFrame]


def mail_frames(pieces: Iterator[bytes]) -> Iterator[bytes | BadFrame]:
    """Messages, each with its ``From `` line first if the file is an mbox; otherwise the whole file is one message.

    An mbox is split at ``From `` lines that look like separators: prose that begins with "From" is no new message. A
    Content-Length is honoured where the file shows it to be right, and ``>From `` is un-escaped.
    """
    lines = _without_leading_blanks(split_lines(pieces))
    first = next(lines, None)
    if first is None:
        return
    lines = chain([first], lines)
    if isinstance(first, bytes) and first.startswith(b"From "):
        yield from _Mbox(lines).messages()
    else:
        yield _whole(lines)


def _without_leading_blanks(lines: Lines) -> Lines:
    for line in lines:
        if isinstance(line, BadFrame) or line.strip():
            yield line
            break
    yield from lines


def _whole(lines: Lines) -> bytes | BadFrame:
    kept: list[bytes] = []
    size = 0
    for line in lines:
        if isinstance(line, BadFrame):
            return too_large(b"\n".join([*kept, line.data]), "a message")
        kept.append(line)
        size += len(line) + 1
        if size > FRAME_LIMIT:
            return too_large(b"\n".join(kept), "a message")
    return b"\n".join(kept) + b"\n"


def is_separator(line: bytes, after_blank: bool, following: bytes | None) -> bool:
    """Whether a ``From `` line begins a message, given the lines around it.

    Not every writer leaves an empty line before it; then only its strictest form counts, with a header right after it.
    """
    if following is None or not _FIELD.match(following):
        return after_blank and bool(_DATED.match(line))
    return bool(_DATED.match(line) or _NETSCAPE.match(line) or (after_blank and _ADDRESSED.match(line)))


class _Mbox:
    """Lines with a look ahead, and a way back for lengths that prove wrong."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._back: list[bytes | BadFrame] = []
        """Lines to be read again, last one first."""
        self._wrong_lengths = 0

    def messages(self) -> Iterator[bytes | BadFrame]:
        while (start := self._next()) is not None:
            yield start if isinstance(start, BadFrame) else self._message(start)

    def _next(self) -> bytes | BadFrame | None:
        return self._back.pop() if self._back else next(self._lines, None)

    def _message(self, start: bytes) -> bytes | BadFrame:
        """The message whose first line is ``start``, up to the next separator or the end."""
        kept, last, size, body_at, length = [start], start, len(start), 0, None
        back, lines = self._back, self._lines
        while (line := back.pop() if back else next(lines, None)) is not None:
            if isinstance(line, BadFrame):
                size = FRAME_LIMIT + 1
                continue
            if line[:5] == b"From " and self._begins(line, not last.strip()):
                break
            last = line
            size += len(line) + 1
            if size > FRAME_LIMIT:
                continue
            kept.append(line)
            if body_at:
                continue
            if not line.strip():
                body_at = len(kept)
                if length is not None and self._take_body(kept, length):
                    break
            elif line[:1] in b"Cc" and (match := _LENGTH.match(line)):
                length = int(match[1])
        if size > FRAME_LIMIT:
            return too_large(b"\n".join(kept), "a message")
        return _joined(kept, body_at)

    def _begins(self, line: bytes, after_blank: bool) -> bool:
        """Whether ``line`` separates; if so it is put back to be the next message's first."""
        following = self._next()
        if following is not None:
            self._back.append(following)
        if not is_separator(line, after_blank, following if isinstance(following, bytes) else None):
            return False
        self._back.append(line)
        return True

    def _take_body(self, kept: list[bytes], length: int) -> bool:
        """Adds the body's ``length`` bytes to ``kept`` if a separator or the end follows; else leaves all as it was."""
        if length > FRAME_LIMIT or self._wrong_lengths >= _WRONG_LENGTHS:
            return False
        body: list[bytes] = []
        size = 0
        while size < length and (line := self._next()) is not None:
            if isinstance(line, BadFrame):
                self._back.append(line)
                break
            body.append(line)
            size += len(line) + 1
        if 0 <= size - length <= 2 and self._at_boundary():  # the last line's end may not be counted
            kept.extend(body)
            return True
        self._back.extend(reversed(body))
        self._wrong_lengths += 1
        return False

    def _at_boundary(self) -> bool:
        """Whether a separator or nothing is left, empty lines aside; these are passed over only if it is so."""
        blanks: list[bytes | BadFrame] = []
        while (line := self._next()) is not None and isinstance(line, bytes) and not line.strip():
            blanks.append(line)
        if line is None or (isinstance(line, bytes) and line[:5] == b"From " and self._begins(line, True)):
            return True
        self._back.append(line)
        self._back.extend(reversed(blanks))
        return False


def _joined(lines: list[bytes], body_at: int) -> bytes:
    """The message's bytes, without the empty line that belongs to the next separator and with ``>From `` un-escaped."""
    if len(lines) > 1 and not lines[-1].strip() and len(lines) > body_at:
        lines.pop()
    if not body_at:
        return b"\n".join(lines) + b"\n"
    body = b"\n".join(lines[body_at:])
    if b">From " in body:
        body = _ESCAPED.sub(rb"\1", body)
    return b"\n".join([*lines[:body_at], body]) + b"\n"
