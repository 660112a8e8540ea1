"""Time zones as calendars name them: IANA, Windows, behind a vendor's prefix, or defined by a VTIMEZONE of their own.

A calendar's own definition is kept to that calendar. The library would remember it for every later file that uses the
same name (``Customized Time Zone`` is a common one), and then the result would depend on the order of the files.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from io import StringIO

from dateutil.tz import tzical  # type: ignore[import-untyped]
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from transforms.times import zone_of

_BLOCK = re.compile(
    r"^BEGIN:VTIMEZONE[ \t]*\r?\n.*?^END:VTIMEZONE[^\n]*(?:\n|\Z)", re.IGNORECASE | re.MULTILINE | re.DOTALL
)
_NAME = re.compile(r"^TZID[^:\r\n]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_LOCATION = re.compile(r"^X-LIC-LOCATION[^:\r\n]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_VENDOR = re.compile(r'(;TZID="?)(/[^":;,\r\n]+)', re.IGNORECASE)
_BARE = re.compile(r"(;TZID=)(tzone://[^\":;,\r\n]+)", re.IGNORECASE)
_OF_UTC = re.compile(r';TZID=(?:"[^"\r\n]*"|[^":;,\r\n]*)((?:;[^:\r\n]*)?:[0-9]{8}T[0-9]{6}Z)', re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_KEPT = ("BEGIN", "END", "TZID", "DTSTART", "RDATE", "RRULE", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME")
_YEARLY_PARTS = frozenset(
    ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYSETPOS")
)
_CLOCK_PARTS = frozenset(("BYHOUR", "BYMINUTE", "BYSECOND"))


def split_zones(text: str) -> tuple[str, dict[str, str]]:
    """An unfolded calendar to (the calendar without its VTIMEZONEs, TZID to block)."""
    if "VTIMEZONE" not in text.upper():
        return text, {}
    blocks: dict[str, str] = {}
    for block in _BLOCK.findall(text):
        if name := _NAME.search(block):
            blocks.setdefault(name[1].strip().replace("\\", ""), block)
    return _BLOCK.sub("", text), blocks


def plain_names(text: str) -> str:
    """Each TZID as the library reads it, and none of a time in UTC, to which it must not apply (RFC 5545, 3.2.19).

    ``;TZID=/vendor/2026a/Europe/Berlin`` becomes ``;TZID=Europe/Berlin`` wherever what remains is a zone, and Exchange's
    ``;TZID=tzone://Microsoft/Utc`` gets the quotes that its colon needs.
    """
    if "TZID=" not in text.upper():
        return text
    if "=tzone:" in text:
        text = _BARE.sub(r'\1"\2"', text)
    text = _OF_UTC.sub(r"\1", text)
    if "=/" not in text and '="/' not in text:
        return text
    return _VENDOR.sub(lambda match: match[1] + (_suffix(match[2]) or match[2]), text)


def zone_named(name: str, blocks: dict[str, str]) -> tzinfo | None:
    """The zone that a TZID means in a calendar with these blocks; None if nothing tells."""
    known = abbreviated(name, blocks) or named_zone(name)
    if known is not None:
        return known
    block = blocks.get(name)
    return _defined(block) if block else None


def abbreviated(name: str, blocks: dict[str, str]) -> tzinfo | None:
    """The zone that a calendar defines under an abbreviation or an offset, if it does: its ``EST`` may know summer time, IANA's does not.

    A name with a region and Windows' names mean the same everywhere, and what exporters say of them is often poor.
    """
    block = blocks.get(name)
    return _defined(block) if block and "/" not in name and name not in WINDOWS_TO_OLSON else None


@lru_cache(maxsize=1024)
def named_zone(name: str) -> tzinfo | None:
    """A zone by its IANA or Windows name, by an IANA name that ends a path, or by a plain offset (``GMT+02:00``)."""
    bare = name.strip().strip('"')
    for candidate in (bare, WINDOWS_TO_OLSON.get(bare.strip("/")), _suffix(bare)):
        if candidate and (found := zone_of(candidate)):
            return found
    if bare.lower() in ("tzone://microsoft/utc", "z", "(utc) coordinated universal time"):
        return zone_of("UTC")
    if match := _OFFSET.fullmatch(bare):
        return _fixed(match[1], int(match[2]), int(match[3] or 0))
    return None


def _suffix(name: str) -> str | None:
    """The longest IANA name that a path ends with; a single word only where it is all there is."""
    parts = name.strip("/").split("/")
    for start in range(len(parts) - 1 if len(parts) > 1 else 0):
        candidate = "/".join(parts[start:])
        if len(candidate) <= 64 and zone_of(candidate):
            return candidate
    return None


def _fixed(sign: str, hours: int, minutes: int) -> tzinfo | None:
    if hours > 14 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == "-" else offset)


@lru_cache(maxsize=256)
def _defined(block: str) -> tzinfo | None:
    """The zone that a VTIMEZONE describes, else the one that it says it was copied from, else None."""
    lines: list[str] = []
    for line in block.splitlines():
        name, _, value = line.partition(":")
        name = name.partition(";")[0].strip().upper()
        if name not in _KEPT:
            continue
        value = value.strip()
        if name == "RRULE" and not _is_yearly(value):
            return _copied_from(block)
        if name == "DTSTART" and len(value) == 8:
            value += "T000000"
        lines.append(f"{name}:{value}")
    try:
        zone = tzical(StringIO("\n".join(lines) + "\n")).get()
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        return _copied_from(block)
    return zone if isinstance(zone, tzinfo) else None


def _is_yearly(rule: str) -> bool:
    """Clocks change on days of a year; a rule of any other pace would be stepped through for every time it is asked."""
    parts = dict(pair.partition("=")[::2] for pair in rule.upper().split(";") if pair)
    return (
        parts.get("FREQ") == "YEARLY"
        and parts.keys() <= _YEARLY_PARTS | _CLOCK_PARTS
        and parts.get("INTERVAL", "1").strip("0") != ""
        and not any("," in parts.get(key, "") for key in _CLOCK_PARTS)
    )


def _copied_from(block: str) -> tzinfo | None:
    location = _LOCATION.search(block)
    return named_zone(location[1].strip()) if location else None
