"""Scheduled Zoom meetings: one event for each date that is planned, moved or deleted."""

from __future__ import annotations

import msgspec

from transforms.event import Event, Ignored, Party, Reject
from transforms.normal import clean_subject, email_id
from transforms.sources import Context
from transforms.sources.zoom_shapes import Meeting, Occurrence, join_keys, token
from transforms.times import MINUTE, parse_iso

LONGEST_PLAN = 7 * 24 * 60
"""Minutes; no meeting is planned for longer."""


class Plan(msgspec.Struct, frozen=True):
    """What all dates of one meeting share."""

    source: str
    meeting: Meeting
    number: str
    revision: int
    is_void: bool
    recorded_at: int | None
    where: str
    """JSON path of the meeting."""
    is_change: bool = False
    """The meeting holds only what changed."""


def planned(plan: Plan, context: Context) -> list[Event] | Ignored:
    """An event for each date. A meeting without a date (instant, or recurring without fixed times) is no plan."""
    meeting = plan.meeting
    if not meeting.occurrences:
        when = _when(meeting.start_time, f"{plan.where}.start_time", meeting, context)
        if when is None:
            return _undated(plan)
        return [_event(plan, when, _minutes(meeting.duration, f"{plan.where}.duration"), None, plan.is_void)]
    events = []
    for index, one in enumerate(meeting.occurrences):
        path = f"{plan.where}.occurrences[{index}]"
        when = _when(one.start_time, f"{path}.start_time", meeting, context)
        if when is None:
            raise Reject("missing_field", f"{path}.start_time", f"{path}.start_time is missing")
        minutes = one.duration if one.duration is not None else meeting.duration
        is_void = plan.is_void or one.status == "deleted"
        events.append(_event(plan, when, _minutes(minutes, f"{path}.duration"), one, is_void))
    return events


def _undated(plan: Plan) -> list[Event] | Ignored:
    if plan.is_void and plan.recorded_at is not None:
        return [_event(plan, plan.recorded_at, None, None, True)]
    return Ignored("undated_meeting")


def _when(text: str | None, field: str, meeting: Meeting, context: Context) -> int | None:
    return parse_iso(text, field, meeting.timezone or context.zone) if text else None


def _minutes(value: int | str | None, field: str) -> int | None:
    """A planned duration; reports of the past, which write ``"00:56"``, are no plans."""
    if value is None:
        return None
    minutes = int(value) if isinstance(value, int) or (value.isascii() and value.isdigit() and len(value) < 9) else -1
    if 0 <= minutes <= LONGEST_PLAN:
        return minutes
    raise Reject("invalid_field", field, f"{field} is {str(value)[:80]!r}: not a number of minutes up to a week")


def _event(plan: Plan, when: int, minutes: int | None, date: Occurrence | None, is_void: bool) -> Event:
    key = plan.number
    if date is not None:
        key = f"{key}/{token(date.occurrence_id) or when}"
    return Event(
        source=plan.source,
        source_event_id=f"meeting/{key}",
        # the API gives a meeting no number of its own: a date that was deleted outranks the same date as it was planned
        revision=min(plan.revision + (is_void and not plan.is_void), 2**31 - 1),
        is_void=is_void,
        family="schedule",
        channel="video",
        medium="video_call",
        status="scheduled",
        occurred_at=when,
        ended_at=None if minutes is None else when + minutes * MINUTE,
        recorded_at=plan.recorded_at,
        dedupe_key=f"meeting:zoom:{key}",
        join_keys=join_keys(plan.meeting),
        organizer=plan.meeting.host(),
        subject_text=clean_subject(plan.meeting.topic),
        parties=_invited(plan.meeting),
        left_out=_left_out(plan.meeting, minutes) if plan.is_change else (),
    )


def _left_out(meeting: Meeting, minutes: int | None) -> tuple[str, ...]:
    """Of what a plan tells, the fields that a change does not."""
    told = {
        "ended_at": minutes is not None,
        "join_keys": meeting.occurrence() is not None,
        "organizer": meeting.host() is not None,
        "subject_text": meeting.topic is not None,
        "parties": meeting.settings is not None and bool(meeting.settings.meeting_invitees),
    }
    return tuple(name for name, is_told in told.items() if not is_told)


def _invited(meeting: Meeting) -> tuple[Party, ...]:
    """The host, if known by address (a host's id alone would look like a stranger), and who was invited."""
    host = email_id(meeting.host_email) if meeting.host_email else None
    parties = {host: Party(ids=(host,), role="organizer")} if host else {}
    for invitee in meeting.settings.meeting_invitees if meeting.settings else ():
        known = email_id(invitee.email) if invitee.email else None
        if known and known not in parties:
            parties[known] = Party(ids=(known,), role="required")
    return tuple(parties.values())
