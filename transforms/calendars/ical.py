"""iCalendar as the library reads it: components, their properties, their zones, and the occurrences of a series.

Used for calendar files, and for the RRULE, RDATE and EXDATE lines that other calendars borrow from them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any

import msgspec
from icalendar import Calendar, Component, Parameters, vRecur
from icalendar.parser import Contentline, Contentlines
from icalendar.parser.ical import CalendarIcalParser
from icalendar.prop import vBroken, vDatetime, vDDDTypes

from transforms.calendars.entries import Slot, day_token, horizon, micros, noon, token_of, wall
from transforms.calendars.recurrence import occurrences
from transforms.calendars.zones import abbreviated, plain_names, split_zones, zone_named
from transforms.event import Reject
from transforms.times import from_datetime, to_datetime

_FOLD = re.compile(r"(?:(?<!\n)\r\n|(?<![\r\n])\n)(?:\r?\n)*[ \t]")
_BREAK = re.compile(r"\r?\n")
_CONTROL = re.compile(r"[\x00-\x1f]")
_SIMPLE = re.compile(r"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=[\w@.+/-]+(?: [\w@.+/-]+)*)*):([^\\]*)", re.ASCII)
_DAY = re.compile(r"[0-9]{8}Z")
_UNREAD = frozenset(("TRANSP", "CLASS", "PRIORITY", "VERSION", "PRODID", "CALSCALE"))
"""Properties that nothing here asks for, though nearly every entry has one of them."""
_REPEATED = ("ORGANIZER", "ATTENDEE", "STATUS", "SEQUENCE", "METHOD", *_UNREAD)
"""Properties whose lines say the same again and again."""
_UTC_TEXT = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_UTC = vDatetime.from_ical("20260101T000000Z").tzinfo
"""The zone by which the library knows UTC."""
_MOMENTS = frozenset(("DTSTAMP", "CREATED", "LAST-MODIFIED", "DTSTART", "DTEND"))
"""Properties that name a time, mostly one that another line has named too."""
FAULTS = (
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
    OverflowError,
    AssertionError,
    OSError,  # a zone named like a folder of the zone database
    RecursionError,
)
"""What icalendar is known to raise for malformed input."""


class Zones(msgspec.Struct, frozen=True):
    """What a record can say about time zones."""

    blocks: dict[str, str]
    """TZID to VTIMEZONE."""
    configured: tzinfo | None
    calendar: tzinfo | None
    """X-WR-TIMEZONE."""

    def floating(self) -> tzinfo | None:
        return self.configured or self.calendar


def unfolded(text: str) -> tuple[str, dict[str, str]]:
    """A calendar's text to (the text with long lines joined and without VTIMEZONEs, TZID to VTIMEZONE)."""
    body, blocks = split_zones(_joined(text))
    return plain_names(body), blocks


def _joined(text: str) -> str:
    """The text with folded lines joined; to look for one is a tenth of the work of trying at every line's end."""
    return _FOLD.sub("", text) if "\n " in text or "\n\t" in text else text


_NO_PARAMETERS = Parameters()
"""Of every line that has none; the parser only hands them on."""


class _Line(Contentline):
    """A line in which nothing is quoted or escaped is cut by one expression; the library goes through it by characters.

    It gives what the library's own ``parts`` gives, which reads every other line.
    """

    __slots__ = ()

    def parts(self) -> tuple[str, Parameters, str]:
        match = _SIMPLE.fullmatch(self)
        if match is None:
            return super().parts()
        name, stated, value = match.groups()
        if not stated:
            return name, _NO_PARAMETERS, value
        return name, Parameters(pair.split("=") for pair in stated[1:].split(";")), value


class _Parser(CalendarIcalParser):
    """The library's parser, which here passes over what nobody reads and makes the value of a line that comes often only once."""

    def initialize_parsing(self) -> None:
        super().initialize_parsing()  # type: ignore[no-untyped-call]
        self._content_lines_iterator = self._unknown(self._content_lines_iterator)  # type: ignore[arg-type]

    def _unknown(self, lines: Iterator[_Line]) -> Iterator[_Line]:
        """The lines without those whose property is known: it is added when its line comes up, which is not even cut."""
        for line in lines:
            known = _property(line) if line.startswith(_REPEATED) and self._stack else None
            if known is None:
                yield line
            elif known[1] is not None:
                _add(self._stack[-1], known[0], known[1])

    def handle_property(self, name: str, params: Parameters, vals: str, line: Contentline) -> None:
        component = self.component
        if component is not None:
            if name in _UNREAD:
                return
            if name in _MOMENTS and not params and (value := _moment(_type(name), vals)) is not None:
                _add(component, name, value)
                return
        super().handle_property(name, params, vals, line)

    def get_factory_for_property(self, name: str, params: Parameters) -> Any:
        return super().get_factory_for_property(name, params) if params else _type(name)


def _add(component: Component, name: str, value: Any) -> None:
    """What ``component.add`` does with a single value of the library's under a name in capitals."""
    known = dict.get(component, name)
    if known is None:
        OrderedDict.__setitem__(component, name, value)
    elif isinstance(known, list):
        known.append(value)
    else:
        OrderedDict.__setitem__(component, name, [known, value])


@lru_cache(maxsize=1024)
def _type(name: str) -> Any:
    return Calendar.types_factory.for_property(name)


@lru_cache(maxsize=16_384)
def _property(line: _Line) -> tuple[str, Any] | None:
    """Name and value of a line as the parser would make them, no value where nobody reads it; None where it would do more.

    Shared, so never to be changed.
    """
    try:
        name, params, text = line.parts()
        if name in _UNREAD:
            return name, None
        if name not in _REPEATED or "VALUE" in params:
            return None
        make = _type(name)
        value = make(make.from_ical(text))
    except (ValueError, TypeError):
        return None
    value.params = params
    return name, value


@lru_cache(maxsize=16_384)
def _moment(make: Any, text: str) -> Any:
    """The value of a property of the type ``make`` that has no parameters; likewise."""
    try:
        if make is vDDDTypes and _UTC_TEXT.fullmatch(text):  # nearly all; the library looks at every part of it
            value = make.__new__(make)
            value.dt, value.params = datetime.fromisoformat(text).replace(tzinfo=_UTC), _NO_PARAMETERS
            return value
        value = make(make.from_ical(text))
    except (ValueError, TypeError):
        return None
    value.params = _NO_PARAMETERS
    return value


class _Calendar(Calendar):
    """A calendar that ``_Parser`` reads."""

    @classmethod
    def _get_ical_parser(cls, st: Any) -> CalendarIcalParser:
        return _Parser(st, cls._get_component_factory(), cls.types_factory)


def read(text: str) -> list[Component]:
    """Top-level components. The library is given lines, as it would cut them, and so takes no text for a file's name."""
    lines = Contentlines(_Line(line) for line in _BREAK.split(_joined(text)) if line)  # type: ignore[no-untyped-call]
    try:
        return _Calendar.from_ical(lines, multiple=True)  # type: ignore[call-overload, no-any-return]
    except FAULTS as error:
        raise Reject("malformed_ics", None, f"not iCalendar: {str(error)[:200]}") from None


def borrowed(lines: Iterable[str]) -> Component:
    """RRULE, RDATE and EXDATE lines that another calendar borrowed, as the VEVENT that they could stand in."""
    kept = (
        _CONTROL.sub("", line)
        for line in lines
        if line[:6].upper() in ("RRULE:", "RRULE;", "RDATE:", "RDATE;", "EXDATE")
    )
    found = read(plain_names("\r\n".join(["BEGIN:VEVENT", *kept, "END:VEVENT"])))
    return found[0]


def series(component: Component, slot: Slot, zone: tzinfo, zones: Zones, until: int) -> list[Slot]:
    """The occurrences of a repeating entry, each with its token."""
    first = wall(to_datetime(slot.start), zone)
    if slot.is_day:
        first = datetime.combine(first.date(), time())
    rules = [_rule_text(value) for value in values(component, "RRULE")]
    extra: dict[datetime, int] = {}
    for moment, name in _listed(component, "RDATE"):
        begin, length = _period(moment, name, zones, zone)
        extra[begin] = slot.end - slot.start if length is None else length
    excluded: set[datetime] = set()
    excluded_days: set[date] = set()
    for moment, name in _listed(component, "EXDATE"):
        if isinstance(moment, datetime):
            excluded.add(wall(placed(moment, name, "EXDATE", zones, zone), zone))
        elif isinstance(moment, date):
            excluded_days.add(moment)
    if slot.is_day:
        excluded_days.update(one.date() for one in excluded)
        extra = {datetime.combine(begin.date(), time()): length for begin, length in extra.items()}
    found = occurrences(first, rules, extra, excluded, excluded_days, horizon(until, zone), zone)
    return [_occurrence(start, zone, slot, extra.get(start, slot.end - slot.start)) for start in found]


def _rule_text(value: Any) -> str:
    """Also what icalendar could not read, for the reader of rules to judge."""
    if not isinstance(value, vRecur):
        return str(value)
    written: bytes = value.to_ical()
    return written.decode()


def _occurrence(start: datetime, zone: tzinfo, slot: Slot, length: int) -> Slot:
    if slot.is_day:
        begun = noon(start.date(), zone, "RRULE")
        return Slot(begun, begun + length, True, day_token(start.date()))
    begun = micros(start.replace(tzinfo=zone), "RRULE")
    return Slot(begun, begun + length, False, token_of(begun))


def _period(moment: Any, name: str, zones: Zones, zone: tzinfo) -> tuple[datetime, int | None]:
    """One RDATE to (start by the clock of ``zone``, own length in microseconds if it is a period)."""
    length: int | None = None
    if isinstance(moment, tuple):
        moment, end = moment
        if isinstance(end, timedelta):
            length = end // timedelta(microseconds=1)
        else:
            length = from_datetime(placed(end, name, "RDATE", zones, zone)) - from_datetime(
                placed(moment, name, "RDATE", zones, zone)
            )
    if not isinstance(moment, date):
        raise Reject("invalid_field", "RDATE", f"RDATE holds {str(moment)[:60]!r}: not a date, a time or a period")
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time()), length
    return wall(placed(moment, name, "RDATE", zones, zone), zone), length


def placed(moment: datetime, stated: str, field: str, zones: Zones, own: tzinfo | None) -> datetime:
    """The moment with its zone: the one that its property names, else ``own``, else the source's or the calendar's."""
    if moment.tzinfo is not None:  # the library knows IANA's names, and of a calendar's definitions nothing
        defined = abbreviated(stated, zones.blocks)
        return moment if defined is None else moment.replace(tzinfo=defined)
    if stated:
        zone = zone_named(stated, zones.blocks) or zones.configured
        detail = f"its zone {stated[:60]!r} is neither known nor defined in the calendar"
    else:
        zone = own or zone_named("", zones.blocks) or zones.floating()
        detail = "it has no time zone, and none is configured for this source"
    if zone is None:
        raise Reject("naive_timestamp", field, f"{field} is {moment.isoformat()!r}: {detail}")
    return moment.replace(tzinfo=zone)


# properties


def _under(found: dict[str, Any], name: str) -> Any:
    """What a component or a property's parameters have under a name in capitals: they keep it so, and look for it by raising."""
    return dict.get(found, name)


def values(component: Component, name: str) -> list[Any]:
    value = _under(component, name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def string(component: Component, name: str) -> str:
    value = _under(component, name)
    if isinstance(value, list):
        value = value[0]
    return str(value).strip() if isinstance(value, str) else ""


def parameter(value: Any, name: str) -> str:
    found = _under(value.params, name) if hasattr(value, "params") else None
    if isinstance(found, list):
        found = found[0] if found else None
    return str(found).strip() if found else ""


def zone_name(component: Component, name: str) -> str:
    return next((parameter(value, "TZID") for value in values(component, name)), "")


def moment_of(component: Component, name: str) -> date | None:
    """A date or datetime; None if there is none. Raises ``Reject`` for what is neither."""
    value = next(iter(values(component, name)), None)
    if value is None:
        return None
    moment = None if isinstance(value, vBroken) else getattr(value, "dt", None)
    if not isinstance(moment, date):
        raise Reject("bad_timestamp", name, f"{name} is {str(value)[:80]!r}: not a date or a time")
    if parameter(value, "VALUE").upper() == "DATE" and isinstance(moment, datetime):
        return moment.date()
    return moment


def _listed(component: Component, name: str) -> list[tuple[Any, str]]:
    """(value, TZID) of each date in RDATE or EXDATE, however many lines they stand on."""
    found: list[tuple[Any, str]] = []
    for value in values(component, name):
        if isinstance(value, vBroken):
            found += [(day, "") for day in _days(str(value), name)]
            continue
        found += [(one.dt, parameter(value, "TZID")) for one in getattr(value, "dts", [])]
    return found


def _days(text: str, name: str) -> list[date]:
    """Dates as Google writes those of birthdays, ``20131210Z``, which RFC 5545 does not know."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(_DAY.fullmatch(part) for part in parts):
        raise Reject("bad_timestamp", name, f"{name} is {text[:80]!r}: not a list of dates or times")
    try:
        return [datetime.strptime(part[:8], "%Y%m%d").date() for part in parts]
    except ValueError:
        raise Reject("bad_timestamp", name, f"{name} is {text[:80]!r}: no such day") from None
