"""How a file's bytes fall into records: frames by the source's framing, then the adapter's own split."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import BinaryIO

import msgspec

from transforms.event import Reject
from transforms.frames.apart import taken_apart
from transforms.frames.chunks import FRAME_LIMIT, SHOWN, BadFrame, chunks, split_lines
from transforms.frames.containers import HEAD, container
from transforms.frames.envelopes import DEPTH, Payload, opened
from transforms.frames.ics_records import ics_frames
from transforms.frames.json_records import is_value, json_frames
from transforms.frames.mail_records import mail_frames
from transforms.sources import Context, Framing, SourceSpec, parse_record

__all__ = ["FRAME_LIMIT", "BadFrame", "ends_by_itself", "frames", "records", "records_in"]

_ENCODED = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def frames(stream: BinaryIO, name: str, framing: Framing) -> Iterator[bytes | BadFrame]:
    """Records of an open binary stream, in the order of the file; ``FRAME_LIMIT`` bounds the memory, not the file.

    An empty file has none. What cannot be framed is a ``BadFrame`` that names the file; what follows it goes on. A container of
    payloads (see ``transforms.frames.containers``) is one of them, whole.
    """
    pieces = chunks(stream)
    head = _head(pieces)
    if told := container(head):
        yield BadFrame(head[:SHOWN], "unsupported_format", f"{name}: {told}")
        return
    for frame in _FRAMINGS[framing](chain([head], pieces) if head else pieces):
        if isinstance(frame, BadFrame):
            yield BadFrame(frame.data, frame.reason_code, f"{name}: {frame.detail}")
        else:
            yield frame


def _head(pieces: Iterator[bytes]) -> bytes:
    """The first piece, or as many as it takes to know a container; empty where there are none."""
    head = b""
    while len(head) < HEAD and (piece := next(pieces, b"")):
        head += piece
    return head


def records(spec: SourceSpec, stream: BinaryIO, context: Context, depth: int = DEPTH) -> Iterator[bytes | BadFrame]:
    """The smallest items that can fail alone: frames, without the envelope around them, and what the adapter's ``explode`` makes of each.

    A frame that ``explode`` cannot read stays whole, for ``parse`` to reject it with a reason. ``depth`` is that of envelopes in one another.
    """
    for frame in frames(stream, context.name, spec.framing):
        if isinstance(frame, BadFrame):
            yield frame
        else:
            yield from _of_frame(spec, frame, context, depth)


def records_in(spec: SourceSpec, data: bytes, context: Context, depth: int = DEPTH) -> Iterator[bytes | BadFrame]:
    """``records`` of bytes in memory (a message's value): the same items, sooner where the value is one JSON object or one line."""
    if data[:1] != b"{" and (told := container(data[:HEAD])):
        yield BadFrame(data, "unsupported_format", f"{context.name}: {told}")
        return
    frame = _only_frame(spec.framing, data)
    if frame is None:
        yield from records(spec, io.BytesIO(data), context, depth)
    else:
        yield from _of_frame(spec, frame, context, depth)


def ends_by_itself(spec: SourceSpec, record: bytes | BadFrame) -> bool:
    """Whether a record shows that nothing of it is missing, as a bracket or an END does: a line or a message goes on until another begins."""
    if isinstance(record, BadFrame):
        return False
    return spec.framing == "ics" or (record[:1] in b'{["' and is_value(record))


def _only_frame(framing: Framing, data: bytes) -> bytes | None:
    """The one frame that these bytes are, if that can be seen at once."""
    if framing not in ("json", "lines") or data.startswith(_ENCODED):
        return None
    trimmed = data.strip()
    if b"\n" in trimmed or not trimmed:
        return None
    if trimmed[:1] == b"{":
        return trimmed if is_value(trimmed) else None
    if framing == "lines" and trimmed[:1] != b"[" and b"\n" not in data:
        return data.removesuffix(b"\r")
    return None


def _of_frame(spec: SourceSpec, frame: bytes, context: Context, depth: int) -> Iterable[bytes | BadFrame]:
    found = opened(frame) if depth else None
    return _parts(spec, frame, context) if found is None else _of_envelope(spec, frame, found, context, depth)


def _of_envelope(
    spec: SourceSpec, envelope: bytes, found: list[Payload], context: Context, depth: int
) -> Iterator[bytes | BadFrame]:
    """Records of what an envelope held; an empty one is one with nothing in it."""
    is_empty = True
    for payload in found:
        if isinstance(payload, BadFrame):
            is_empty = False
            yield BadFrame(payload.data, payload.reason_code, f"{context.name}: {payload.detail}")
        elif payload is not None:
            for record in records_in(spec, payload, context, depth - 1):
                is_empty = False
                yield record
    if is_empty:
        yield BadFrame(envelope, "empty_message", f"{context.name}: nothing is in it")


def _parts(spec: SourceSpec, frame: bytes, context: Context) -> list[bytes]:
    """What the adapter's own split makes of a frame, and of each part that cannot be read those of its elements that can."""
    parts = [frame]
    if spec.explode is not None:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            parts = list(spec.explode(frame, context))
    if not spec.lists:
        return parts
    return [
        piece for part in parts for piece in taken_apart(part, spec.lists, partial(_is_readable, spec, context, part))
    ]


def _is_readable(spec: SourceSpec, context: Context, whole: bytes, record: bytes) -> bool:
    """Whether the adapter takes it, once it is told a time zone; what it makes of the whole will be asked for again."""
    try:
        parse_record(spec, record, context, keep=record is whole)
    except Reject as reject:
        return reject.reason_code == "naive_timestamp"
    return True


def line_frames(pieces: Iterator[bytes]) -> Iterator[bytes | BadFrame]:
    """One record a line, without its end; blank lines are none. A file that begins with ``{`` or ``[`` is JSON."""
    head: list[bytes] = []
    for piece in pieces:
        head.append(piece)
        if start := piece.lstrip()[:1]:
            together = chain(head, pieces)
            if start in b"{[":
                yield from json_frames(together)
            else:
                yield from _text_lines(together)
            return


def _text_lines(pieces: Iterator[bytes]) -> Iterator[bytes | BadFrame]:
    for line in split_lines(pieces):
        if isinstance(line, BadFrame):
            yield line
        elif line.strip():
            yield line.removesuffix(b"\r")


_FRAMINGS: dict[str, Callable[[Iterator[bytes]], Iterator[bytes | BadFrame]]] = {
    "json": json_frames,
    "lines": line_frames,
    "mail": mail_frames,
    "ics": ics_frames,
}
