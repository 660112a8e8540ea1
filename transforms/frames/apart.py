"""Lists inside one JSON record whose elements can fail alone (semantics 1.6): the good ones stay together, each bad one stands by itself.

A record that its adapter reads is left as it is. Of one that it does not, the same record is made again with fewer elements in
such a list; what stands around the list is in each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

Path = tuple[str, ...]


class Inner(NamedTuple):
    """A list inside a record."""

    path: Path
    """Keys from the outermost object to the list."""
    is_all: bool = True
    """The record tells of nothing besides; else it is one without any element too."""


MOST = 1_000
"""Elements above which a record stays whole: it is read once for each."""

_Object = dict[str, msgspec.Raw]
_object = msgspec.json.Decoder(_Object)
_list = msgspec.json.Decoder(list[msgspec.Raw])


def taken_apart(record: bytes, lists: Sequence[Inner], is_readable: Callable[[bytes], bool]) -> list[bytes]:
    """The record, or one with its readable elements and one for each of the others.

    A record with such a list is read once to find out, and again by whoever wants its events.
    It stays whole if no list is there, if all of its elements are readable, or if the rest of it is what cannot be read.
    """
    present = [one for one in lists if f'"{one.path[-1]}"'.encode() in record]
    if not present or is_readable(record):
        return [record]
    for path, is_all in present:
        try:
            objects, elements = _opened(record, path)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError):
            continue  # no such list
        if not is_readable(_closed(objects, path, [])) or not 1 <= len(elements) <= MOST:
            continue
        alone = [_closed(objects, path, [one]) for one in elements]
        is_bad = [not is_readable(one) for one in alone]
        good = [one for one, bad in zip(elements, is_bad, strict=True) if not bad]
        bad_ones = [one for one, bad in zip(alone, is_bad, strict=True) if bad]
        if bad_ones and (good or not is_all):
            return [_closed(objects, path, good), *bad_ones]
        if len(bad_ones) > 1:
            return bad_ones
    return [record]


def _opened(record: bytes, path: Path) -> tuple[list[_Object], list[msgspec.Raw]]:
    """The objects on the way to the list, and its elements as they stand."""
    objects: list[_Object] = []
    raw: bytes | msgspec.Raw = record
    for key in path:
        objects.append(_object.decode(raw))
        raw = objects[-1][key]
    return objects, _list.decode(raw)


def _closed(objects: Sequence[_Object], path: Path, elements: Sequence[msgspec.Raw]) -> bytes:
    inner = msgspec.json.encode(elements)
    for there, key in zip(reversed(objects), reversed(path), strict=True):
        inner = msgspec.json.encode(there | {key: msgspec.Raw(inner)})
    return inner
