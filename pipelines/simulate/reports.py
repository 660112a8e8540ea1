"""Who was in a call, as Zoom's webhooks and as Google Meet's audit activities."""

from __future__ import annotations

import base64
from typing import NamedTuple

from pipelines.simulate.clock import iso, iso_millis
from pipelines.simulate.stage import Stage
from pipelines.simulate.world import COMPANY, Human

ZOOM_ACCOUNT = "acc-vendor"


class Leg(NamedTuple):
    """One stay of one person in a call; seconds."""

    human: Human
    is_buyer: bool
    joined: int
    left: int


def zoom_key(native: str) -> str:
    return f"meeting:zoom:{_uuid(native)}"


def meet_key(native: str) -> str:
    return f"meeting:meet:{native}"


def _uuid(native: str) -> str:
    """Ten hex digits to Zoom's form of an occurrence's UUID: sixteen bytes in base64."""
    return base64.b64encode((native * 2)[:16].encode()).decode()


def write_zoom(stage: Stage, native: str, number: str, topic: str, legs: list[Leg]) -> int:
    """Start, joins, leaves and end of one occurrence; returns how many records count."""
    first, last = min(leg.joined for leg in legs), max(leg.left for leg in legs)
    meeting = (
        f'"uuid":"{_uuid(native)}","id":"{number}","type":2,"topic":"{topic}","host_id":'
        f'"{_host(legs[0].human)}","start_time":'
        f'"{iso(first)}","timezone":"UTC","duration":60'
    )
    _zoom(stage, "meeting.started", first, meeting, "accepted")
    people: dict[str, int] = {}
    for leg in legs:
        seat = people.setdefault(leg.human.key, len(people))
        token = f"{native}{seat:02d}{leg.joined % 100_000:05d}"
        who = (
            f'"user_id":"{16_778_240 + seat}","participant_uuid":"{token}","user_name":"{leg.human.name}","email":'
            f'"{leg.human.email}","id":"","registrant_id":""'
        )
        joined = f'{meeting},"participant":{{{who},"join_time":"{iso(leg.joined)}"}}'
        left = f'{meeting},"participant":{{{who},"leave_time":"{iso(leg.left)}","leave_reason":"left the meeting"}}'
        _zoom(stage, "meeting.participant_joined", leg.joined, joined, "accepted")
        _zoom(stage, "meeting.participant_left", leg.left, left, "accepted")
    _zoom(stage, "meeting.ended", last, f'{meeting},"end_time":"{iso(last)}"', "accepted")
    if stage.rng.random() < 0.3:
        _zoom(stage, "meeting.sharing_started", first + 60, meeting, "ignored")
    return 2 * len(legs) + 2


def _host(human: Human) -> str:
    return f"zoom-{human.key.lower()}"


def _zoom(stage: Stage, event: str, at: int, what: str, outcome: str) -> None:
    stage.put(
        "zoom",
        at,
        f'{{"event":"{event}","event_ts":{at * 1000 + 420},"payload":{{"account_id":"{ZOOM_ACCOUNT}","object":'
        f"{{{what}}}}}}}",
        outcome,
    )


def write_meet(stage: Stage, native: str, code: str, event_id: str, organizer: str, legs: list[Leg]) -> int:
    """One ``call_ended`` for each stay; returns how many there are."""
    for leg in legs:
        named = (
            ("meeting_code", code.upper()), ("conference_id", native), ("calendar_event_id", event_id),
            ("organizer_email", organizer), ("identifier", leg.human.email), ("identifier_type", "email_address"),
            ("display_name", leg.human.name), ("device_type", "web"), ("location_country", "DE"),
        )  # fmt: skip
        parameters = ",".join(f'{{"name":"{name}","value":"{value}"}}' for name, value in named)
        numbers = (
            f'{{"name":"duration_seconds","intValue":"{leg.left - leg.joined}"}},{{"name":'
            f'"start_timestamp_seconds","intValue":'
            f'"{leg.joined}"}},{{"name":"is_external","boolValue":{str(leg.is_buyer).lower()}}}'
        )
        stage.put(
            "google_meet",
            leg.left,
            f'{{"kind":"admin#reports#activity","id":{{"time":"{iso_millis(leg.left * 1000)}","uniqueQualifier":'
            f'"{-stage.rng.getrandbits(62)}","applicationName":"meet","customerId":"C0{COMPANY[:6]}"}},"etag":'
            f'"\\"{stage.hex(8)}\\"",'
            f'"actor":{{"callerType":"USER","email":"{leg.human.email}","profileId":'
            f'"{stage.rng.getrandbits(60)}"}},"events":'
            f'[{{"type":"call","name":"call_ended","parameters":[{parameters},{numbers}]}}]}}',
            "accepted",
        )
    return len(legs)
