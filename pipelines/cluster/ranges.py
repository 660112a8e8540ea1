"""Which landed ranges of a partition come next: a pure choice, whatever was read twice and in whatever order it landed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Range(NamedTuple):
    """Offsets ``start`` up to, but not including, ``end`` of one partition, and the file that holds them.

    ``is_gap``: the source no longer had them (retention), or was told to leave them out; the file holds no records.
    """

    start: int
    end: int
    is_gap: bool
    name: str


class Piece(NamedTuple):
    """The part of a range that the ledger does not have yet."""

    start: int
    end: int
    source: Range


def choose(end: int, ranges: Iterable[Range]) -> list[Piece]:
    """Pieces that follow one another from ``end``, the first offset that the ledger does not have.

    A range that begins beyond what has landed waits for its predecessor. Offsets that one job found missing are taken as
    missing only as far as no other range has them.
    """
    ordered = sorted(ranges)
    pieces: list[Piece] = []
    data: Range | None = None
    gap: Range | None = None
    following = 0
    while True:
        while following < len(ordered) and ordered[following].start <= end:
            one = ordered[following]
            if one.is_gap:
                gap = _farther(gap, one)
            else:
                data = _farther(data, one)
            following += 1
        if data is not None and data.end > end:
            pieces.append(Piece(end, data.end, data))
        elif gap is not None and gap.end > end:
            known = next((one.start for one in ordered[following:] if not one.is_gap), gap.end)
            pieces.append(Piece(end, min(known, gap.end), gap))
        else:
            return pieces
        end = pieces[-1].end


def _farther(one: Range | None, other: Range) -> Range:
    return other if one is None or other.end > one.end else one


def spent(end: int, ranges: Iterable[Range]) -> list[Range]:
    """Ranges that have nothing left to give once the ledger reaches ``end``."""
    return [one for one in ranges if one.end <= end]


def reread(done: Iterable[Range], pieces: Iterable[Piece]) -> int:
    """How many offsets of the spent ranges ``done`` had landed from another range, so that they were trimmed."""
    used = sum(piece.end - piece.start for piece in pieces if not piece.source.is_gap)
    return sum(one.end - one.start for one in done if not one.is_gap) - used
