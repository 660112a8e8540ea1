"""Series of calendar entries: what a newer version of a series no longer names, and a deleted series, is not planned any more.

An occurrence is an event of its own, and lands in the folding group of its day: to tie a weekly meeting's occurrences
together would tie whole years into one group. So what is known of a series as a whole comes from outside the group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from transforms.calendars.entries import EXCEPTION
from transforms.event import Event, decode_event
from transforms.folding.common import Fact, ends
from transforms.times import LATEST

OCCURRENCE = "^(.+)[/_]([0-9]{8}(T[0-9]{6}Z)?|[0-9]{10,})$"
"""``<series>/20260105T090000Z``, ``<series>_20260105``, ``<series>/<epoch milliseconds>``: how adapters name an occurrence.

A regular expression in the part of the syntax that Python and the warehouse share; the first group is the series."""
_pattern = re.compile(OCCURRENCE, re.DOTALL)


class Series(msgspec.Struct, frozen=True):
    """What is known of one series as a whole."""

    version: int
    """What its newest version says has this revision, below ``EXCEPTION``: that of its occurrences, or of the entry that is no series
    any more."""
    deletions: tuple[Event, ...] = ()


class SeriesBook:
    """Ends the occurrences of deleted and of rewritten series; one per worker."""

    def __init__(self, known: Mapping[tuple[str, str], Series]) -> None:
        self._known = known

    @staticmethod
    def of(rows: Iterable[tuple[str, str, int, tuple[bytes, ...]]]) -> SeriesBook:
        """Rows (source, series, version, deletions as the vault has them) to a book."""
        return SeriesBook(
            {(source, name): Series(version, tuple(map(decode_event, gone))) for source, name, version, gone in rows}
        )

    def end(self, plans: Sequence[Fact]) -> None:
        """Void the facts of family ``schedule`` that their series ends, in place.

        A deletion ends what was written before it, or at a time that nobody tells, and all if it tells none itself; a version ends the
        occurrences of older ones, but no exception: that one was made for its own sake.
        """
        if not self._known:
            return
        for fact in plans:
            event = fact.event
            name = series_of(event.source_event_id)
            series = self._known.get((event.source, name or event.source_event_id))
            if series is None:
                continue
            if name is None:  # the entry has become a series, or is what has become of one
                fact.is_void = fact.is_void or event.revision % EXCEPTION < series.version
                continue
            is_deleted = any(
                (event.recorded_at or 0) <= (LATEST if void.recorded_at is None else void.recorded_at)
                and ends(void, event, fact.uninvited)
                for void in series.deletions
            )
            if is_deleted or event.revision < min(series.version, EXCEPTION):
                fact.is_void = True


def series_of(source_event_id: str) -> str | None:
    """The series that an occurrence's id names; None for the id of anything else."""
    found = _pattern.match(source_event_id)
    return found.group(1) if found else None
