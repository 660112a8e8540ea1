"""Google Meet: the Admin SDK's activity reports (``applicationName`` ``meet``), one ``call_ended`` for each stay.

Google writes the entry when somebody leaves. It names the conference (one occurrence), the meeting code (the room, that
recurring meetings share) and the calendar entry, so that calendar and report find each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from transforms.event import Event, Ignored, Party, Reject
from transforms.frames.apart import Inner
from transforms.normal import clean_subject, email_id, native_id, phone_id, scrub
from transforms.sources import Context, SourceSpec
from transforms.times import DAY, SECOND, checked, from_epoch_seconds, parse_iso, to_datetime

LONGEST_STAY = 7 * 24 * 3600
"""Seconds; a call that says more has a broken counter."""
LONGEST_ID = 300
MASK = "*"
"""What Google puts for letters of an outside participant's address (``be***@n***.example``) in some calls."""
PAGES = frozenset({"admin#reports#activities", "reports#activities"})
ACTIVITIES = frozenset({"admin#reports#activity", "audit#activity"})
"""As the API sends them, and as its reference calls them."""
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,60}")
_REST = ("conferenceRecords", "participants", "participantSessions")
_NOTIFIED = ("conferenceRecord", "participantSession", "recording", "transcript")
"""What the Meet REST API answers with, and what Workspace events about it hold: names of its resources."""


class Id(msgspec.Struct, rename="camel", frozen=True):
    application_name: str
    time: str
    unique_qualifier: str | int | None = None
    customer_id: str | None = None


class Parameter(msgspec.Struct, rename="camel", frozen=True):
    """One name with one of three kinds of value; Google writes 64-bit integers as text."""

    name: str
    value: str | int | float | bool | None = None
    int_value: str | int | None = None
    bool_value: bool | None = None


class Happening(msgspec.Struct, frozen=True):
    name: str
    parameters: tuple[Parameter, ...] = ()


class Activity(msgspec.Struct, frozen=True):
    """One entry of the report; what happened is in its events."""

    id: Id
    events: tuple[Happening, ...]


class Head(msgspec.Struct, frozen=True):
    """What a payload is, before anything else of it is believed. Only a page has ``items``."""

    kind: str | None = None
    items: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()


class Stay(msgspec.Struct, frozen=True):
    """The parameters of one ``call_ended`` by name."""

    texts: dict[str, str]
    external: bool | None
    where: str

    def text(self, name: str) -> str | None:
        return native_id(self.texts.get(name))[:LONGEST_ID] or None

    def path(self, name: str) -> str:
        return f"{self.where}.parameters.{name}"


_head = msgspec.json.Decoder(Head)
_items = msgspec.json.Decoder(list[msgspec.Raw])
_keys = msgspec.json.Decoder(dict[str, msgspec.Raw])
_activity = msgspec.json.Decoder(Activity)


def explode(frame: bytes, context: Context) -> Iterable[bytes]:
    """``{"items": [...]}`` to its activities; anything else, and a page without any, is one record."""
    try:
        items = bytes(_head.decode(frame).items)
        found = [bytes(one) for one in _items.decode(items)] if items[:1] == b"[" else []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = []  # the adapter says what is wrong with it
    return found or [frame]


def parse(record: bytes, context: Context) -> list[Event] | Ignored:
    """One activity to an event for each stay that it reports."""
    head = _head.decode(record)
    kind = head.kind
    if kind in PAGES:
        return Ignored("empty_page")
    if kind is not None and kind not in ACTIVITIES:
        raise Reject("unknown_type", "$.kind", f"kind {str(kind)[:80]!r} is no activity of the Admin SDK")
    if kind is None and not bytes(head.id):
        return _of_rest(_keys.decode(record))
    activity = _activity.decode(record)
    application = activity.id.application_name
    if application != "meet":
        return Ignored("application:" + _slug(application, "$.id.applicationName"))
    stays = [
        _event(activity, index, _stay(happening, index), context)
        for index, happening in enumerate(activity.events)
        if happening.name == "call_ended"
    ]
    if stays:
        return stays
    return Ignored(_slug(activity.events[0].name, "$.events[0].name") if activity.events else "no_events")


def _of_rest(keys: dict[str, msgspec.Raw]) -> Ignored:
    """A Workspace event that something happened in a call is no report of it. The REST API's own answers name nobody by an address, and
    no room by its code: rejected, for the same calls are in the Admin SDK's reports."""
    if len(keys) == 1 and keys.keys() <= set(_NOTIFIED):
        return Ignored("notification")
    name = bytes(keys.get("name", msgspec.Raw()))
    found = next((one for one in _REST if one in keys), "name" if name.startswith(b'"conferenceRecords/') else None)
    if found is None:
        raise Reject("missing_field", "$.id", "required field $.id is missing")
    told = "of the Meet REST API, which tells no addresses: deliver the Admin SDK's activities (applicationName meet)"
    raise Reject("unknown_type", f"$.{found}", f"$.{found} is {told}")


def _slug(name: str, field: str) -> str:
    if _SLUG.fullmatch(name):
        return name
    raise Reject("unknown_type", field, f"{field} is {name[:80]!r}: not a name that Google gives")


def _stay(happening: Happening, index: int) -> Stay:
    texts: dict[str, str] = {}
    external = None
    for one in happening.parameters:
        if one.name == "is_external":
            external = one.bool_value
        elif (value := one.value if one.value is not None else one.int_value) is not None:
            texts[one.name] = str(value)
    return Stay(texts, external, f"$.events[{index}]")


def _event(activity: Activity, index: int, stay: Stay, context: Context) -> Event:
    reported = parse_iso(activity.id.time, "$.id.time", context.zone)
    joined, left = _interval(stay, reported)
    occurred = left if joined is None else joined
    key, join_keys = _occurrence(stay, occurred)
    address = stay.text("organizer_email")
    organizer = email_id(address) if address and MASK not in address else None
    customer = native_id(activity.id.customer_id)[:LONGEST_ID]
    return Event(
        source=f"/google_meet/{customer}" if customer else "/google_meet",
        source_event_id=_native_id(activity, index, stay),
        family="attendance",
        channel="video",
        medium="video_call",
        occurred_at=occurred,
        ended_at=left,
        recorded_at=reported,
        dedupe_key=f"meeting:meet:{key}",
        join_keys=join_keys,
        organizer=organizer,
        parties=(_party(stay, organizer, joined, left),),
    )


def _native_id(activity: Activity, index: int, stay: Stay) -> str:
    """Google's (time, qualifier), and the place among the activity's events."""
    qualifier = activity.id.unique_qualifier
    told = stay.text("endpoint_id") or stay.text("identifier") if qualifier is None else str(qualifier)
    return scrub(f"{activity.id.time.strip()[:40]}/{(told or '')[:LONGEST_ID]}" + (f"/{index}" if index else ""))


def _interval(stay: Stay, reported: int) -> tuple[int | None, int]:
    """(joined, left): from Google's start if it is there, else back from the report; None without a duration."""
    seconds = _seconds(stay)
    start = stay.text("start_timestamp_seconds")
    if start is not None:
        joined = from_epoch_seconds(start, stay.path("start_timestamp_seconds"))
        return joined, reported if seconds is None else joined + seconds * SECOND
    if seconds is None:
        return None, reported
    return checked(reported - seconds * SECOND, "$.id.time", reported), reported


def _seconds(stay: Stay) -> int | None:
    text = stay.text("duration_seconds")
    if text is None:
        return None
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else LONGEST_STAY + 1
    if seconds <= LONGEST_STAY:
        return seconds
    field = stay.path("duration_seconds")
    raise Reject("invalid_field", field, f"{field} is {text[:80]!r}: not a number of seconds up to a week")


def _occurrence(stay: Stay, moment: int) -> tuple[str, tuple[str, ...]]:
    """What tells this call from others, and what else it is called. Without a conference id: one a room and day."""
    conference, code, entry = stay.text("conference_id"), stay.text("meeting_code"), stay.text("calendar_event_id")
    room = code.replace("-", "").lower() if code else None
    join_keys = []
    if conference:
        join_keys.append(f"uuid:{conference}")
    if room:
        join_keys.append(f"meet:{room}")
    if entry:
        join_keys.append(f"gcal:{entry}")
    if conference:
        return conference, tuple(join_keys)
    if room:
        return f"{room}/{to_datetime(moment // DAY * DAY):%Y%m%d}", tuple(join_keys)
    field = stay.path("conference_id")
    raise Reject("missing_field", field, f"{field} is missing, and so is meeting_code: which call was it?")


def _party(stay: Stay, organizer: str | None, joined: int | None, left: int) -> Party:
    ids = _ids(stay)
    return Party(
        ids=ids,
        role="organizer" if organizer is not None and organizer in ids else "attendee",
        name=clean_subject(stay.texts.get("display_name"), 200),
        # the report is the customer's own: who is not external to it is one of us, a meeting room's device too
        side="seller" if stay.external is False else None,
        attended=True,
        joined_at=joined,
        left_at=left,
    )


def _ids(stay: Stay) -> tuple[str, ...]:
    """By the identifier's type; somebody who only typed a name has none, and a masked address may be anybody's."""
    identifier, kind = stay.text("identifier"), stay.text("identifier_type")
    if identifier is None or MASK in identifier:
        return ()
    if kind == "device_id":
        return (f"external_id:google_meet:{identifier}",)
    found = phone_id(identifier) if kind == "phone_number" else email_id(identifier)
    return (found,) if found else ()


SOURCE = SourceSpec(
    name="google_meet",
    title="Google Meet (Admin SDK reports)",
    channel="video",
    version="5",
    framing="json",
    parse=parse,
    explode=explode,
    lists=(Inner(("events",)),),
    supports=(
        "activities.list of meet, call_ended: attendance from joining to leaving",
        "other events of meet: ignored, counted by name",
        "activities of other applications: ignored, counted by application",
        "events of Google Workspace about calls: ignored; answers of the Meet REST API, which tell no addresses: rejected",
    ),
)
