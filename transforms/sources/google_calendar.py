"""Google Calendar API v3: event resources, alone, in lists and in pages of a sync."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from typing import Any

import msgspec

from transforms.calendars.entries import (
    EXCEPTION,
    Entry,
    Slot,
    clean_id,
    day_slot,
    day_token,
    event_of,
    gathered,
    person,
    title,
    token_of,
)
from transforms.calendars.ical import FAULTS, Zones, borrowed, series
from transforms.calendars.venues import venue
from transforms.event import Event, Ignored, Party, Reject, hash_id
from transforms.jobs.label import job_label
from transforms.normal import clean_subject, email_id
from transforms.sources import Context, SourceSpec
from transforms.times import EARLIEST, SECOND, parse_iso, zone_of

_MEET_CODE = re.compile("[a-z]{3}-[a-z]{4}-[a-z]{3}")
_LAST_WORD = 2**31 - 1
"""Revision of a deletion that carries nothing but the id: ids are not used again."""
_SERIES = EXCEPTION
"""Taken off the revision of an occurrence that only its series describes, so that its own exception wins whenever each
of the two was edited."""

_NOT_EVENTS = {
    "calendar#calendarList": "calendar_list",
    "calendar#calendarListEntry": "calendar_list_entry",
    "calendar#calendar": "calendar",
    "calendar#settings": "settings",
    "calendar#setting": "settings",
    "calendar#acl": "access_rule",
    "calendar#aclRule": "access_rule",
    "calendar#freeBusy": "free_busy",
    "calendar#colors": "colors",
    "calendar#channel": "watch_channel",
    "api#channel": "watch_channel",
    "admin#reports#activity": "admin_report",
    "admin#reports#activities": "admin_report",
}
_NOT_MEETINGS = {
    "birthday": "birthday",
    "focusTime": "focus_time",
    "outOfOffice": "out_of_office",
    "workingLocation": "working_location",
}


class When(msgspec.Struct, rename="camel", frozen=True):
    date: str | None = None
    date_time: str | None = None
    time_zone: str | None = None


class Guest(msgspec.Struct, rename="camel", frozen=True):
    email: str | None = None
    display_name: str | None = None
    response_status: str | None = None
    optional: bool = False
    resource: bool = False
    organizer: bool = False
    is_self: bool = msgspec.field(name="self", default=False)
    """Whose calendar the event was read from."""


class EntryPoint(msgspec.Struct, rename="camel", frozen=True):
    uri: str | None = None


class Conference(msgspec.Struct, rename="camel", frozen=True):
    conference_id: str | None = None
    entry_points: tuple[EntryPoint, ...] = ()


class Attachment(msgspec.Struct, rename="camel", frozen=True):
    title: str | None = None
    file_url: str | None = None


class Resource(msgspec.Struct, rename="camel", frozen=True):
    """An event resource, as far as it says something about a meeting."""

    id: str | None = None
    iCalUID: str | None = msgspec.field(name="iCalUID", default=None)
    status: str | None = None
    event_type: str | None = None
    summary: str | None = None
    description: str | None = None
    location: str | None = None
    hangout_link: str | None = None
    conference_data: Conference | None = None
    organizer: Guest | None = None
    creator: Guest | None = None
    attendees: tuple[Guest, ...] = ()
    attendees_omitted: bool | None = False
    """Not all are named: guests may not see each other, or whoever asked wanted no more."""
    attachments: tuple[Attachment, ...] = ()
    start: When | None = None
    end: When | None = None
    original_start_time: When | None = None
    recurring_event_id: str | None = None
    recurrence: tuple[str, ...] = ()
    sequence: int = 0
    updated: str | None = None
    access_role: str | None = None
    extended_properties: Any = None
    """``private`` and ``shared`` names and values that an application wrote; whatever they are, the event is one."""
    calendar_time_zone: str | None = None
    """Of the page that the event came in; ``explode`` writes it into entries of a day."""
    calendar_summary: str | None = None
    """Likewise, into deletions: what the calendar is called, which for somebody's own is their address."""


class Head(msgspec.Struct, rename="camel", frozen=True):
    """What a payload is, before anything else of it is believed."""

    kind: str | None = None
    items: msgspec.Raw = msgspec.Raw()
    headers: msgspec.Raw = msgspec.Raw()


class Page(msgspec.Struct, rename="camel", frozen=True):
    items: list[msgspec.Raw] | None = None
    time_zone: msgspec.Raw = msgspec.Raw()
    summary: msgspec.Raw = msgspec.Raw()


_head = msgspec.json.Decoder(Head)
_page = msgspec.json.Decoder(Page)
_resource = msgspec.json.Decoder(Resource)


def explode(frame: bytes, context: Context) -> Iterable[bytes]:
    """``{"items": [...]}`` to its items; anything else, and a page without items, is one record.

    Where the page names the calendar's time zone, its all-day entries get it, for nothing in them says whose noon they mean; where it
    is called by an address, deletions that hold little but an id get that.
    """
    page = _page.decode(frame)
    if not page.items:
        return [frame]
    zone, owner = bytes(page.time_zone), bytes(page.summary)
    return [_with_page(bytes(item), zone, owner) for item in page.items]


def _with_page(item: bytes, zone: bytes, owner: bytes) -> bytes:
    if item[:1] != b"{":
        return item
    if zone[:1] == b'"' and b'"date"' in item:
        item = b'{"calendarTimeZone":' + zone + b"," + item[1:]
    if owner[:1] == b'"' and b"@" in owner and b'"cancelled"' in item and b'"start"' not in item:
        item = b'{"calendarSummary":' + owner + b"," + item[1:]
    return item


def parse(record: bytes, context: Context) -> list[Event] | Ignored:
    """One event resource to one event, or to one for each occurrence of a series."""
    head = _head.decode(record)
    if head.kind in _NOT_EVENTS:
        return Ignored(_NOT_EVENTS[head.kind])
    if head.kind == "calendar#events" or (head.kind is None and bytes(head.items)):
        return Ignored("empty_page")
    if head.kind not in (None, "calendar#event"):
        raise Reject("unknown_type", "$.kind", f"kind {str(head.kind)[:80]!r} is not known")
    if bytes(head.headers):
        return Ignored("watch_notification")
    resource = _resource.decode(record)
    if resource.event_type in _NOT_MEETINGS:
        return Ignored(_NOT_MEETINGS[resource.event_type])
    if resource.access_role is not None and resource.start is None:
        return Ignored("calendar_list_entry")
    if head.kind is None and resource.start is None and resource.status is None:
        raise Reject("unknown_type", "$", "neither kind nor start nor status: this is no event of Google Calendar")
    if (
        head.kind is None
        and resource.attendees
        and not any(guest.email or guest.display_name for guest in resource.attendees)
    ):
        raise Reject(
            "missing_field",
            "$.attendees[0].email",
            "none of $.attendees has an email: no guests as Google Calendar tells them",
        )
    return _meeting(resource, context)


def _meeting(resource: Resource, context: Context) -> list[Event] | Ignored:
    if _is_taken_off(resource):
        resource = msgspec.structs.replace(resource, status="confirmed")
    is_cancelled = resource.status == "cancelled"
    parties, organizer, room = _people(resource)
    if not parties and not is_cancelled:
        return Ignored("private_entry")
    native = clean_id(resource.id or "")
    if not native:
        raise Reject("missing_field", "$.id", "the event has no id")
    base = clean_id(resource.recurring_event_id or "") or native
    entry = _entry(resource, base, parties, organizer, room)
    keys = tuple(dict.fromkeys((f"gcal:{native}", f"gcal:{base}")))
    if is_cancelled and resource.start is None:
        owner = email_id(resource.calendar_summary) if resource.calendar_summary else None
        slot, revision = _forgotten(resource, context), _revision(resource) if resource.updated else _last_word(owner)
        gone = event_of(entry, slot, event_id=native, revision=revision, join_keys=keys)
        return [msgspec.structs.replace(gone, calendar=owner)]
    slot, zone = _slot(resource, context)
    planned = resource.original_start_time
    if planned is not None:
        slot = msgspec.structs.replace(slot, token=_token(planned, "$.originalStartTime", context))
    if not resource.recurrence or planned is not None:
        return [event_of(entry, slot, event_id=native, revision=_revision(resource), join_keys=keys)]
    revision = max(1, _revision(resource) - _SERIES)
    events = [
        event_of(
            entry,
            one,
            event_id=f"{native}_{one.token}",
            revision=revision,
            join_keys=(*keys, f"gcal:{native}_{one.token}"),
        )
        for one in _series(resource, slot, zone, context.until)
    ]
    if is_cancelled:  # under the series' own id it ends the exceptions too, and what an earlier version had planned
        events.append(event_of(entry, slot, event_id=native, revision=_revision(resource), join_keys=keys))
    return events or Ignored("no_occurrence")


def _is_taken_off(resource: Resource) -> bool:
    """Whether a guest who declined deleted it from their own calendar. Google calls that copy cancelled, too; the meeting stands."""
    if resource.status != "cancelled" or resource.start is None or (resource.organizer and resource.organizer.is_self):
        return False
    own = [guest for guest in resource.attendees if guest.is_self]
    return bool(own) and all(one.response_status == "declined" and not one.organizer for one in own)


def _revision(resource: Resource) -> int:
    """Epoch seconds of the last edit, else the sequence number, within what a revision may be."""
    number = parse_iso(resource.updated, "$.updated") // SECOND if resource.updated else resource.sequence + 1
    number -= bool(resource.attendees_omitted)  # of one edit, the copy that names everybody goes first
    return min(max(number, 1), _LAST_WORD - 1)


def _last_word(owner: str | None) -> int:
    """Of a deletion without a time. Those from several people's calendars are told apart: each may mean its own copy alone."""
    return _LAST_WORD if owner is None else _LAST_WORD - 1 - int(hash_id(owner)[:6], 16)


# who and what


def _entry(
    resource: Resource, base: str, parties: tuple[Party, ...], organizer: Party | None, room: str | None
) -> Entry:
    conference = resource.conference_data or Conference()
    texts = [resource.description, resource.hangout_link, *(point.uri for point in conference.entry_points)]
    texts += [one.file_url for one in resource.attachments]
    code = conference.conference_id or ""
    where = venue(
        resource.location,
        texts,
        topic=resource.summary or "",
        codes=["meet:" + code.replace("-", "")] if _MEET_CODE.fullmatch(code) else (),
        room=room,
        people=len(parties),
        online=bool(conference.entry_points),
    )
    uid = clean_id(resource.iCalUID or "") or f"{base}@google.com"
    names = (clean_subject(one.title) for one in resource.attachments)
    stated = {"cancelled": "cancelled", "tentative": "scheduled"}.get(resource.status or "")
    return Entry(
        source="/google_calendar",
        uid=uid,
        subject=title(resource.summary),
        venue=where,
        parties=parties,
        organizer=organizer.ids[0] if organizer and organizer.ids else None,
        status=stated,
        join_keys=(f"ical:{uid}", *where.join_keys),
        attachments=tuple(dict.fromkeys(name for name in names if name)),
        recorded_at=parse_iso(resource.updated, "$.updated") if resource.updated else None,
        sequence=resource.sequence,  # a deletion that tells neither this nor a time speaks for its own calendar
        explicit_job=_label(resource.extended_properties),
        left_out=("parties",) if resource.attendees_omitted else (),
    )


def _label(properties: Any) -> str | None:
    """The job that an extended property ``buying_job`` names."""
    if not isinstance(properties, dict):
        return None
    told = [part for part in (properties.get("private"), properties.get("shared")) if isinstance(part, dict)]
    named = (job_label(part.get(name)) for part in told for name in ("buying_job", "buyingJob"))
    return next((job for job in named if job), None)


def _people(resource: Resource) -> tuple[tuple[Party, ...], Party | None, str | None]:
    """(everybody, the organiser, the name of a booked room: one that declined was taken)."""
    room: str | None = None
    attendees: list[Party | None] = []
    for guest in resource.attendees:
        declined = guest.response_status == "declined"
        if guest.resource:
            room = room or (None if declined else guest.display_name)
            continue
        role = "optional" if guest.optional else "required"
        attendees.append(person(guest.email, guest.display_name, role, declined=declined))
    stated = resource.organizer or next((guest for guest in resource.attendees if guest.organizer), None)
    organizer = person(stated.email, stated.display_name, "organizer") if stated else None
    return gathered(organizer, attendees), organizer, room


# when


def _slot(resource: Resource, context: Context) -> tuple[Slot, tzinfo]:
    """The entry's own time, and the zone whose clock it goes by."""
    start, end = resource.start, resource.end
    if start is None:
        raise Reject("missing_field", "$.start", "the event has no start")
    zone = _zone(start, resource, context)
    if start.date is not None:
        first = _day(start.date, "$.start.date")
        last = _day(end.date, "$.end.date") if end and end.date is not None else first
        return day_slot(first, last, zone, "$.start.date"), zone
    begun = _instant(start, "$.start", context)
    ended = _instant(end, "$.end", context) if end and end.date_time is not None else begun
    return Slot(begun, ended, False), zone


def _instant(when: When, field: str, context: Context) -> int:
    if when.date_time is None:
        raise Reject("missing_field", f"{field}.dateTime", f"{field} has neither a date nor a dateTime")
    return parse_iso(when.date_time, f"{field}.dateTime", when.time_zone or context.zone)


def _zone(when: When, resource: Resource, context: Context) -> tzinfo:
    """By whose clock a series repeats and a day is placed; an offset knows no summer time but is better than none."""
    for name in (when.time_zone, context.zone, resource.calendar_time_zone):
        if name and (zone := zone_of(name)):
            return zone
    if when.date_time is not None:
        try:
            return datetime.fromisoformat(when.date_time.strip()).tzinfo or UTC
        except ValueError:
            return UTC  # ``_instant`` says what is wrong with it
    return UTC


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Reject("bad_timestamp", field, f"{field} is {text[:80]!r}: not a date") from None


def _token(planned: When, field: str, context: Context) -> str:
    if planned.date is not None:
        return day_token(_day(planned.date, f"{field}.date"))
    return token_of(_instant(planned, field, context))


def _forgotten(resource: Resource, context: Context) -> Slot:
    """When something was whose deletion says little but its id: its planned start, else the time of the deletion."""
    planned = resource.original_start_time
    if planned is not None:
        token = _token(planned, "$.originalStartTime", context)
        if planned.date is not None:
            day = _day(planned.date, "$.originalStartTime.date")
            return day_slot(day, day, _zone(planned, resource, context), "$.originalStartTime.date", token)
        moment = _instant(planned, "$.originalStartTime", context)
        return Slot(moment, moment, False, token)
    moment = parse_iso(resource.updated, "$.updated") if resource.updated else EARLIEST
    return Slot(moment, moment, False)


def _series(resource: Resource, slot: Slot, zone: tzinfo, until: int) -> list[Slot]:
    """The occurrences of a repeating entry, each with its token."""
    try:
        return series(borrowed(resource.recurrence), slot, zone, Zones({}, zone, None), until)
    except FAULTS as error:
        raise Reject("malformed_rule", "$.recurrence", f"recurrence cannot be followed: {str(error)[:200]}") from None


SOURCE = SourceSpec(
    name="google_calendar",
    title="Google Calendar",
    channel="in_person",
    version="13",
    framing="json",
    parse=parse,
    supports=(
        "events: single ones, series (recurrence; the first 4,000 dates), instances of a series, cancelled ones",
        "events.list pages and syncs: each item is a record",
        "an extended property buying_job: the label of the meeting",
        "birthdays, focus time, absences, working locations and entries without participants are ignored",
        "calendars, settings, access rules, free/busy, watch channels and admin reports are ignored",
    ),
    explode=explode,
)
