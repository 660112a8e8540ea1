"""Native payloads in short form, for scenarios written from the definitions: (path below the inbox, bytes)."""

from __future__ import annotations

import json
from datetime import datetime
from email.utils import format_datetime
from typing import Any

File = tuple[str, bytes]
SAM, DANA = "sam@vendor.example", "dana@vendor.example"


def at(text: str) -> datetime:
    """``03-06 16:30``, ``03-06 16:30:59`` in 2026, UTC; or a whole ISO time."""
    return datetime.fromisoformat(text if text[:2] == "20" else f"2026-{text}+00:00")


def epoch(text: str) -> int:
    return int(at(text).timestamp())


def mail(name: str, when: str, sender: str, to: str, subject: str, *lines: str, body: str = "Hello.") -> File:
    """One message; ``lines`` are further headers."""
    head = [f"Message-ID: <{name}@mail.example>", f"Date: {format_datetime(at(when))}", f"From: {sender}", f"To: {to}"]
    return (f"email/{name}.eml", "\r\n".join([*head, f"Subject: {subject}", *lines, "", body, ""]).encode())


def answers(name: str) -> str:
    return f"In-Reply-To: <{name}@mail.example>"


def slack(channel: str, user: str, when: str, text: str, **event: Any) -> File:
    """A message of the Events API; ``event`` replaces fields of the inner event."""
    ts = f"{epoch(when)}.000000"
    inner = {"type": "message", "channel": channel, "user": user, "text": text, "ts": ts, "event_ts": ts} | event
    data = {"type": "event_callback", "team_id": "T0VENDOR", "event_time": epoch(when), "event": inner}
    return (f"slack/{channel}-{inner['event_ts']}-{user}-{inner.get('subtype', '')}.json", json.dumps(data).encode())


def segment(name: str, kind: str, when: str, **call: Any) -> File:
    """One call; ``path`` is the page's."""
    path = call.pop("path", None)
    if path:
        call["properties"] = {"path": path}
    if "timestamp" not in call:
        call["timestamp"] = at(when).isoformat()
    return (f"segment/{name}.json", json.dumps({"type": kind, "messageId": name, **call}).encode())


def zoom(name: str, number: str, *stays: tuple[str, str, str]) -> list[File]:
    """Joins and leaves of one occurrence: (address, joined, left)."""
    found = []
    for index, (address, joined, left) in enumerate(stays):
        for kind, moment in (("joined", joined), ("left", left)):
            person = {"user_id": str(index), "participant_uuid": address, "user_name": address, "email": address}
            person["join_time" if kind == "joined" else "leave_time"] = at(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
            meeting = {"uuid": f"{name}==", "id": number, "type": 2, "topic": "Call", "timezone": "UTC"}
            data = {
                "event": f"meeting.participant_{kind}", "event_ts": epoch(moment) * 1000,
                "payload": {"account_id": "acc", "object": meeting | {"participant": person}},
            }  # fmt: skip
            found.append((f"zoom/{name}-{index}-{kind}.json", json.dumps(data).encode()))
    return found


def ics(name: str, start: str, end: str, organizer: str, guests: list[str], *lines: str, method: str = "") -> File:
    """One VEVENT; times as iCalendar writes them after the colon, or with parameters in front (``;TZID=…:…``)."""
    body = [f"METHOD:{method}"] if method else []
    body += ["BEGIN:VEVENT", f"UID:{name}", *(f"DT{what}{moment if moment[0] == ';' else ':' + moment}"
             for what, moment in (("START", start), ("END", end)))]  # fmt: skip
    body += [f"ORGANIZER:mailto:{organizer}", *(f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{guest}" for guest in guests)]
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", *body, *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return (f"ics/{name}-{method.lower()}.ics", "\r\n".join(text).encode())


def gmail(name: str, when: str, sender: str, to: str, subject: str) -> File:
    """The API's rendering of a message."""
    headers = {
        "Message-ID": f"<{name}@mail.example>",
        "Date": format_datetime(at(when)),
        "From": sender,
        "To": to,
        "Subject": subject,
    }
    data = {
        "id": name, "threadId": name, "labelIds": ["INBOX"], "snippet": "", "internalDate": str(epoch(when) * 1000),
        "payload": {"mimeType": "text/plain", "headers": [{"name": k, "value": v} for k, v in headers.items()], "body": {"size": 0}},
    }  # fmt: skip
    return (f"gmail/{name}.json", json.dumps(data).encode())


def google_event(name: str, start: str, end: str, organizer: str, guests: list[str], **fields: Any) -> File:
    """An event of Google Calendar's API."""
    data = {
        "kind": "calendar#event", "id": name, "iCalUID": f"{name}@google.com", "status": "confirmed", "updated": "2026-03-01T08:00:00Z",
        "organizer": {"email": organizer}, "attendees": [{"email": guest, "responseStatus": "accepted"} for guest in guests],
        "start": {"dateTime": at(start).isoformat()}, "end": {"dateTime": at(end).isoformat()}, **fields,
    }  # fmt: skip
    return (f"google_calendar/{name}.json", json.dumps(data).encode())


def meet_left(conference: str, code: str, address: str, left: str, seconds: int, **more: str) -> File:
    """The Admin report's line for somebody who left a call after ``seconds``."""
    named = {
        "conference_id": conference, "meeting_code": code, "identifier": address, "identifier_type": "email_address",
        "display_name": address, "device_type": "web", **more,
    }  # fmt: skip
    parameters: list[dict[str, Any]] = [{"name": key, "value": value} for key, value in named.items()]
    parameters.append({"name": "duration_seconds", "intValue": str(seconds)})
    data = {
        "kind": "admin#reports#activity",
        "id": {"time": at(left).isoformat(), "uniqueQualifier": address, "applicationName": "meet", "customerId": "C0"},
        "actor": {"callerType": "USER", "email": address},
        "events": [{"type": "call", "name": "call_ended", "parameters": parameters}],
    }
    return (f"google_meet/{conference}-{address}.json", json.dumps(data).encode())


def snowplow(name: str, when: str, user: str, path: str, **more: str | None) -> File:
    """A page view in the JSON form of an enriched event."""
    moment = at(when).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {
        "app_id": "docs", "platform": "web", "collector_tstamp": moment, "derived_tstamp": moment, "event": "page_view",
        "event_id": f"00000000-0000-4000-8000-{epoch(when):012d}", "user_id": user, "domain_userid": f"d-{user}",
        "page_url": f"https://docs.vendor.example{path}", "page_urlhost": "docs.vendor.example", "page_urlpath": path,
        **more,
    }  # fmt: skip
    return (f"snowplow/{name}.json", json.dumps(data).encode())


def intercom(conversation: str, *parts: tuple[str, str, str, str]) -> File:
    """A conversation of the REST API: (author type, author email, when, text) of its source and its parts."""

    def author(index: int) -> dict[str, Any]:
        kind, address, _, _ = parts[index]
        return {"type": kind, "id": address or kind, "name": address or "Fin", "email": address}

    data = {
        "type": "conversation", "id": conversation, "created_at": epoch(parts[0][2]), "updated_at": epoch(parts[-1][2]),
        "source": {"type": "conversation", "id": f"{conversation}-0", "delivered_as": "customer_initiated", "subject": "",
                   "body": parts[0][3], "author": author(0)},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [
            {"type": "conversation_part", "id": f"{conversation}-{n}", "part_type": "comment", "body": text, "created_at": epoch(when),
             "updated_at": epoch(when), "author": author(n)} for n, (_, _, when, text) in enumerate(parts) if n]},
    }  # fmt: skip
    return (f"intercom/{conversation}.json", json.dumps(data).encode())
