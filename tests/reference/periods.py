"""Days and periods by the clock of the reporting time zone (semantics C1, 5.1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

GRAINS = ("week", "month", "quarter", "lifetime")
LIFETIME = date(1970, 1, 1)
"""``period_start`` of all time."""
FINAL_AFTER = timedelta(hours=72)
"""Semantics 4.6: a period is final so long after its end."""
INSTANT = timedelta(microseconds=1)


def first_day(grain: str, day: date) -> date:
    """The first day of the period that a day lies in: ISO weeks begin on Mondays, quarters with January, April, July and October."""
    if grain == "week":
        return day - timedelta(days=day.weekday())
    if grain == "month":
        return date(day.year, day.month, 1)
    if grain == "quarter":
        months_into_quarter = (day.month - 1) % 3
        return date(day.year, day.month - months_into_quarter, 1)
    return LIFETIME


def next_period(grain: str, start: date) -> date:
    """The first day after the week, month or quarter that begins on ``start``."""
    longest = {"week": 7, "month": 31, "quarter": 92}[grain]
    return first_day(grain, start + timedelta(days=longest))


class Calendar:
    """The clock of the run and the zone in which it is read."""

    def __init__(self, zone: str, as_of: datetime) -> None:
        self.zone = ZoneInfo(zone)
        self.as_of = as_of

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def period(self, grain: str, moment: datetime) -> date:
        return first_day(grain, self.day(moment))

    def first_instant(self, day: date) -> datetime:
        """Of a day with two midnights the first, and of one without any the moment at which it begins."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone, fold=0).astimezone(UTC)

    def end(self, grain: str, start: date) -> datetime | None:
        """The first instant after a period; lifetime has no end."""
        if grain == "lifetime":
            return None
        return self.first_instant(next_period(grain, start))

    def last_seen(self, grain: str, start: date) -> datetime:
        """The last instant of a period that the run's clock has come to."""
        end = self.end(grain, start)
        if end is None:
            return self.as_of
        return min(end - INSTANT, self.as_of)

    def day_after(self, grain: str, start: date) -> date:
        """The first day after a period; for lifetime, after the day of the run's clock."""
        if grain == "lifetime":
            return self.day(self.as_of) + timedelta(days=1)
        return next_period(grain, start)

    def is_final(self, grain: str, start: date) -> bool:
        end = self.end(grain, start)
        return end is not None and end + FINAL_AFTER < self.as_of
