"""Keys of events (``transforms.folding.linking``) as 64 bits: groups are joined on integers."""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import blake2b

from transforms.folding.linking import OF_ONE_DAY
from warehouse.groups import WHEN_BITS

_unpack = struct.Struct(">Q").unpack
_DAYS = 2**16
"""Days that are told apart: meetings 179 years from each other may share a key, which does no harm."""
_KIND = {prefix: number * _DAYS for number, prefix in enumerate(OF_ONE_DAY)}
assert len(_KIND) * _DAYS <= 2**WHEN_BITS


@lru_cache(maxsize=65_536)
def key_hash(key: str) -> int:
    """Remembered, for the events of one user or thread come by the dozen. Of a key of one day the lower bits say when, and the others who."""
    kind = _KIND.get(key[:2])
    if kind is None:
        return _hash(key)
    who, _, day = key[2:].rpartition("@")
    return _known_who(who) | kind | int(day) % _DAYS


def who_hash(who: str) -> int:
    """Somebody on any day: the upper bits. That two people in 2^46 share them only makes a group larger."""
    return _hash(f"q:{who}") >> WHEN_BITS << WHEN_BITS


_known_who = lru_cache(maxsize=65_536)(who_hash)


def _hash(text: str) -> int:
    value: int = _unpack(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())[0]
    return value
