"""Zoom's REST answers: participants of past meetings, past meetings, planned meetings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from transforms.event import Event, Ignored, Party, Reject, hash_id
from transforms.normal import clean_subject, email_id
from transforms.sources import Context
from transforms.sources.zoom_plans import Plan, planned
from transforms.sources.zoom_shapes import (
    WEBINAR_TYPES,
    Meeting,
    Person,
    join_keys,
    occurrence_key,
    participant,
    person_token,
    stay,
)
from transforms.times import parse_iso

SOURCE_REF = "/zoom"

_UUID_IN_NAME = re.compile(r"[A-Za-z0-9+/]{22}==")
_NUMBER_IN_NAME = re.compile(r"meetings?[-_/=]{0,2}(\d{9,12})(?!\d)")
_LISTS = ("meetings", "history_meetings", "webinars")
_OTHER_REPORTS = {
    "recording_files": "recording",
    "archive_files": "recording",
    "cloud_recording_storage": "recording",
    "analytics_summary": "recording",
    "analytics_details": "recording",
    "on_demand": "recording",
    "share_url": "recording",
    "questions": "survey",
    "custom_questions": "survey",
    "survey_answers": "survey",
    "registrants": "registration",
    "registrant_id": "registration",
    "panelists": "webinar",
    "panelist_id": "webinar",
    "sessions": "chat_report",
    "messages": "chat_report",
    "dates": "daily_report",
    "meeting_activity_logs": "activity_log",
    "summary_content": "summary",
    "summary_details": "summary",
    "user_qos": "quality",
    "qos": "quality",
    "quality": "quality",
    "details": "sharing",
    "call_logs": "phone",
    "call_path": "phone",
    "voice_mails": "phone",
    "sms_sessions": "phone",
}
"""A key that only one kind of answer has, and the reason why that kind is no engagement."""


_COUNTS = frozenset({"total_minutes", "participants_count"})
"""What only a meeting has. A user's report tells beside them when that user joined and left, by another clock and in another form."""

NOTHING = msgspec.Raw()


class Page(msgspec.Struct, frozen=True):
    """The lists that an answer may hold. A report on one meeting has a number under ``participants``."""

    event: msgspec.Raw = NOTHING
    participants: msgspec.Raw = NOTHING
    meetings: msgspec.Raw = NOTHING
    history_meetings: msgspec.Raw = NOTHING
    webinars: msgspec.Raw = NOTHING
    total_records: int | None = None


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One participant of a list, with what the list and its file's name say about the meeting."""

    participant: msgspec.Raw
    meeting: Meeting


class TypedRow(msgspec.Struct, frozen=True):
    participant: Person
    meeting: Meeting


_page = msgspec.json.Decoder(Page)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_people = msgspec.json.Decoder(list[Person])
_keys = msgspec.json.Decoder(dict[str, msgspec.Raw])
_meeting = msgspec.json.Decoder(Meeting)
_person = msgspec.json.Decoder(Person)
_row = msgspec.json.Decoder(TypedRow)


def explode(frame: bytes, context: Context) -> Iterable[bytes]:
    """An answer's list to its elements; a webhook, a lone object and an empty list are one record."""
    try:
        page = _page.decode(frame)
        if page.event is not NOTHING:
            return [frame]
        for items in (page.meetings, page.history_meetings, page.webinars):
            if _is_list(items):
                return [bytes(one) for one in _list.decode(items)] or [frame]
        if _is_list(page.participants):
            return _rows(page, frame, context) or [frame]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # the adapter says what is wrong with it
    return [frame]


def _is_list(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"["


def _rows(page: Page, frame: bytes, context: Context) -> list[bytes]:
    people = _list.decode(page.participants)
    meeting = named_meeting(_meeting.decode(frame), context.name)
    if meeting.occurrence() is None and meeting.number() is None and page.total_records == len(people):
        meeting = msgspec.structs.replace(meeting, uuid=_fingerprint(page.participants))
    return [msgspec.json.encode(Row(one, meeting)) for one in people]


def named_meeting(meeting: Meeting, name: str) -> Meeting:
    """The meeting, named as its file is (``past_meetings/<uuid>/participants.json``) if it has no name itself."""
    if meeting.occurrence() or meeting.number():
        return meeting
    plain = unquote(unquote(name))  # Zoom wants UUIDs encoded twice
    uuid, number = _UUID_IN_NAME.search(plain), _NUMBER_IN_NAME.search(plain)
    return msgspec.structs.replace(meeting, uuid=uuid[0] if uuid else None, id=number[1] if number else None)


def _fingerprint(participants: msgspec.Raw) -> str | None:
    """A name for the unnamed meeting of a list that is complete: who was there when."""
    try:
        people = _people.decode(participants)
    except msgspec.ValidationError:
        return None
    lines = sorted(f"{person_token(one)} {one.join_time} {one.leave_time}" for one in people)
    return "report-" + hash_id("\n".join(lines))


def parse_report(record: bytes, context: Context) -> list[Event] | Event | Ignored:
    """One REST object, or one row of a participants' list."""
    keys = _keys.decode(record)
    if "participant" in keys and "meeting" in keys:
        row = _row.decode(record)
        return _attendance(row.participant, row.meeting, _keys.decode(keys["participant"]), "$.participant", context)
    for key, reason in _OTHER_REPORTS.items():
        if key in keys:
            return Ignored(reason)
    for name in ("participants", *_LISTS):
        if name in keys and _is_list(keys[name]):
            return _unread_page(name, _list.decode(keys[name]), record)
    if "join_time" in keys and not keys.keys() & _COUNTS:
        return _attendance(_person.decode(record), _meeting.decode(record), keys, "$", context)
    return _meeting_report(record, keys, context)


def _unread_page(name: str, items: list[msgspec.Raw], record: bytes) -> Ignored:
    """A list that ``explode`` left whole: it is empty, or what stands around it is wrong."""
    if not items:
        return Ignored("empty_page")
    _meeting.decode(record)  # names the field
    raise Reject("invalid_field", f"$.{name}", f"$.{name} cannot be split into its {len(items)} elements")


def _meeting_report(record: bytes, keys: dict[str, msgspec.Raw], context: Context) -> list[Event] | Event | Ignored:
    meeting = _meeting.decode(record)
    named_webinar = "webinar" in context.name.lower() and bool(keys.keys() & {"id", "uuid"})
    if named_webinar or meeting.type == "Webinar" or meeting.type in WEBINAR_TYPES:
        return Ignored("webinar")
    if meeting.end_time is not None:
        return _past(meeting, keys, context)
    number = meeting.number()
    if number is None:
        if meeting.occurrence() is not None and meeting.start_time is not None:
            return Ignored("instance")
        raise Reject("unknown_type", "$", "neither a Zoom webhook nor a meeting or participant of Zoom's API")
    if not keys.keys() & {"join_url", "created_at", "settings", "topic", "host_id", "host_email"}:
        raise Reject("unknown_type", "$", "an id alone: neither a Zoom webhook nor a meeting of Zoom's API")
    recorded = parse_iso(meeting.created_at, "$.created_at", meeting.timezone) if meeting.created_at else None
    plan = Plan(SOURCE_REF, meeting, number, revision=1, is_void=False, recorded_at=recorded, where="$")
    return planned(plan, context)


def _past(meeting: Meeting, keys: dict[str, msgspec.Raw], context: Context) -> Event:
    """A meeting that took place, without who was there; it was held if Zoom counted more than one participant."""
    if meeting.start_time is None:
        raise Reject("missing_field", "$.start_time", "$.start_time is missing")
    zone = meeting.timezone or context.zone
    start = parse_iso(meeting.start_time, "$.start_time", zone)
    end = parse_iso(meeting.end_time or meeting.start_time, "$.end_time", zone)
    key = occurrence_key(meeting, start, "$.uuid")
    address = meeting.host_email or meeting.user_email
    host = email_id(address) if address else None
    return Event(
        source=SOURCE_REF,
        source_event_id=f"past_meeting/{key}",
        family="attendance",
        channel="video",
        medium="video_call",
        status="held" if (_headcount(meeting, keys) or 0) >= 2 else None,
        occurred_at=start,
        ended_at=end,
        dedupe_key=f"meeting:zoom:{key}",
        join_keys=join_keys(meeting),
        organizer=meeting.host(),
        subject_text=clean_subject(meeting.topic),
        parties=(Party(ids=(host,), role="organizer"),) if host else (),
    )


def _headcount(meeting: Meeting, keys: dict[str, msgspec.Raw]) -> int | None:
    if meeting.participants_count is not None:
        return meeting.participants_count
    raw = bytes(keys["participants"]) if "participants" in keys else b""  # the dashboard's name for it
    return int(raw) if raw.isdigit() and len(raw) < 9 else None


def _attendance(
    person: Person, meeting: Meeting, keys: dict[str, msgspec.Raw], where: str, context: Context
) -> Event | Ignored:
    """One stay of one participant, from joining to leaving."""
    for key in ("user_qos", "qos", "quality", "details"):
        if key in keys:
            return Ignored(_OTHER_REPORTS[key])
    if "webinar" in context.name.lower() or meeting.type in WEBINAR_TYPES:
        return Ignored("webinar")
    if person.status == "in_waiting_room":
        return Ignored("waiting_room")
    if person.join_time is None:
        raise Reject("missing_field", f"{where}.join_time", f"{where}.join_time is missing")
    zone = meeting.timezone or context.zone
    joined = parse_iso(person.join_time, f"{where}.join_time", zone)
    left = parse_iso(person.leave_time, f"{where}.leave_time", zone) if person.leave_time else None
    if where == "$":  # a row that carries its meeting's names itself; ``id`` is the person's
        meeting = Meeting(uuid=person.meeting_uuid, id=person.meeting_id, topic=meeting.topic)
    elif meeting.occurrence() is None and (person.meeting_uuid or person.meeting_id):
        meeting = msgspec.structs.replace(meeting, uuid=person.meeting_uuid, id=meeting.id or person.meeting_id)
    key = occurrence_key(meeting, joined, "$.meeting_uuid")
    party = participant(person, meeting, joined, left)
    return Event(
        source=SOURCE_REF,
        source_event_id=f"participant/{key}/{person_token(person)}/{joined}",
        family="attendance",
        channel="video",
        medium="video_call",
        occurred_at=joined,
        ended_at=left,
        dedupe_key=f"meeting:zoom:{key}",
        native_session_id=stay(person),
        join_keys=join_keys(meeting),
        organizer=meeting.host(),
        subject_text=clean_subject(meeting.topic),
        parties=(party,),
    )
