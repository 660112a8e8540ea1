"""Dates of mail headers (RFC 5322, and what senders write instead) to microseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_tz

from transforms.event import Reject
from transforms.times import SECOND, checked, from_datetime, parse_iso, zone_of

_UNIX_ORDINAL = date(1970, 1, 1).toordinal()
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_WORDS_OF_DATES = frozenset({"mon", "tue", "wed", "thu", "fri", "sat", "sun", "am", "pm", "t", *_MONTHS})

# Names that mean one thing to everybody. RFC 5322 knows the American ones and asks to read others as UTC unless their
# meaning is confirmed; a name with two meanings (IST: India, Ireland, Israel) is therefore not here.
_ZONE_HOURS = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "met": 1, "mez": 1,
    "cest": 2, "mest": 2, "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "msd": 4, "hkt": 8, "sgt": 8,
    "awst": 8, "jst": 9, "kst": 9, "aest": 10, "aedt": 11,
    "nzst": 12, "nzdt": 13, "est": -5, "edt": -4, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9,
    "akdt": -8, "hst": -10,
}  # fmt: skip

_USUAL = re.compile(
    r"\s*(?:[A-Za-z]{3,9},?\s*)?([0-9]{1,2})[ -]([A-Za-z]{3})[ -]([0-9]{4})\s+"
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\s*(?:([+-])([0-9]{2})([0-9]{2})(?![0-9])|(?:GMT|UTC?)\b(?!\s*[+-][0-9]))"
)
_COLON = re.compile(r"\s*:\s*")
_COMMENT = re.compile(r"\([^()]*\)")
_EAST = re.compile(
    r":[0-9]{2}\s*(?:[AP]M\s*)?(?:GMT|UTC?)?\s*([+-])([0-9]{1,2})(?::?([0-9]{2}))?(?![0-9:])", re.IGNORECASE
)
"""An offset in one of its many spellings: ``+05:00``, ``GMT+0500``, ``UTC+5``, ``GMT -5:30``."""
_HALF = re.compile(r"\b([0-9]{1,2}):[0-9]{2}(?::[0-9]{2})?\s*([AP])M\b", re.IGNORECASE)
_DAY = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? ")
_NAME = re.compile(r"[A-Za-z]+")


def mail_time(text: str, field: str, zone: str | None = None) -> tuple[int, str]:
    """A header's date to (microseconds, time quality).

    ``-0000`` is UTC. A zone's name that nobody can place is read as UTC, as RFC 5322 asks; the quality is then
    ``estimated``.
    A date without any zone is placed in ``zone``, or rejected (``naive_timestamp``) where none is configured. Raises
    ``Reject`` for what is no date, or none of the years 1990 to 2100.
    """
    usual = _USUAL.match(text)
    if usual:
        found = _usual(usual)
        if found is not None:
            return checked(found, field, text), "source"
    return _unusual(text, field, zone)


def _usual(match: re.Match[str]) -> int | None:
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    east = (int(hours) * 60 + int(minutes)) * 60 if sign else 0
    return _micros(
        int(year), number, int(day), int(hour), int(minute), int(second or 0), -east if sign == "-" else east
    )


def _micros(year: int, month: int, day: int, hour: int, minute: int, second: int, offset: int) -> int | None:
    """A civil time ``offset`` seconds east of UTC; None if there is no such time. A leap second is the next second."""
    if hour > 23 or minute > 59 or second > 60 or abs(offset) > 86_400:
        return None
    try:
        days = date(year, month, day).toordinal() - _UNIX_ORDINAL
    except (ValueError, OverflowError):
        return None
    return (days * 86_400 + hour * 3600 + minute * 60 + second - offset) * SECOND


def _unusual(text: str, field: str, zone: str | None) -> tuple[int, str]:
    shown, written = text.strip()[:80], text
    text = _COLON.sub(":", _COMMENT.sub(" ", text[:200]))
    try:
        parts = parsedate_tz(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # the standard library's, on hostile text
        parts = None
    if parts is None:
        try:
            return parse_iso(text, field, zone), "source"
        except Reject as reject:
            if reject.reason_code == "naive_timestamp":
                raise
            detail = f"{field} is {shown!r}: neither a date as mail has it (RFC 5322) nor an ISO 8601 time"
            raise Reject("bad_timestamp", field, detail) from None
    year, month, day, hour, minute, second = parts[:6]
    hour = _of_the_day(text, hour)
    offset, quality = _offset(text, parts[9])
    if offset is None:
        offset = _remarked(written)
    if offset is None:
        return _placed(datetime_of(year, month, day, hour, minute, second), field, shown, zone), "source"
    found = _micros(year, month, day, hour, minute, second, offset)
    if found is None:
        raise Reject("bad_timestamp", field, f"{field} is {shown!r}: there is no such time")
    return checked(found, field, shown), quality


def _offset(text: str, known: int | None) -> tuple[int | None, str]:
    """Seconds east of UTC and the quality; None if the date has no zone at all.

    ``known`` is the standard library's reading, whose zero also stands for a zone that is missing or not known to it.
    """
    if known:
        return known, "source"
    stated = _EAST.search(text)
    if stated:
        sign, hours, minutes = stated.groups()
        east = (int(hours) * 60 + int(minutes or 0)) * 60
        return -east if sign == "-" else east, "source"
    names = [name for name in (found.lower() for found in _NAME.findall(text)) if name[:3] not in _WORDS_OF_DATES]
    for name in names:
        if name in _ZONE_HOURS:
            return _ZONE_HOURS[name] * 3600, "source"
    return (0, "estimated") if names else (None, "source")


def _remarked(text: str) -> int | None:
    """Seconds east of UTC that a comment tells where the date itself does not: ``03:27:38 (GMT)``."""
    names = [name.lower() for remark in _COMMENT.findall(text[:200]) for name in _NAME.findall(remark)]
    return next((_ZONE_HOURS[name] * 3600 for name in names if name in _ZONE_HOURS), None)


def _of_the_day(text: str, hour: int) -> int:
    """The hour of 24 where the text counts two times twelve, which the standard library passes over."""
    half = _HALF.search(text)
    if half is None or int(half[1]) != hour or not 1 <= hour <= 12:
        return hour
    return hour % 12 + (12 if half[2] in "Pp" else 0)


def datetime_of(year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime | None:
    """A naive datetime, or None if there is no such time."""
    try:
        return datetime(year, month, day, hour, minute, min(second, 59))
    except (ValueError, OverflowError):
        return None


def _placed(moment: datetime | None, field: str, shown: str, zone: str | None) -> int:
    if moment is None:
        raise Reject("bad_timestamp", field, f"{field} is {shown!r}: there is no such time")
    info = zone_of(zone) if zone else None
    if info is None:
        raise Reject(
            "naive_timestamp", field, f"{field} is {shown!r}: no time zone, and none is configured for this source"
        )
    try:
        return checked(from_datetime(moment.replace(tzinfo=info)), field, shown)
    except OverflowError:
        raise Reject("bad_timestamp", field, f"{field} is {shown!r}: out of range") from None


def envelope_time(envelope: str) -> int | None:
    """The date of an mbox separator (``ann@example.com Fri Sep 20 11:32:44 2002``), UTC (RFC 4155)."""
    day = _DAY.search(envelope[:300])
    if day is None:
        return None
    try:
        parts = parsedate_tz(envelope[day.start() : day.start() + 60])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if parts is None:
        return None
    moment = datetime_of(*parts[:6])
    if moment is None:
        return None
    try:
        return checked(from_datetime(moment.replace(tzinfo=UTC)) - (parts[9] or 0) * SECOND, "From ", envelope)
    except (Reject, OverflowError):
        return None


def received_time(value: str) -> int | None:
    """The date of a Received header, which stands after its last semicolon; None if there is none to be read."""
    _, semicolon, stamp = value.rpartition(";")
    try:
        return mail_time(stamp if semicolon else value, "Received")[0]
    except Reject:
        return None
