"""What producers of every make write, and kafka-python by itself does not read."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
from kafka import codec
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

_read_record = DefaultRecordBatch._read_msg


class Snappy:
    """Blocks of snappy by Arrow, which is here anyway, in the place of the package that kafka-python looks for."""

    @staticmethod
    def compress(block: bytes) -> bytes:
        return cast(bytes, pa.compress(block, codec="snappy", asbytes=True))

    @staticmethod
    def decompress(block: bytes) -> bytes:
        """Raises what Arrow does of a damaged block, a ``ValueError`` or an ``OSError``."""
        return cast(bytes, pa.decompress(block, decompressed_size=_size(block), codec="snappy", asbytes=True))


def _size(block: bytes) -> int:
    """Bytes that a block holds, by the number that it begins with: seven bits a byte, the lowest first."""
    size = 0
    for place, byte in enumerate(block[:5]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return size
    raise ValueError("a block of snappy that does not tell its size")


def teach() -> None:
    """Have kafka-python read it, in this process."""
    if codec.snappy is None:
        codec.snappy = Snappy
    DefaultRecordBatch._read_msg = _read_leniently


def _read_leniently(batch: Any) -> Any:
    """The next record of a batch. Names of headers should be UTF-8, and neither brokers nor all clients see to it: one that is not would
    keep its partition where it stands, for good."""
    try:
        return _read_record(batch)
    except UnicodeDecodeError:
        _blot_names(batch._buffer, batch._pos)
        return _read_record(batch)


def _blot_names(buffer: bytearray, at: int) -> None:
    """Make question marks of the names that are no UTF-8 among the headers of the record at this place: nothing of ours has such a name."""
    for _ in ("length", "attributes", "time", "offset"):
        _, at = decode_varint(buffer, at)
    for _ in ("key", "value"):
        size, at = decode_varint(buffer, at)
        at += max(size, 0)
    headers, at = decode_varint(buffer, at)
    for _ in range(headers):
        size, at = decode_varint(buffer, at)
        try:
            buffer[at : at + size].decode()
        except UnicodeDecodeError:
            buffer[at : at + size] = b"?" * size
        size, at = decode_varint(buffer, at + size)
        at += max(size, 0)
