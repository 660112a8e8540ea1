"""Gmail API: ``users.messages.get`` (format full, metadata or raw), ``threads.get`` and lists of either."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec

from transforms.event import Event, Ignored, Reject
from transforms.mail.message import mail_event, message_id, no_mail, sent_at
from transforms.mail.mime import (
    Headers,
    Leaf,
    content_type,
    decode_base64,
    file_name,
    flow_of,
    leaves,
    method_of,
    read_message,
)
from transforms.normal import native_id, scrub
from transforms.sources import Context, SourceSpec
from transforms.times import from_epoch_millis

MAX_PARTS = 400


class Header(msgspec.Struct, gc=False):
    name: str
    value: str = ""


class PartBody(msgspec.Struct, gc=False):
    data: str | None = None
    """Base64url; absent for attachments, which are fetched one by one."""


class Part(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    filename: str | None = None
    headers: list[Header] | None = None
    body: PartBody | None = None
    parts: list[Part] | None = None


class Message(msgspec.Struct, rename="camel"):
    """A message, and the fields by which Gmail's other objects are told from it."""

    id: str | None = None
    thread_id: str | None = None
    label_ids: list[str] | None = None
    internal_date: str | int | None = None
    payload: Part | None = None
    raw: str | None = None
    # what only other objects carry
    history: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    history_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    email_address: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    subscription: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    expiration: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    messages_total: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    message: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    messages: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    threads: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    drafts: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    labels: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    message_list_visibility: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    label_list_visibility: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    result_size_estimate: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    attachment_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Listing(msgspec.Struct):
    """A page of messages, one thread, or a page of threads."""

    messages: list[msgspec.Raw] | None = None
    threads: list[msgspec.Raw] | None = None


_message = msgspec.json.Decoder(Message)
_listing = msgspec.json.Decoder(Listing)

_OTHER_OBJECTS = (
    ("history", "history"),
    ("subscription", "watch_notification"),
    ("messages_total", "profile"),
    ("email_address", "watch_notification"),
    ("expiration", "watch"),
    ("drafts", "draft"),
    ("labels", "label"),
    ("message_list_visibility", "label"),
    ("label_list_visibility", "label"),
    ("threads", "empty_list"),
    ("messages", "empty_list"),
    ("result_size_estimate", "empty_list"),
    ("attachment_id", "attachment_body"),
)
"""Field that tells an object which is no message, and what it is; first hit wins."""


def explode(data: bytes, context: Context) -> Iterable[bytes]:
    """Messages of ``{"messages": […]}`` (a list, a thread) and of ``{"threads": […]}``; any other frame as it is."""
    try:
        listing = _listing.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (data,)
    if listing.threads:
        return [one for thread in listing.threads for one in explode(bytes(thread), context)]
    return [bytes(one) for one in listing.messages] if listing.messages else (data,)


def parse(data: bytes, context: Context) -> Event | Ignored:
    """One message to its event; drafts, spam and Gmail's other objects are ``Ignored``."""
    message = _message.decode(data)
    if message.payload is None and message.raw is None:
        return _without_content(message)
    verdict = no_mail(message.label_ids or ())
    if verdict is not None:
        return verdict
    own = native_id(message.id)
    if not own:
        raise Reject("missing_field", "$.id", "the message has no id")
    headers, parts = _content(message)
    if not headers:
        raise Reject("missing_field", "$.payload.headers", f"message {own[:80]!r} has no headers")
    recorded_at = _internal_date(message, headers)
    own_id = message_id(headers)
    return mail_event(
        headers,
        parts,
        source="/gmail",
        source_event_id=own,
        dedupe_key=f"email:{own_id}" if own_id else f"src:/gmail/{own}",
        own_id=own_id,
        sent=sent_at(headers, context.zone, recorded_at),
        recorded_at=recorded_at,
        conversation_id=native_id(message.thread_id) or None,
    )


def _without_content(message: Message) -> Ignored:
    """What an object without payload is; a message is a reject, for it was fetched in the format that holds nothing."""
    for field, reason in _OTHER_OBJECTS:
        if getattr(message, field) is not msgspec.UNSET:
            return Ignored(reason)
    if message.message is not msgspec.UNSET:
        return Ignored("draft")
    if message.data is not msgspec.UNSET and bytes(message.data)[:1] == b'"':
        return Ignored("attachment_body")
    if message.id or message.thread_id:
        raise Reject("missing_field", "$.payload", "no payload: fetch the message with format full, metadata or raw")
    if message.history_id is not msgspec.UNSET:
        return Ignored("history")  # nothing has changed since: the answer holds where to go on from alone
    raise Reject("missing_field", "$.id", "neither id nor payload: this is not a Gmail message")


def _content(message: Message) -> tuple[Headers, list[Leaf]]:
    if message.payload is not None and message.payload.headers:
        headers = _headers(message.payload)
        if message.payload.mime_type:  # format metadata gives only the headers that were asked for
            headers.setdefault("content-type", [scrub(message.payload.mime_type)])
        return headers, _leaves(message.payload, headers)
    if message.raw is None:
        return {}, []
    mail = read_message(decode_base64(message.raw.encode("ascii", "replace")))
    return mail.headers, leaves(mail.headers, mail.body)


def _headers(part: Part) -> Headers:
    headers: Headers = {}
    for header in part.headers or ():
        headers.setdefault(header.name.strip().lower(), []).append(scrub(header.value))
    return headers


def _leaves(root: Part, own: Headers) -> list[Leaf]:
    """Parts that hold no parts, in order. An attached message counts as one, though Gmail shows what is in it.

    ``own`` are the headers of the root.
    """
    found: list[Leaf] = []
    waiting = [root]
    while waiting and len(found) < MAX_PARTS:
        part = waiting.pop()
        kind = (part.mime_type or "text/plain").strip().lower()
        if part.parts and not kind.startswith("message/"):
            waiting.extend(reversed(part.parts))
        elif part.filename or not _is_text(kind) or (part.body and part.body.data is not None):
            headers = own if part is root else _headers(part)
            found.append(
                _leaf(part, kind, headers)
            )  # without its text (format metadata) nothing is known of a text part
    return found


def _is_text(kind: str) -> bool:
    """A calendar's part says what it is by its headers, and Gmail often leaves its body to be fetched as an attachment's."""
    return kind.startswith("text/") and kind != "text/calendar"


def _leaf(part: Part, kind: str, headers: Headers) -> Leaf:
    declared = headers.get("content-type", [""])[0]
    disposition = headers.get("content-disposition", [""])[0]
    params = content_type(declared)[1]
    charset = dict(params).get("charset")
    name = part.filename or file_name(disposition, declared)
    read = partial(_bytes, part.body.data if part.body else None)
    is_attachment = disposition[:10].lower() == "attachment"
    return Leaf(
        kind, _charset(read, charset), name, is_attachment, read, method_of(kind, params), *flow_of(kind, params)
    )


def _charset(read: partial[bytes], declared: str | None) -> str | None:
    """Text comes in UTF-8 in most cases, whatever its header still declares; None means that UTF-8 fits."""
    if declared and declared.strip().lower().startswith(("iso-2022", "utf-16", "utf-7", "hz")):
        return declared  # UTF-8 would seem to fit: these are ASCII on the outside
    return None if declared is None or _is_utf8(read()) else declared


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _bytes(data: str | None) -> bytes:
    return decode_base64(data.encode("ascii", "replace")) if data else b""


def _internal_date(message: Message, headers: Headers) -> int | None:
    """When Gmail took the message in. Raises ``Reject`` for an impossible time unless there is a Date header."""
    if message.internal_date is None:
        return None
    try:
        return from_epoch_millis(message.internal_date, "$.internalDate")
    except Reject:
        if headers.get("date"):
            return None
        raise


SOURCE = SourceSpec(
    name="gmail",
    title="Gmail API",
    channel="email",
    version="1.10.0",
    framing="json",
    parse=parse,
    explode=explode,
    supports=(
        "users.messages.get: format full, metadata, raw",
        "users.messages.list and users.threads.get with messages inside: one record each",
        "header X-Buying-Job: the label of the message",
        "draft, spam, chat, history, watch notification, profile, label: ignored",
    ),
)
