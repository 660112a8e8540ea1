"""Native payloads in short form: (path below the inbox, bytes)."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

File = tuple[str, bytes]
Stay = tuple[str, datetime, datetime]
"""Address, joined, left."""
Message = tuple[str, str, datetime, str]
"""Type of the author, address, when, text."""


def payload(name: str, data: Any) -> File:
    return name, json.dumps(data).encode()


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def mail(name: str, when: datetime, sender: str, to: str, subject: str, *lines: str, body: str) -> File:
    """``lines`` are further headers."""
    head = [f"Message-ID: <{name}@mail.example>", f"Date: {format_datetime(when)}", f"From: {sender}", f"To: {to}"]
    return f"email/{name}.eml", "\r\n".join([*head, f"Subject: {subject}", *lines, "", body, ""]).encode()


def gmail(name: str, thread: str, when: datetime, sender: str, to: str, subject: str, *lines: str, body: str) -> File:
    """A message of Gmail's API; ``lines`` are further headers."""
    head = [f"Message-ID: <{name}@mail.example>", f"Date: {format_datetime(when)}", f"From: {sender}", f"To: {to}"]
    headers = [line.partition(": ") for line in [*head, f"Subject: {subject}", *lines]]
    text = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
    data = {
        "id": f"g{name}",
        "threadId": thread,
        "labelIds": ["INBOX"],
        "internalDate": str(epoch(when) * 1000),
        "payload": {
            "mimeType": "text/plain",
            "headers": [{"name": key, "value": value} for key, _, value in headers],
            "body": {"size": len(body), "data": text},
        },
    }
    return payload(f"gmail/{name}.json", data)


def slack_user(user: str, when: datetime, email: str, phone: str) -> File:
    """A profile."""
    profile = {key: value for key, value in (("real_name", user), ("email", email), ("phone", phone)) if value}
    event = {"type": "user_change", "user": {"id": user, "updated": epoch(when), "profile": profile}}
    data = {"type": "event_callback", "team_id": "T0VENDOR", "event_time": epoch(when), "event": event}
    return payload(f"slack/user-{user}-{epoch(when)}.json", data)


def intercom_contact(contact: str, when: datetime, email: str, phone: str, absorbed: str) -> File:
    """A contact, which may have been merged with another."""
    told = {"email": email, "phone": phone} if not absorbed else {"email": email}
    item = {"type": "contact", "id": contact, "role": "user", "updated_at": epoch(when)}
    item |= {key: value for key, value in told.items() if value}
    if absorbed:
        item["merged_from"] = {"type": "contact", "id": absorbed}
    data = {
        "type": "notification_event",
        "topic": "contact.merged" if absorbed else "contact.created",
        "id": f"n-{contact}-{epoch(when)}",
        "created_at": epoch(when),
        "data": {"type": "notification_event_data", "item": item},
    }
    return payload(f"intercom/contact-{contact}-{epoch(when)}.json", data)


def snowplow(name: str, when: datetime, path: str, user: str, device: str) -> File:
    """A view of a page, as the analytics SDKs write it."""
    data = {
        "platform": "web",
        "event": "page_view",
        "event_name": "page_view",
        "event_id": name,
        "collector_tstamp": f"{when:%Y-%m-%dT%H:%M:%S}.900Z",
        "derived_tstamp": f"{when:%Y-%m-%dT%H:%M:%S.%f}Z",
        "domain_userid": device or None,
        "user_id": user or None,
        "page_url": f"https://www.vendor.example{path}",
        "page_urlpath": path,
    }
    return payload(f"snowplow/{name}.json", data)


def slack(channel: str, user: str, when: datetime, text: str, **fields: Any) -> File:
    """A message of the Events API; ``fields`` replace those of the inner event."""
    ts = f"{epoch(when)}.000000"
    event = {"type": "message", "channel": channel, "user": user, "text": text, "ts": ts, "event_ts": ts} | fields
    data = {"type": "event_callback", "team_id": "T0VENDOR", "event_time": epoch(when), "event": event}
    return payload(f"slack/{channel}-{ts}-{user}-{event.get('subtype', '')}.json", data)


def intercom(conversation: str, *messages: Message) -> File:
    """A conversation of the REST API."""
    first, *rest = messages
    source = {"type": "conversation", "id": f"{conversation}-0", "delivered_as": "customer_initiated", "subject": ""}
    parts = [
        {
            "type": "conversation_part",
            "id": f"{conversation}-{n}",
            "part_type": "comment",
            "body": message[3],
            "created_at": epoch(message[2]),
            "updated_at": epoch(message[2]),
            "author": author(message),
        }
        for n, message in enumerate(rest, 1)
    ]
    data = {
        "type": "conversation",
        "id": conversation,
        "created_at": epoch(first[2]),
        "updated_at": epoch(messages[-1][2]),
        "source": source | {"body": first[3], "author": author(first)},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": parts},
    }
    return payload(f"intercom/{conversation}.json", data)


def author(message: Message) -> dict[str, str]:
    """Of ``c-7=ann@a.example`` the id and the address, which may be left out; an address alone is both."""
    kind, named = message[:2]
    native, _, address = named.rpartition("=")
    return {"type": kind, "id": native or address or kind, "name": named or "Fin", "email": address}


def segment(name: str, kind: str, when: datetime, **call: Any) -> File:
    data = {"type": kind, "messageId": name, "timestamp": when.isoformat(), **call}
    return payload(f"segment/{name}.json", data)


def zoom(name: str, number: str, *stays: Stay) -> list[File]:
    """Joins and leaves of one occurrence."""
    files = []
    for n, (address, *moments) in enumerate(stays):
        for kind, column, moment in zip(("joined", "left"), ("join_time", "leave_time"), moments, strict=True):
            person = {"user_id": str(n), "participant_uuid": address, "user_name": address, "email": address}
            person[column] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            meeting = {"uuid": f"{name}==", "id": number, "type": 2, "topic": "Call", "timezone": "UTC"}
            data = {
                "event": f"meeting.participant_{kind}",
                "event_ts": epoch(moment) * 1000,
                "payload": {"account_id": "acc", "object": meeting | {"participant": person}},
            }
            files.append(payload(f"zoom/{name}-{n}-{kind}.json", data))
    return files


def meet_left(conference: str, code: str, stay: Stay, n: int, **fields: str) -> File:
    """The Admin report's line for somebody who left a call."""
    address, joined, left = stay
    named = {
        "conference_id": conference,
        "meeting_code": code,
        "identifier": address,
        "identifier_type": "email_address",
        "display_name": address,
        "device_type": "web",
        **fields,
    }
    seconds = {"name": "duration_seconds", "intValue": str((left - joined) // timedelta(seconds=1))}
    parameters = [*({"name": name, "value": value} for name, value in named.items()), seconds]
    unique = {"uniqueQualifier": f"{address}{n}", "applicationName": "meet", "customerId": "C0"}
    data = {
        "kind": "admin#reports#activity",
        "id": {"time": left.isoformat(), **unique},
        "actor": {"callerType": "USER", "email": address},
        "events": [{"type": "call", "name": "call_ended", "parameters": parameters}],
    }
    return payload(f"google_meet/{conference}-{address}-{n}.json", data)


def ics(
    name: str,
    start: datetime,
    end: datetime,
    organizer: str,
    guests: list[str],
    *lines: str,
    method: str = "",
    declined: Sequence[str] = (),
) -> File:
    """One VEVENT; ``lines`` are further properties. The organiser is a guest only to decline."""
    answers = {guest: "DECLINED" if guest in declined else "ACCEPTED" for guest in [*guests, *declined]}
    text = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        *([f"METHOD:{method}"] if method else []),
        "BEGIN:VEVENT",
        f"UID:{name}",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{end:%Y%m%dT%H%M%SZ}",
        f"ORGANIZER:mailto:{organizer}",
        *(f"ATTENDEE;PARTSTAT={answer}:mailto:{guest}" for guest, answer in answers.items()),
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    version = "-".join(line.partition(":")[2] for line in lines if line.startswith("SEQUENCE:"))
    return f"ics/{name}-{version}-{method.lower()}.ics", "\r\n".join(text).encode()


def google_event(name: str, start: datetime, end: datetime, organizer: str, guests: list[str], **fields: Any) -> File:
    """An event of Google Calendar's API."""
    data = {
        "kind": "calendar#event",
        "id": name,
        "iCalUID": f"{name}@calendar.example",
        "status": "confirmed",
        "updated": "2026-03-01T08:00:00Z",
        "organizer": {"email": organizer},
        "attendees": [{"email": guest, "responseStatus": "accepted"} for guest in guests],
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": end.isoformat()},
        **fields,
    }
    return payload(f"google_calendar/{name}.json", data)
