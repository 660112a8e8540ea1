"""iCalendar (RFC 5545): exported calendars and invitations, one component a record."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import msgspec
from icalendar import Component
from icalendar.prop import vBroken

from transforms.calendars.entries import (
    Entry,
    Slot,
    clean_id,
    day_slot,
    day_token,
    event_of,
    gathered,
    micros,
    person,
    revision_of,
    role_of,
    title,
    token_of,
)
from transforms.calendars.ical import (
    FAULTS,
    Zones,
    moment_of,
    parameter,
    placed,
    read,
    series,
    string,
    unfolded,
    values,
    zone_name,
)
from transforms.calendars.venues import Venue, venue
from transforms.calendars.zones import named_zone
from transforms.event import Event, Ignored, Party, Reject, hash_id
from transforms.jobs.label import job_among, job_label
from transforms.normal import clean_subject
from transforms.sources import Context, SourceSpec
from transforms.times import EARLIEST, LATEST, from_datetime, zone_of

_NOT_MEETINGS = {
    "VTODO": "vtodo",
    "VJOURNAL": "vjournal",
    "VFREEBUSY": "vfreebusy",
    "VALARM": "valarm",
    "VTIMEZONE": "vtimezone",
    "DAYLIGHT": "vtimezone",
    "STANDARD": "vtimezone",
    "VAVAILABILITY": "vavailability",
    "VPOLL": "vpoll",
    "VVENUE": "vvenue",
}
_NOT_INVITATIONS = {
    "REPLY": "reply",
    "REFRESH": "refresh",
    "COUNTER": "counter_proposal",
    "DECLINECOUNTER": "counter_proposal",
}
"""iTIP methods (RFC 5546) by which somebody answers; what they name is described by the organiser's own entry."""
_STAYS_AWAY = ("DECLINED", "DELEGATED")
"""Answers of somebody who will not come; who was sent instead is an attendee of the entry too."""
_GOOGLE = "@google.com"
"""What Google Calendar ends its UIDs with; before it stands the entry's id."""
_TEXTS = (
    "DESCRIPTION",
    "URL",
    "CONFERENCE",
    "X-ALT-DESC",
    "X-GOOGLE-CONFERENCE",
    "X-GOOGLE-HANGOUT",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGCONFLINK",
)


def parse(record: bytes, context: Context) -> list[Event] | Ignored:
    """A calendar with one VEVENT to one event, or to one for each occurrence of a series."""
    body, blocks = unfolded(_text(record))
    events: list[Event] = []
    ignored: Ignored | None = None
    for calendar in read(body):
        configured = zone_of(context.zone) if context.zone else None
        zones = Zones(blocks, configured, named_zone(string(calendar, "X-WR-TIMEZONE")))
        for component in calendar.subcomponents or [calendar]:
            parsed = _component(component, calendar, zones, context)
            if isinstance(parsed, Ignored):
                ignored = ignored or parsed
            else:
                events += parsed
    return events or ignored or Ignored("vtimezone" if blocks else "empty_calendar")


def _text(record: bytes) -> str:
    try:
        return record.decode("utf-8-sig")
    except UnicodeDecodeError:  # RFC 5545 asks for UTF-8, old exporters do not
        return record.decode("latin-1")


def _component(component: Component, calendar: Component, zones: Zones, context: Context) -> list[Event] | Ignored:
    kind = (component.name or "").upper()
    if kind == "VCALENDAR":
        return Ignored("empty_calendar")
    if kind != "VEVENT":
        if kind in _NOT_MEETINGS:
            return Ignored(_NOT_MEETINGS[kind])
        if kind.startswith("X-"):
            return Ignored("extension_component")
        raise Reject("unknown_type", "BEGIN", f"component {kind[:60]!r} is not known")
    method = string(calendar, "METHOD").upper()
    if method in _NOT_INVITATIONS:
        return Ignored(_NOT_INVITATIONS[method])
    try:
        return _meeting(component, method, zones, context)
    except FAULTS as error:
        raise Reject("malformed_ics", "VEVENT", f"not a readable VEVENT: {str(error)[:200]}") from None


def _meeting(component: Component, method: str, zones: Zones, context: Context) -> list[Event] | Ignored:
    parties, organizer, room = _people(component)
    is_void = method == "CANCEL" or string(component, "STATUS").upper() == "CANCELLED"
    if not parties and not is_void:  # a cancellation need not repeat whom the entry was with
        return Ignored("private_entry")
    moved = moment_of(component, "RECURRENCE-ID")
    start = moment_of(component, "DTSTART") or (moved if is_void else None)
    if start is None:
        raise Reject("missing_field", "DTSTART", "the VEVENT has no DTSTART")
    entry = _entry(component, parties, organizer, room, is_void)
    is_added = method == "ADD"  # dates beside those of the series (RFC 5546, 3.2.4), which is no new version of it
    is_exception = moved is not None or is_added
    revision = revision_of(entry.sequence, entry.recorded_at, is_cancelled=is_void, is_exception=is_exception)
    slot, zone = _slot(component, start, zones)
    repeats = any(component.get(name) for name in ("RRULE", "RDATE"))
    if moved is not None or (is_added and not repeats):
        token = _token(moved or start, component, zones, zone)
        return [_event(entry, msgspec.structs.replace(slot, token=token), revision)]
    if not repeats:
        return [_event(entry, slot, revision)]
    events = [_event(entry, one, revision) for one in series(component, slot, zone, zones, context.until)]
    # under the series' own id it ends the exceptions too, and what an earlier version had planned
    if is_void and not is_added:
        events.append(_event(entry, slot, revision))
    return events or Ignored("no_occurrence")


def _event(entry: Entry, slot: Slot, revision: int) -> Event:
    event_id = f"{entry.uid}/{slot.token}" if slot.token else entry.uid
    return event_of(entry, slot, event_id=event_id, revision=revision, join_keys=_google_keys(entry.uid, slot.token))


def _google_keys(uid: str, token: str | None) -> tuple[str, ...]:
    """By what Google's reports of meetings call an entry of Google's: its UID before the ``@``, and that of its date."""
    native = uid.removesuffix(_GOOGLE)
    if native == uid or not native:
        return ()
    return (f"gcal:{native}", f"gcal:{native}_{token}") if token else (f"gcal:{native}",)


# who and what


def _entry(
    component: Component, parties: tuple[Party, ...], organizer: Party | None, room: str | None, is_void: bool
) -> Entry:
    files, attached = _attachments(component)
    where = _venue(component, attached, room, len(parties))
    is_tentative = string(component, "STATUS").upper() == "TENTATIVE"
    uid = clean_id(string(component, "UID")) or _stable_uid(component, organizer)
    return Entry(
        source="/ics",
        uid=uid,
        subject=title(string(component, "SUMMARY")),
        venue=where,
        parties=parties,
        organizer=organizer.ids[0] if organizer and organizer.ids else None,
        status="cancelled" if is_void else "scheduled" if is_tentative else None,
        join_keys=(f"ical:{uid}", *where.join_keys),
        attachments=files,
        recorded_at=_recorded_at(component),
        sequence=_integer(component, "SEQUENCE"),
        explicit_job=job_label(string(component, "X-BUYING-JOB")) or job_among(_categories(component)),
    )


def _stable_uid(component: Component, organizer: Party | None) -> str:
    """For an exporter that gives none: what a person would tell the entry by."""
    start = component.get("DTSTART")
    parts = (
        start.to_ical().decode() if start else "",
        string(component, "SUMMARY"),
        str(organizer.ids if organizer else ""),
    )
    return hash_id("\x1f".join(parts))


def _people(component: Component) -> tuple[tuple[Party, ...], Party | None, str | None]:
    """(everybody, the organiser, the name of a booked room: one that declined was taken)."""
    room: str | None = None
    attendees: list[Party | None] = []
    for value in values(component, "ATTENDEE"):
        declined = parameter(value, "PARTSTAT").upper() in _STAYS_AWAY
        if parameter(value, "CUTYPE").upper() in ("ROOM", "RESOURCE"):
            room = room or (None if declined else parameter(value, "CN") or None)
            continue
        attendees.append(_person(value, role_of(parameter(value, "ROLE")), declined))
    stated = next(iter(values(component, "ORGANIZER")), None)
    organizer = _person(stated, "organizer", False) if stated is not None else None
    return gathered(organizer, attendees), organizer, room


def _person(value: Any, role: str, declined: bool) -> Party | None:
    address = str(value)
    if "@" not in address:  # Apple writes a path here and the address into a parameter
        address = parameter(value, "EMAIL") or address
    return person(address, parameter(value, "CN") or None, role, declined=declined)


def _venue(component: Component, attached: list[str], room: str | None, people: int) -> Venue:
    texts = [str(value) for name in _TEXTS for value in values(component, name)]
    return venue(
        string(component, "LOCATION"),
        texts + attached,
        topic=f"{string(component, 'SUMMARY')} {' '.join(_categories(component))}",
        room=room,
        people=people,
    )


def _categories(component: Component) -> list[str]:
    return [str(cat) for value in values(component, "CATEGORIES") for cat in getattr(value, "cats", [value])]


def _attachments(component: Component) -> tuple[tuple[str, ...], list[str]]:
    """(file names, texts that may be links)."""
    names: list[str] = []
    texts: list[str] = []
    for value in values(component, "ATTACH"):
        named = (parameter(value, key) for key in ("FILENAME", "X-FILENAME", "X-APPLE-FILENAME"))
        if name := clean_subject(next((one for one in named if one), None)):
            names.append(name)
        if isinstance(value, str):
            texts.append(str(value))
    return tuple(dict.fromkeys(names)), texts


def _recorded_at(component: Component) -> int | None:
    """LAST-MODIFIED, else DTSTAMP, else CREATED; None where they are missing, floating or broken."""
    for name in ("LAST-MODIFIED", "DTSTAMP", "CREATED"):
        value = next(iter(values(component, name)), None)
        moment = None if isinstance(value, vBroken) else getattr(value, "dt", None)
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            written = from_datetime(moment)
            if EARLIEST <= written < LATEST:
                return written
    return None


# when


def _slot(component: Component, start: date, zones: Zones) -> tuple[Slot, tzinfo]:
    """The entry's own time, and the zone whose clock it goes by."""
    end = moment_of(component, "DTEND")
    length = _length(component)
    if not isinstance(start, datetime):
        zone = zones.floating() or UTC
        return day_slot(start, _last_day(start, end, length), zone, "DTSTART"), zone
    stated = zone_name(component, "DTSTART" if "DTSTART" in component else "RECURRENCE-ID")
    begun = placed(start, stated, "DTSTART", zones, None)
    zone = begun.tzinfo or UTC
    if _is_whole_day(component) and start.time() == time():
        return day_slot(start.date(), _last_day(start.date(), end, length), zone, "DTSTART"), zone
    started = micros(begun, "DTSTART")
    if end is not None:
        ended = micros(placed(_as_datetime(end), zone_name(component, "DTEND"), "DTEND", zones, zone), "DTEND")
    else:
        ended = started + (length or timedelta()) // timedelta(microseconds=1)
    return Slot(started, ended, False), zone


def _is_whole_day(component: Component) -> bool:
    """Exchange writes whole days from midnight to midnight, and says of them what they are."""
    return string(component, "X-MICROSOFT-CDO-ALLDAYEVENT").upper() == "TRUE"


def _last_day(start: date, end: date | None, length: timedelta | None) -> date:
    """The day after the last one of an all-day entry."""
    if end is None:
        return start + (length or timedelta(days=1))
    if isinstance(end, datetime):
        return end.date() if end.time() == time() else end.date() + timedelta(days=1)
    return end


def _token(moved: date, component: Component, zones: Zones, own: tzinfo) -> str:
    """RECURRENCE-ID in the form that the series gives its occurrences."""
    if not isinstance(moved, datetime):
        return day_token(moved)
    is_day = _is_whole_day(component) or not isinstance(moment_of(component, "DTSTART") or moved, datetime)
    if is_day and moved.time() == time():  # of a day, some exporters name the midnight that it begins with
        return day_token(moved.date())
    planned = placed(moved, zone_name(component, "RECURRENCE-ID"), "RECURRENCE-ID", zones, own)
    return token_of(micros(planned, "RECURRENCE-ID"))


def _integer(component: Component, name: str) -> int | None:
    value = component.get(name)
    return int(value) if isinstance(value, int) else None


def _length(component: Component) -> timedelta | None:
    value = next(iter(values(component, "DURATION")), None)
    length = None if isinstance(value, vBroken) else getattr(value, "dt", None)
    return length if isinstance(length, timedelta) else None


def _as_datetime(moment: date) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())


SOURCE = SourceSpec(
    name="ics",
    title="iCalendar",
    channel="in_person",
    version="9",
    framing="ics",
    parse=parse,
    supports=(
        "VEVENT: single entries, series (RRULE, RDATE, EXDATE; the first 4,000 dates) and their moved or cancelled occurrences",
        "a change with RANGE=THISANDFUTURE moves its own date alone",
        "invitations by mail (METHOD REQUEST, PUBLISH, ADD, CANCEL); answers to them are ignored",
        "X-BUYING-JOB, or a category that names a buying job: the label of the meeting",
        "time zones by IANA and Windows names, VTIMEZONE and X-WR-TIMEZONE",
        "to-dos, journals, free/busy and entries without participants are ignored; a cancellation need not name any",
    ),
)
