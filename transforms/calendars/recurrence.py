"""When a repeating calendar entry takes place (RFC 5545, 3.8.5), in wall-clock time and without running away.

``dateutil`` steps through the rule. It is driven from here, because a caller who asks it for everything in an interval
waits for all the seconds of a ``FREQ=SECONDLY``, and because it looks for a 30th of February until the year 9999.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from heapq import merge

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

from transforms.event import Reject

MOST_OCCURRENCES = 4000
"""Of one entry, from its first on: eleven years of days, 76 of weeks. Which they are never depends on how far one looks."""

MOST_OF_A_DAY = 1000
"""Likewise, of an entry that repeats within a day: nobody meets like that, and its dates are as many as one asks for."""

_AHEAD = 7600
"""The Gregorian calendar repeats after 400 years, weekdays included. Rules are stepped through this much later, so that
the search for a day that never comes ends after 400 years, not after 8000."""

_DAY_PARTS = frozenset(("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS"))
_TIME_PARTS = frozenset(("BYSECOND", "BYMINUTE", "BYHOUR"))
_PARTS = frozenset(("FREQ", "COUNT", "INTERVAL", "WKST")) | _DAY_PARTS | _TIME_PARTS
_WITHIN_A_DAY = frozenset(("SECONDLY", "MINUTELY", "HOURLY"))
_RULE_FAULTS = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)
"""What dateutil is known to raise for a rule that makes no sense."""


def occurrences(
    first: datetime,
    rules: Sequence[str],
    extra: Collection[datetime],
    excluded: Collection[datetime],
    excluded_days: Collection[date],
    until: datetime,
    zone: tzinfo,
) -> list[datetime]:
    """Starts in ascending order, the first included, at most ``MOST_OCCURRENCES`` (``MOST_OF_A_DAY``), none after ``until`` but a first.

    All datetimes are naive wall-clock times of ``zone``; ``rules`` are values of RRULE (``FREQ=WEEKLY;COUNT=5``).
    Raises ``Reject`` (``malformed_rule``, ``unsupported_rule``) for a rule that cannot be followed.
    """
    parsed = [_rule(text) for text in rules]
    most = MOST_OCCURRENCES if all(parts.get("FREQ") not in _WITHIN_A_DAY for parts in parsed) else MOST_OF_A_DAY
    stepped = [_steps(first, parts, zone) for parts in parsed]
    found: list[datetime] = []
    last: datetime | None = None
    try:
        for start in merge([first], sorted(extra), *stepped):
            if start == last:
                continue
            last = start
            if len(found) == most or (start > until and start != first):
                break
            if start not in excluded and start.date() not in excluded_days:
                found.append(start)
    except _RULE_FAULTS as error:
        raise _malformed(";".join(rules), error) from None
    return found


def _rule(text: str) -> dict[str, str]:
    """``FREQ=DAILY;COUNT=3`` to its parts; spaces, escapes and an empty ``COUNT=`` are left out."""
    parts: dict[str, str] = {}
    for pair in text.upper().replace(" ", "").replace("\\", "").split(";"):
        key, _, value = pair.partition("=")
        if (key := key.strip()) and (value := value.strip()):
            parts[key] = value
    if parts.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise Reject("unsupported_rule", "RRULE", f"RRULE counts in the calendar {parts['RSCALE'][:40]!r}")
    frequency = parts.get("FREQ", "")
    too_fine = (frequency in _WITHIN_A_DAY and not _DAY_PARTS.isdisjoint(parts)) or (
        frequency == "SECONDLY" and not _TIME_PARTS.isdisjoint(parts)
    )
    if too_fine:
        raise Reject("unsupported_rule", "RRULE", f"RRULE is {text[:120]!r}: a filter on steps shorter than a day")
    return parts


def _steps(first: datetime, parts: dict[str, str], zone: tzinfo) -> Iterator[datetime]:
    """Starts of one rule, ascending, without end if it has none."""
    if not _count(parts, "INTERVAL"):
        parts.pop("INTERVAL", None)
    if not _count(parts, "COUNT"):  # some exporters write COUNT=-1 for "no end"
        parts.pop("COUNT", None)
    end = _until(parts["UNTIL"], zone) if "UNTIL" in parts else None
    text = ";".join(f"{key}={value}" for key, value in parts.items() if key in _PARTS)
    try:
        rule = rrulestr(text, dtstart=_moved(first, _AHEAD))
    except _RULE_FAULTS as error:
        raise _malformed(text, error) from None
    for moment in rule:
        start = _moved(moment, -_AHEAD)
        if end is not None and start > end:
            return
        yield start


def _count(parts: dict[str, str], key: str) -> bool:
    """Whether the part is a positive number; a rule that says something else than a number is no rule."""
    value = parts.get(key)
    if value is None:
        return False
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise _malformed(f"{key}={value}", "not a number")
    return int(value) > 0


def _until(value: str, zone: tzinfo) -> datetime:
    """The last moment that UNTIL allows: a date allows its whole day, whatever the entry's own type."""
    try:
        day = datetime.strptime(value[:8], "%Y%m%d")
        clock = value[8:].removeprefix("T")
        if not clock:
            return datetime.combine(day, time.max)
        moment = day.replace(hour=int(clock[:2]), minute=int(clock[2:4]), second=min(int(clock[4:6] or 0), 59))
        if not clock.endswith("Z"):
            return moment
        return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise _malformed(f"UNTIL={value}", error) from None


def _moved(moment: datetime, years: int) -> datetime:
    return moment.replace(year=moment.year + years)


def _malformed(text: str, error: object) -> Reject:
    return Reject("malformed_rule", "RRULE", f"RRULE {text[:120]!r} cannot be followed: {str(error)[:120]}")
