"""Times as the vendors write them, from integers since the epoch: seconds, milliseconds or microseconds, UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

DAY = 86_400
HOUR = 3600
MINUTE = 60
MICROS = 1_000_000


@lru_cache(maxsize=4096)
def _day(number: int) -> tuple[str, str, str]:
    moment = datetime.fromtimestamp(number * DAY, UTC)
    return f"{moment:%Y-%m-%d}", f"{moment:%a, %d %b %Y}", f"{moment:%Y%m%d}"


def _hms(second: int, mark: str = ":") -> str:
    hour, rest = divmod(second, HOUR)
    minute, second = divmod(rest, MINUTE)
    return f"{hour:02d}{mark}{minute:02d}{mark}{second:02d}"


def iso(seconds: int) -> str:
    """``2026-03-02T11:00:00Z``"""
    day, second = divmod(seconds, DAY)
    return f"{_day(day)[0]}T{_hms(second)}Z"


def iso_millis(millis: int) -> str:
    """``2026-03-02T11:00:00.125Z``"""
    seconds, part = divmod(millis, 1000)
    day, second = divmod(seconds, DAY)
    return f"{_day(day)[0]}T{_hms(second)}.{part:03d}Z"


def iso_micros(micros: int) -> str:
    """``2026-03-02T11:00:00.125000Z``, as the truth has it."""
    seconds, part = divmod(micros, MICROS)
    day, second = divmod(seconds, DAY)
    return f"{_day(day)[0]}T{_hms(second)}.{part:06d}Z"


def spaced_millis(millis: int) -> str:
    """``2026-03-02 11:00:00.125``: Snowplow's columns, UTC by the format's definition."""
    seconds, part = divmod(millis, 1000)
    day, second = divmod(seconds, DAY)
    return f"{_day(day)[0]} {_hms(second)}.{part:03d}"


def rfc5322(seconds: int) -> str:
    """``Mon, 02 Mar 2026 11:00:00 +0000``"""
    day, second = divmod(seconds, DAY)
    return f"{_day(day)[1]} {_hms(second)} +0000"


def asctime(seconds: int) -> str:
    """``Mon Mar  2 11:00:00 2026``: an mbox separator's."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%a %b} {moment.day:2d} {moment:%H:%M:%S %Y}"


def basic(seconds: int) -> str:
    """``20260302T110000Z``: iCalendar's."""
    day, second = divmod(seconds, DAY)
    return f"{_day(day)[2]}T{_hms(second, '')}Z"


def midnight(day: str) -> int:
    """An ISO date to the seconds of its first moment. Raises ``ValueError``."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
