"""Zoom: meeting webhooks, and what its REST API says of past and planned meetings."""

from __future__ import annotations

import re

import msgspec

from transforms.event import Event, Ignored, Reject
from transforms.frames.apart import Inner
from transforms.normal import clean_subject
from transforms.sources import Context, SourceSpec
from transforms.sources.zoom_plans import Plan, planned
from transforms.sources.zoom_reports import explode, parse_report
from transforms.sources.zoom_shapes import (
    Meeting,
    Person,
    join_keys,
    occurrence_key,
    participant,
    person_token,
    stay,
    token,
)
from transforms.times import SECOND, from_epoch_millis, parse_iso

OBJECT = "$.payload.object"
_PLANS = frozenset({"meeting.created", "meeting.updated", "meeting.recovered"})
_DELETIONS = frozenset({"meeting.deleted", "meeting.permanently_deleted"})
_PRODUCTS = frozenset(
    {
        "account", "app", "calendar", "chat_channel", "chat_message", "clinical_notes", "clips", "contact_center",
        "contacts", "docs", "endpoint", "hub", "imchat", "interactive_ivr", "mail", "meeting", "my_notes", "node", "notes",
        "number_management", "phone", "quality_management", "recording", "revenue_accelerator", "room_system", "rtms",
        "scheduler", "session", "tasks", "team_chat", "user", "video_management",
        "visitor_management", "webinar", "whiteboard", "workforce_management", "workspace",
        "zoom_events", "zoomroom"
    }
)  # fmt: skip
"""First words of Zoom's event names."""
_WITHOUT_PRODUCT = {
    "app_deauthorized": "app",
    "bot_installed": "team_chat",
    "bot_notification": "team_chat",
    "interactive_message_actions": "team_chat",
    "interactive_message_editable": "team_chat",
    "interactive_message_fields_editable": "team_chat",
    "interactive_message_select": "team_chat",
}
"""Names that are one word (most of them sent to chatbots), and their products."""
_SLUG = re.compile(r"[a-z0-9_.]{1,100}")


class Head(msgspec.Struct, frozen=True):
    """What a payload is, before anything else of it is believed."""

    event: str | None = None


class InMeeting(Meeting, frozen=True):
    participant: Person | None = None


class Payload(msgspec.Struct, frozen=True):
    object: InMeeting
    account_id: str | None = None
    time_stamp: int | None = None


class Webhook(msgspec.Struct, frozen=True):
    event: str
    payload: Payload
    event_ts: int | float | str | None = None


_head = msgspec.json.Decoder(Head)
_webhook = msgspec.json.Decoder(Webhook)


def parse(record: bytes, context: Context) -> list[Event] | Event | Ignored:
    """One webhook, REST object or row of a participants' list."""
    event = _head.decode(record).event
    if event is None:
        return parse_report(record, context)
    event = event.strip()  # in one of Zoom's own examples a space follows
    if event == "meeting.participant_joined" or event == "meeting.participant_left":
        return _presence(_decoded(record, event), context)
    if event == "meeting.started" or event == "meeting.ended":
        return _occurrence(_decoded(record, event), context)
    if event in _PLANS or event in _DELETIONS:
        return _plan(_decoded(record, event), context)
    return _no_engagement(event)


def _decoded(record: bytes, event: str) -> Webhook:
    webhook = _webhook.decode(record)
    return webhook if webhook.event == event else msgspec.structs.replace(webhook, event=event)


def _no_engagement(event: str) -> Ignored:
    """Alerts, recordings, chat, rooms, settings: counted by name (meetings) or by product."""
    if event in _WITHOUT_PRODUCT:
        return Ignored(_WITHOUT_PRODUCT[event])
    product, _, rest = event.partition(".")
    if product not in _PRODUCTS or not rest or not _SLUG.fullmatch(event):
        raise Reject("unknown_type", "$.event", f"event {event[:80]!r} is not known")
    if product == "meeting" or product == "endpoint":
        return Ignored(rest.replace(".", "_"))
    return Ignored(product)


def _source(payload: Payload) -> str:
    account = token(payload.account_id)
    return f"/zoom/{account}" if account else "/zoom"


def _sent_at(webhook: Webhook) -> int | None:
    return None if webhook.event_ts is None else from_epoch_millis(webhook.event_ts, "$.event_ts")


def _presence(webhook: Webhook, context: Context) -> Event:
    """Somebody joined or left."""
    meeting, person = webhook.payload.object, webhook.payload.object.participant
    if person is None:
        raise Reject("missing_field", f"{OBJECT}.participant", f"{OBJECT}.participant is missing")
    joins = webhook.event == "meeting.participant_joined"
    field = f"{OBJECT}.participant.{'join' if joins else 'leave'}_time"
    said = person.join_time if joins else person.leave_time
    sent = _sent_at(webhook)
    moment = parse_iso(said, field, meeting.timezone or context.zone) if said else sent
    if moment is None:
        raise Reject("missing_field", field, f"{field} is missing, and so is $.event_ts")
    if not joins and person.join_time:
        joined = parse_iso(person.join_time, f"{OBJECT}.participant.join_time", meeting.timezone or context.zone)
        if joined > moment:
            raise Reject("ends_before_start", field, f"{field} lies before the join_time beside it")
    key = occurrence_key(meeting, moment, f"{OBJECT}.uuid")
    party = participant(person, meeting, moment if joins else None, None if joins else moment)
    return Event(
        source=_source(webhook.payload),
        source_event_id=f"{webhook.event}/{key}/{person_token(person)}/{moment}",
        family="attendance",
        channel="video",
        medium="video_call",
        occurred_at=moment,
        recorded_at=sent,
        dedupe_key=f"meeting:zoom:{key}",
        native_session_id=stay(person),
        join_keys=join_keys(meeting),
        organizer=meeting.host(),
        subject_text=clean_subject(meeting.topic),
        parties=(party,),
    )


def _occurrence(webhook: Webhook, context: Context) -> Event:
    """A meeting began or is over. Neither says who was there, and its host's id alone would look like a stranger."""
    meeting = webhook.payload.object
    zone, sent = meeting.timezone or context.zone, _sent_at(webhook)
    start = parse_iso(meeting.start_time, f"{OBJECT}.start_time", zone) if meeting.start_time else sent
    end = None
    if webhook.event == "meeting.ended":
        end = parse_iso(meeting.end_time, f"{OBJECT}.end_time", zone) if meeting.end_time else sent
    if start is None:
        raise Reject("missing_field", f"{OBJECT}.start_time", f"{OBJECT}.start_time is missing, and so is $.event_ts")
    key = occurrence_key(meeting, start, f"{OBJECT}.uuid")
    return Event(
        source=_source(webhook.payload),
        source_event_id=f"{webhook.event}/{key}",
        family="attendance",
        channel="video",
        medium="video_call",
        occurred_at=start,
        ended_at=end,
        recorded_at=sent,
        dedupe_key=f"meeting:zoom:{key}",
        join_keys=join_keys(meeting),
        organizer=meeting.host(),
        subject_text=clean_subject(meeting.topic),
    )


def _plan(webhook: Webhook, context: Context) -> list[Event] | Ignored:
    """A meeting was planned, changed or deleted. Zoom sends only what changed; a change that tells no time is none."""
    payload, meeting, sent = webhook.payload, webhook.payload.object, _sent_at(webhook)
    number = meeting.number()
    if number is None:
        raise Reject("missing_field", f"{OBJECT}.id", f"{OBJECT}.id is missing")
    if webhook.event == "meeting.updated" and meeting.start_time is None and not meeting.occurrences:
        return Ignored("partial_update")
    revision = 1
    if webhook.event != "meeting.created":
        changed = sent if payload.time_stamp is None else from_epoch_millis(payload.time_stamp, "$.payload.time_stamp")
        if changed is None:
            raise Reject("missing_field", "$.event_ts", "$.event_ts is missing: which change is the later one?")
        revision = min(changed // SECOND, 2**31 - 1)
    is_void, is_change = webhook.event in _DELETIONS, webhook.event == "meeting.updated"
    return planned(Plan(_source(payload), meeting, number, revision, is_void, sent, OBJECT, is_change), context)


SOURCE = SourceSpec(
    name="zoom",
    title="Zoom Meetings",
    channel="video",
    version="10",
    framing="json",
    parse=parse,
    explode=explode,
    lists=(Inner(("payload", "object", "occurrences")), Inner(("occurrences",))),
    supports=(
        "webhooks meeting.participant_joined, meeting.participant_left: attendance",
        "webhooks meeting.started, meeting.ended: the occurrence's interval",
        "webhooks meeting.created, .updated, .deleted, .permanently_deleted, .recovered: plans; what a change leaves out stands",
        "REST past_meetings, report and metrics participants: attendance from joining to leaving; stays in a waiting room are none",
        "REST past_meetings, report, metrics and history of meetings: the occurrence's interval",
        "REST meetings of a user, one meeting: plans, one for each date",
        "all other webhooks (webinars, recordings, phone, rooms …): ignored, counted by name or product",
    ),
)
