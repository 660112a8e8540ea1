"""CSV bytes to records that each keep their own bytes, so that one broken record does not cost its neighbours."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator

import msgspec

from transforms.event import Reject

MAX_RECORD_LINES = 200
"""A quote not closed within so many lines is taken for a stray one, else it would swallow the rest of the file."""

_ESCAPED = re.compile("[\ud800-\udfff]")
"""What ``surrogateescape`` makes of bytes that are not UTF-8; proper UTF-8 never decodes to it."""


class CsvRecord(msgspec.Struct, frozen=True):
    raw: bytes
    """Its bytes without the line end."""
    fields: list[str] | Reject


def split_csv(data: bytes) -> tuple[list[str] | Reject, Iterator[CsvRecord]]:
    """(column names, trimmed and lowercased; the data records). Blank lines are no records, nor are a spreadsheet's rows of empty cells;
    nothing raises.

    ``data`` is RFC 4180 with commas, in UTF-8, with or without a byte order mark.
    """
    records = _records(data.removeprefix(codecs.BOM_UTF8))
    first = next(records, None)
    if first is None:
        return [], iter(())
    if isinstance(first.fields, Reject):
        broken = first.fields
        return Reject(broken.reason_code, None, f"the header cannot be read: {broken.detail}"), records
    return [column.strip().lower() for column in first.fields], records


def _records(data: bytes) -> Iterator[CsvRecord]:
    lines = data.splitlines(keepends=True)  # bytes split at CR, LF and CRLF only, unlike text
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        fields, used = _record(lines, at)
        if isinstance(fields, Reject) or any(map(str.strip, fields)):
            yield CsvRecord(b"".join(lines[at : at + used]).rstrip(b"\r\n"), fields)
        at += used


def _record(lines: list[bytes], at: int) -> tuple[list[str] | Reject, int]:
    """The record that starts at a line, and how many lines it takes; a malformed one takes its first line only."""
    ahead = (lines[n].decode("utf-8", "surrogateescape") for n in range(at, min(at + MAX_RECORD_LINES, len(lines))))
    reader = csv.reader(ahead, strict=True)
    try:
        fields = next(reader)
    except csv.Error as error:
        return Reject("malformed_csv", None, f"the line is no CSV record: {error}"), 1
    for field in fields:
        if not field.isascii() and _ESCAPED.search(field):
            shown = field[:40].encode("utf-8", "surrogateescape")
            return Reject("invalid_encoding", None, f"the cell {shown!r} is not UTF-8"), reader.line_num
    return fields, reader.line_num
