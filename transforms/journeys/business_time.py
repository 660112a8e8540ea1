"""Time as a seller's working week counts it: weekly slots, holidays and a time zone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from transforms.crm.rows import Person
from transforms.settings import BusinessHours
from transforms.times import LATEST, SECOND, from_datetime, to_datetime, zone_of

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ONE_DAY = timedelta(days=1)

Slot = tuple[int, int, int]
"""Weekday (Monday 0), first and last minute of the day in local time; 1440 is the end of the day."""


class CalendarSlot(NamedTuple):
    """``dim_calendar``."""

    calendar_id: str
    iso_weekday: int
    slot_no: int
    opens_minute: int
    closes_minute: int
    timezone: str
    holidays: list[str]
    is_default: bool


class _Layout(NamedTuple):
    """Open intervals of whole years; complete for moments in [``start``, ``until``)."""

    start: int
    until: int
    opens: list[int]
    closes: list[int]
    before: list[int]
    """Open microseconds before each interval, counted from the first one."""

    def open_until(self, at: int) -> int:
        index = bisect_right(self.opens, at) - 1
        if index < 0:
            return 0
        return self.before[index] + min(at, self.closes[index]) - self.opens[index]


_NOTHING = _Layout(0, 0, [], [], [])


class BusinessCalendar:
    """Open intervals, found by bisection; years are laid out when they are first asked for.

    Slots are wall-clock times of ``zone``, so a working day is as long in the week of a clock change as in any other
    unless the change falls into a slot. A layout is replaced, never changed, so threads may share a calendar.
    """

    def __init__(self, slots: Iterable[Slot], holidays: Iterable[date] = (), zone: ZoneInfo | None = None) -> None:
        """Raises ValueError for a slot that is none, for slots of one day that overlap, and for a week without any."""
        self._zone = zone or ZoneInfo("UTC")
        self._holidays = frozenset(holidays)
        self._slots: dict[int, list[tuple[int, int]]] = {}
        for weekday, start, end in sorted(set(slots)):
            if not (0 <= weekday <= 6 and 0 <= start < end <= 1440):
                raise ValueError(f"no business slot: weekday {weekday}, minutes {start} to {end}")
            of_day = self._slots.setdefault(weekday, [])
            if of_day and start < of_day[-1][1]:
                raise ValueError(f"business slots of {WEEKDAYS[weekday]} overlap at minute {start}")
            of_day.append((start, end))
        if not self._slots:
            raise ValueError("a business calendar needs at least one slot in the week")
        minutes = sum(end - start for day in self._slots.values() for start, end in day)
        self.day_seconds = minutes * 60 / len(self._slots)
        """Mean length of a working day: 28,800 for 09:00 to 17:00."""
        self._layout = _NOTHING

    @property
    def calendar_id(self) -> str:
        """The IANA name of its zone: the settings' hours are one week for all, so the zone is what tells calendars apart."""
        return self._zone.key

    def slots(self, *, is_default: bool) -> list[CalendarSlot]:
        """Its week as rows, Monday first."""
        holidays = sorted(day.isoformat() for day in self._holidays)
        return [
            CalendarSlot(self.calendar_id, weekday + 1, number, opens, closes, self._zone.key, holidays, is_default)
            for weekday, slots in sorted(self._slots.items())
            for number, (opens, closes) in enumerate(slots, 1)
        ]

    @staticmethod
    def of(hours: BusinessHours, timezone: str | None = None) -> BusinessCalendar:
        """The settings' calendar, in ``timezone`` where that is a zone. ValueError names the setting at fault."""
        zone = (zone_of(timezone) if timezone else None) or zone_of(hours.timezone)
        if zone is None:
            raise ValueError(f"business_hours.timezone is {hours.timezone!r}: no IANA time zone")
        start, end = _minute(hours.start, "start"), _minute(hours.end, "end")
        if end <= start:
            raise ValueError(f"business_hours.end is {hours.end!r}: not later than its start, {hours.start!r}")
        if not hours.days:
            raise ValueError("business_hours.days: names no day")
        slots = [_slot(day, start, end) for day in hours.days]
        holidays = [_holiday(text) for text in hours.holidays]
        try:
            return BusinessCalendar(slots, holidays, zone)
        except ValueError as error:
            raise ValueError(f"business_hours.days: {error}") from None

    def business_seconds(self, start: int, end: int) -> int:
        """Whole open seconds between two moments in microseconds; 0 if ``end`` is not later."""
        if end <= start:
            return 0
        layout = self._covering(start, end)
        return (layout.open_until(end) - layout.open_until(start)) // SECOND

    def add_business_seconds(self, start: int, seconds: float) -> int:
        """The first moment at which that many open seconds have passed since ``start``; ``start`` itself for none.

        Never later than the last interval of the year 2100, where all times end.
        """
        wanted = round(seconds * SECOND)
        if wanted <= 0:
            return start
        layout = self._covering(start, start)
        while layout.open_until(layout.until) - layout.open_until(start) < wanted and layout.until < LATEST:
            layout = self._covering(start, layout.until)
        target = layout.open_until(start) + wanted
        index = bisect_right(layout.before, target - 1) - 1
        return min(layout.opens[index] + target - layout.before[index], layout.closes[index])

    def resumes_at(self, moment: int) -> int:
        """The moment itself in working hours, else when the next begin. The last moment of some is none of them."""
        return self.add_business_seconds(moment, 1 / SECOND) - 1

    def _covering(self, start: int, end: int) -> _Layout:
        """A layout that is complete for both moments; what was laid out before stays in it."""
        layout = self._layout
        if layout.start <= start and end < layout.until:
            return layout
        first, last = to_datetime(start).year - 1, to_datetime(end).year + 1
        if layout is not _NOTHING:
            first = min(first, to_datetime(layout.start).year)
            last = max(last, to_datetime(layout.until).year)
        self._layout = layout = self._lay_out(first, last)
        return layout

    def _lay_out(self, first: int, last: int) -> _Layout:
        # local years begin and end up to a day away from those of UTC: the edges keep that far inside
        start = from_datetime(datetime(first, 1, 3, tzinfo=UTC))
        layout = _Layout(start, from_datetime(datetime(last, 12, 29, tzinfo=UTC)), [], [], [])
        day, stop = date(first, 1, 1), date(last + 1, 1, 1)
        passed = latest = 0
        while day < stop:
            for slot in () if day in self._holidays else self._slots.get(day.weekday(), ()):
                opens, closes = max(latest, self._moment(day, slot[0])), self._moment(day, slot[1])
                if opens < closes:  # not inside the hour that a clock change leaves out
                    layout.opens.append(opens)
                    layout.closes.append(closes)
                    layout.before.append(passed)
                    passed += closes - opens
                    latest = closes
            day += _ONE_DAY
        return layout

    def _moment(self, day: date, minute: int) -> int:
        if minute == 1440:
            day, minute = day + _ONE_DAY, 0
        return from_datetime(datetime.combine(day, time(minute // 60, minute % 60), self._zone))


class SellerCalendars:
    """The calendar of each seller: the settings' hours in the seller's own time zone."""

    def __init__(self, hours: BusinessHours, timezones: Mapping[str, str] | None = None) -> None:
        """``timezones``: IANA zone by seller id. A seller not in it, or in no known zone, keeps the settings'."""
        self.hours = hours
        self.timezones = dict(timezones or {})

    @staticmethod
    def of_people(hours: BusinessHours, people: Iterable[Person]) -> SellerCalendars:
        """With the time zones that ``people.csv`` gives."""
        return SellerCalendars(hours, {p.person_id: p.timezone for p in people if p.timezone})

    def slots(self) -> list[CalendarSlot]:
        """The weeks of all calendars that a wait may be measured with, by id."""
        own = self(None)
        found = {calendar.calendar_id: calendar for calendar in (own, *map(self, self.timezones))}
        return [
            slot
            for name, calendar in sorted(found.items())
            for slot in calendar.slots(is_default=name == own.calendar_id)
        ]

    def __call__(self, seller_id: str | None) -> BusinessCalendar:
        return _calendar(self.hours, self.timezones.get(seller_id) if seller_id else None)


@lru_cache(maxsize=256)
def _calendar(hours: BusinessHours, timezone: str | None) -> BusinessCalendar:
    return BusinessCalendar.of(hours, timezone)


def _minute(text: str, name: str) -> int:
    hour, colon, minute = text.partition(":")
    if colon and hour.isdecimal() and minute.isdecimal() and int(minute) < 60:
        minutes = int(hour) * 60 + int(minute)
        if minutes <= 1440:
            return minutes
    raise ValueError(f"business_hours.{name} is {text!r}: not a time of day like 09:00")


def _slot(text: str, start: int, end: int) -> Slot:
    """``fri``, which is open from ``start`` to ``end``, or ``fri 09:00-15:00``."""
    name, *span = text.split() or [""]
    weekday = name.lower()[:3]
    if weekday not in WEEKDAYS or len(span) > 1:
        raise ValueError(
            f"business_hours.days holds {text!r}: not one of {', '.join(WEEKDAYS)}, alone or with hours (fri 09:00-15:00)"
        )
    for hours in span:
        opens, _, closes = hours.partition("-")
        start, end = (_minute(one, f"days {text!r}: its time") for one in (opens, closes))
        if end <= start:
            raise ValueError(f"business_hours.days holds {text!r}: {closes} is not later than {opens}")
    return WEEKDAYS.index(weekday), start, end


def _holiday(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"business_hours.holidays holds {text!r}: not a date like 2026-12-25") from None
