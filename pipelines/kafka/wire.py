"""What producers of every make write, and kafka-python by itself does not read."""

from __future__ import annotations

from typing import cast

import pyarrow as pa
from kafka import codec


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
