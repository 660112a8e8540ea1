"""What is not a payload but a container of payloads, by its first bytes: an archive, another compression, a binary table.

Read as lines it would be thousands of records that are no JSON; known for what it is, it is one fault that says what to do.
"""

from __future__ import annotations

HEAD = 512
"""Bytes that it takes to know one: a tar archive says what it is behind the first member's name, mode and times."""

_ARCHIVE = "{}: unpack it, and deliver the files in it"
_COMPRESSED = "compressed with {}, and of compressed files only gzip is read: decompress it"
_BINARY = "{}: deliver the native payloads as the system sends them, as text"
_OFFICE = "an Outlook message (.msg) or another Office document: save mail as .eml"

_MAGIC: dict[bytes, str] = {
    b"PK\x03\x04": _ARCHIVE.format("a ZIP archive"),
    b"PK\x05\x06": _ARCHIVE.format("an empty ZIP archive"),
    b"7z\xbc\xaf\x27\x1c": _ARCHIVE.format("a 7z archive"),
    b"Rar!\x1a\x07": _ARCHIVE.format("a RAR archive"),
    b"!BDN": "an Outlook data file (.pst): export its mail as .eml or mbox",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _OFFICE,
    b"\x28\xb5\x2f\xfd": _COMPRESSED.format("zstd"),
    b"\xfd7zXZ\x00": _COMPRESSED.format("xz"),
    b"\x04\x22\x4d\x18": _COMPRESSED.format("lz4"),
    b"\xff\x06\x00\x00sNaPpY": _COMPRESSED.format("snappy"),
    b"PAR1\x15": _BINARY.format("a Parquet file"),
    b"Obj\x01": _BINARY.format("an Avro file"),
    b"SQLite format 3\x00": _BINARY.format("a SQLite database"),
    b"%PDF-1.": _BINARY.format("a PDF document"),
    b"%PDF-2.": _BINARY.format("a PDF document"),
}
"""No line of text that any source sends begins so. From the formats' own specifications."""
_STARTS = tuple(_MAGIC)
_BZIP2, _BZIP2_BLOCK = b"BZh", b"1AY&SY"
_USTAR = slice(257, 262)


def container(head: bytes) -> str | None:
    """What a file or message with these first ``HEAD`` bytes is and what to do with it, if it is no text but a known container."""
    if head.startswith(_STARTS):  # asked of every line that is a message
        return next(told for magic, told in _MAGIC.items() if head.startswith(magic))
    if head.startswith(_BZIP2) and head[4:10] == _BZIP2_BLOCK:
        return _COMPRESSED.format("bzip2")
    if head[_USTAR] == b"ustar":
        return _ARCHIVE.format("a tar archive")
    return None
