"""Segment's calls as typed structs, and what every call says in the same way: who, when, and which message it is."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from transforms.event import Party, Reject, hash_id
from transforms.normal import email_id, native_id, user_id
from transforms.times import from_epoch_millis, from_epoch_seconds, parse_iso


class Page(msgspec.Struct, gc=False):
    path: Any = None
    url: Any = None


class Device(msgspec.Struct, gc=False):
    type: Any = None


class Traits(msgspec.Struct, gc=False):
    email: Any = None
    phone: Any = None
    name: Any = None


class CallContext(msgspec.Struct, gc=False):
    page: Page | None = None
    device: Device | None = None
    traits: Traits | None = None
    groupId: Any = None
    userAgent: Any = None
    user_agent: Any = None
    sessionId: Any = None


class Properties(msgspec.Struct, gc=False):
    """The properties that mean something here; free-form ones are skipped unread."""

    path: Any = None
    url: Any = None
    link_url: Any = None
    file_name: Any = None
    filename: Any = None
    asset_id: Any = None
    email: Any = None
    buying_job: Any = None
    buyingJob: Any = None
    # live chat and copilot
    conversation_id: Any = None
    conversationId: Any = None
    message_id: Any = None
    messageId: Any = None
    message_body: Any = None
    agent_id: Any = None
    agent_name: Any = None
    agent_username: Any = None


class Call(msgspec.Struct, gc=False):
    """One call. Old libraries and the spec's own samples write ``action`` for ``type``, ``user_id`` for ``userId``."""

    type: str | None = None
    action: str | None = None
    event: Any = None
    name: Any = None
    userId: Any = None
    user_id: Any = None
    anonymousId: Any = None
    previousId: Any = None
    groupId: Any = None
    messageId: Any = None
    timestamp: Any = None
    originalTimestamp: Any = None
    sentAt: Any = None
    receivedAt: Any = None
    context: CallContext | None = None
    properties: Properties | None = None
    traits: Traits | None = None
    batch: list[msgspec.Raw] | None = None


class PlanCall(msgspec.Struct, gc=False):
    """A call that tells of a plan's items: nobody's specification says by which properties."""

    properties: Any = None


NO_CONTEXT = CallContext()
NO_PROPERTIES = Properties()
decode_call = msgspec.json.Decoder(Call).decode
decode_plan = msgspec.json.Decoder(PlanCall).decode


def actor_of(call: Call, where: CallContext, form_email: Any) -> tuple[Party, ...]:
    """The acting user with every id that the call gives, best first."""
    email = form_email
    if call.traits is not None and call.traits.email:
        email = call.traits.email
    elif where.traits is not None and where.traits.email:
        email = where.traits.email
    user = call.userId if type(call.userId) is str else id_of(call.userId) or id_of(call.user_id)
    anonymous = call.anonymousId if type(call.anonymousId) is str else id_of(call.anonymousId)
    parties = _party(user or id_of(call.user_id), anonymous, email if type(email) is str else None)
    if not parties[0].ids:
        raise Reject("missing_field", "$.userId", "neither $.userId nor $.anonymousId says who acted")
    return parties


@lru_cache(maxsize=16_384)
def _party(user: str | None, anonymous: str | None, email: str | None) -> tuple[Party, ...]:
    """Remembered: a user's calls come by the dozen."""
    user, anonymous = user_id(user and user[:1000]), user_id(anonymous and anonymous[:1000])
    ids = []
    if user:
        ids.append(f"external_id:segment:{user}")
        if "@" in user and (address := email_id(user)):
            ids.append(address)
    if email and (address := email_id(email)):
        ids.append(address)
    if anonymous:
        ids.append(f"anonymous_id:segment:{anonymous}")
        if "@" in anonymous and (address := email_id(anonymous)):  # so say mail programs who got a message
            ids.append(address)
    return (Party(tuple(dict.fromkeys(ids)), "actor"),)


def when(call: Call, zone: str | None) -> tuple[int, str]:
    """Microseconds and quality; a naive time is one of ``zone``, if that is configured.

    Segment itself computes ``timestamp = receivedAt - (sentAt - originalTimestamp)``, which takes the device's wrong
    clock out; where a payload holds the parts without the result, it is computed here.
    """
    stamp = call.timestamp
    if type(stamp) is str:
        return parse_iso(stamp, "$.timestamp", zone), "source"
    if stamp is not None:
        return _moment(stamp, "$.timestamp", zone), "source"
    received, sent, original = call.receivedAt, call.sentAt, call.originalTimestamp
    if original is not None:
        made = _moment(original, "$.originalTimestamp", zone)
        if received is None or sent is None:
            return made, "source"
        return _moment(received, "$.receivedAt", zone) - (_moment(sent, "$.sentAt", zone) - made), "skew_corrected"
    if received is not None:
        return _moment(received, "$.receivedAt", zone), "estimated"
    if sent is not None:
        return _moment(sent, "$.sentAt", zone), "estimated"
    raise Reject(
        "missing_field", "$.timestamp", "$.timestamp is missing, and no other field says when the call was made"
    )


def _moment(value: Any, field: str, zone: str | None) -> int:
    if type(value) is str:
        return parse_iso(value, field, zone)
    if type(value) in (int, float) and abs(value) < 1e18:
        return from_epoch_millis(value, field) if abs(value) > 100_000_000_000 else from_epoch_seconds(value, field)
    raise Reject("bad_timestamp", field, f"{field} is {shown(value)}: not a time")


def received_at(call: Call, zone: str | None) -> int | None:
    """When Segment wrote it down; no reason to turn a call away."""
    if call.receivedAt is None:
        return None
    try:
        return _moment(call.receivedAt, "$.receivedAt", zone)
    except Reject:
        return None


def message_id(call: Call, record: bytes) -> str:
    """The call's id, else a hash of what it says, the times of its delivery aside: a retry must be recognised."""
    if type(call.messageId) is str and (told := native_id(call.messageId)):
        return told
    try:
        content = {name: value for name, value in json.loads(record).items() if name not in ("sentAt", "receivedAt")}
    except ValueError:  # a number or a text, in a field that means nothing here, that this stricter reader refuses
        return hash_id(record.decode("latin-1"))
    return hash_id(json.dumps(content, sort_keys=True))


@lru_cache(maxsize=16_384)
def path_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.path or "/") if parts.netloc else None


def id_of(value: Any) -> str | None:
    """An id as text; some senders write numbers."""
    if type(value) is str:
        return value or None
    return str(value) if type(value) is int and abs(value) < 10**30 else None


def text_of(value: Any) -> str | None:
    found = id_of(value)
    return _clean(found) if found else None


def _clean(text: str) -> str | None:
    return native_id(text[:1000]) or None


def shown(value: Any) -> str:
    if value is None:
        return "missing"
    return repr(value)[:80] if type(value) is not int or abs(value) < 10**80 else "a number of more than 80 digits"
