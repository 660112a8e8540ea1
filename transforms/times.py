"""Native timestamps to microseconds since the epoch, UTC."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from transforms.event import Reject

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 86_400 * SECOND

EARLIEST = 631_152_000 * SECOND
"""1990-01-01: digital engagement before that is a broken clock (many say 1970)."""
LATEST = 4_102_444_800 * SECOND
"""2100-01-01."""

_ONE_MICROSECOND = timedelta(microseconds=1)
_ZONE_APART = re.compile(r"(?<=\d) (?:UTC|Z|([+-]\d\d:?\d\d))$")
_LEAP_SECOND = re.compile(r"(?<=:\d\d):60(?!\d)")


def micros(number: float, unit: int) -> int:
    """So many days or hours, whole microseconds. A fraction is none in binary: 0.7 days come out below 16 h 48 min unless rounded."""
    return round(number * unit)


def from_datetime(moment: datetime) -> int:
    """An aware datetime to microseconds."""
    return (moment - EPOCH) // _ONE_MICROSECOND


def to_datetime(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def checked(micros: int, field: str, shown: object) -> int:
    """``micros`` if it lies in 1990..2100, else a reject that shows what the payload said."""
    if EARLIEST <= micros < LATEST:
        return micros
    raise Reject("bad_timestamp", field, f"{field} is {str(shown)[:80]!r}: not between the years 1990 and 2100")


def from_epoch_seconds(value: float | int | str, field: str) -> int:
    """Seconds since the epoch, possibly fractional, possibly as text (``"1595926230.009600"``), without float rounding of text."""
    if isinstance(value, str):
        whole, _, fraction = value.strip().partition(".")
        if (
            not whole.isascii()
            or not whole.isdigit()
            or len(whole) > 12
            or (fraction and not (fraction.isascii() and fraction.isdigit()))
        ):
            raise Reject("bad_timestamp", field, f"{field} is {value[:80]!r}: not seconds since 1970")
        return checked(int(whole) * SECOND + int((fraction + "000000")[:6]), field, value)
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) > 1e12:
            raise Reject("bad_timestamp", field, f"{field} is {value!r}: not seconds since 1970")
        return checked(round(value * SECOND), field, value)
    return checked(value * SECOND, field, value)


def from_epoch_millis(value: int | float | str, field: str) -> int:
    """Milliseconds since the epoch, possibly as text."""
    if isinstance(value, str):
        text = value.strip()
        if not text.isascii() or not text.isdigit() or len(text) > 16:
            raise Reject("bad_timestamp", field, f"{field} is {value[:80]!r}: not milliseconds since 1970")
        value = int(text)
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) > 1e15:
            raise Reject("bad_timestamp", field, f"{field} is {value!r}: not milliseconds since 1970")
        return checked(round(value * 1000), field, value)
    return checked(value * 1000, field, value)


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo | None:
    """The IANA zone, or None if there is none of that name; those of one machine are none (``localtime``), nor are copies by another rule."""
    if name in ("localtime", "posixrules") or name.startswith(("posix/", "right/")):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def parse_iso(text: str, field: str, zone: str | None = None) -> int:
    """ISO 8601 / RFC 3339 text to microseconds.

    A leap second is the first one of the next minute, as in mail. A naive time is placed in ``zone`` where one is configured and
    rejected (``naive_timestamp``) otherwise. Digits beyond the microsecond are cut. Raises ``Reject`` for anything else that is no time.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        rare = _rare_form(text)
        if rare is None:
            raise Reject("bad_timestamp", field, f"{field} is {text[:80]!r}: not an ISO 8601 time") from None
        moment = rare
    if moment.tzinfo is None:
        info = zone_of(zone) if zone else None
        if info is None:
            raise Reject(
                "naive_timestamp",
                field,
                f"{field} is {text[:80]!r}: it has no time zone, and none is configured for this source",
            )
        moment = moment.replace(tzinfo=info)
    try:
        micros = (moment - EPOCH) // _ONE_MICROSECOND
    except OverflowError:
        raise Reject("bad_timestamp", field, f"{field} is {text[:80]!r}: out of range") from None
    return micros if EARLIEST <= micros < LATEST else checked(micros, field, text)


def _rare_form(text: str) -> datetime | None:
    """What RFC 3339 allows and ``fromisoformat`` does not (``t`` and ``z`` in lower case, leap seconds), and what databases write: a zone
    behind a space, ``2026-03-12 10:00:00 UTC`` (BigQuery) or ``2026-03-12 10:00:00 +0000`` (Snowflake)."""
    plain, leaps = _LEAP_SECOND.subn(":59", text.strip().upper(), count=1)
    plain = _ZONE_APART.sub(lambda zone: zone[1] or "Z", plain)
    try:
        return datetime.fromisoformat(plain) + timedelta(seconds=leaps)
    except (ValueError, OverflowError):
        return None
