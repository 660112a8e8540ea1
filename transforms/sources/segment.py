"""Segment: the spec's track, page, screen, identify, group and alias calls, single or in a batch.

Facts about the payloads come from the public Segment spec: common, the six calls, live chat, copilot, email, video.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from transforms.app_names import act_of, is_robot
from transforms.event import Event, Ignored, Parsed, Party, Reject, hash_id
from transforms.normal import clean_subject, email_id, phone_id, scrub, text_facts
from transforms.sources import Context, SourceSpec
from transforms.times import from_epoch_millis, from_epoch_seconds, parse_iso

SEGMENT = "/segment"


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


class Batch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    sentAt: msgspec.Raw = msgspec.Raw()
    receivedAt: msgspec.Raw = msgspec.Raw()
    context: dict[str, Any] | None = None


_NO_CONTEXT = CallContext()
_NO_PROPERTIES = Properties()
_call = msgspec.json.Decoder(Call)
_batch = msgspec.json.Decoder(Batch)
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


def parse(record: bytes, context: Context) -> Parsed:
    """One call to an event. Raises ``Reject`` with the path of the field that is wrong."""
    call = _call.decode(record)
    kind = call.type or call.action
    if kind is None:
        if call.batch is not None and not call.batch:
            return Ignored("empty_batch")
        raise Reject("missing_field", "$.type", "required field $.type is missing: no call says what it is without it")
    handler = _HANDLERS.get(kind) or _HANDLERS.get(kind.lower())
    if handler is None:
        raise Reject("unknown_type", "$.type", f"type {kind[:80]!r} is not known: {', '.join(_HANDLERS)} are")
    return handler(call, record)


def explode(frame: bytes, context: Context) -> Iterable[bytes]:
    """``{"batch": [...]}`` to its calls; what holds for the whole batch (send time, context) is written into each."""
    if b'"batch"' not in frame:
        return (frame,)
    try:
        whole = _batch.decode(frame)
    except msgspec.MsgspecError:
        return (frame,)
    if not whole.batch:
        return (frame,)
    shared = [
        b'"' + name + b'":' + bytes(value)
        for name, value in ((b"sentAt", whole.sentAt), (b"receivedAt", whole.receivedAt))
        if bytes(value)
    ]
    return [_with_shared(bytes(item), shared, whole.context) for item in whole.batch]


def _with_shared(item: bytes, shared: list[bytes], context: dict[str, Any] | None) -> bytes:
    """A batch's own fields in front of a call's: the last one of a name counts, so a call's own value wins."""
    body = item.strip()
    if not body.startswith(b"{") or not (shared or context):
        return item
    if context:
        try:
            own = _object.decode(body).get("context")
        except msgspec.MsgspecError:
            return item
        merged = {**context, **own} if isinstance(own, dict) else context
        rest = body[:-1].rstrip()  # behind the call's own fields, for this one replaces what it has merged
        body = rest + (b"" if rest.endswith(b"{") else b",") + b'"context":' + _encode(merged) + b"}"
    inner = body[1:].lstrip()
    return b"{" + b",".join(shared) + (b"," if shared and not inner.startswith(b"}") else b"") + inner


def _track(call: Call, record: bytes) -> Parsed:
    name = call.event
    if type(name) is not str or not name:
        raise Reject("missing_field", "$.event", f"$.event is {_shown(name)}: a track call needs a name")
    chat = _CHATS.get(name.lower())
    properties = call.properties or _NO_PROPERTIES
    if chat is not None and (conversation := _text(properties.conversation_id) or _text(properties.conversationId)):
        return chat(call, record, conversation)
    act = act_of(name)
    if act.ignore is not None:
        return Ignored(act.ignore)
    event = _app_event(call, record, properties.email if act.kind == "form_submit" or name == "Signed Up" else None)
    event.event_name = scrub(name[:200])
    if act.kind is not None:
        event.interaction_kind = act.kind
        event.asset_action = act.asset_action
        if act.asset_action is not None:
            event.asset_id = _text(properties.asset_id)
            file_name = _text(properties.file_name) or _text(properties.filename)
            event.attachments = (file_name,) if file_name else ()
    return event


def _page(call: Call, record: bytes) -> Parsed:
    return _app_event(call, record, None)


def _screen(call: Call, record: bytes) -> Parsed:
    event = _app_event(call, record, None)
    event.medium = "mobile_app"
    event.page_path = _text(call.name) or event.page_path
    return event


def _app_event(call: Call, record: bytes, form_email: Any) -> Event:
    """What page, screen and track have in common."""
    where = call.context or _NO_CONTEXT
    parties = _actor(call, where, form_email)
    occurred_at, quality = _when(call)
    page = where.page
    properties = call.properties or _NO_PROPERTIES
    own_url = properties.url or properties.link_url
    url = page.url if page is not None else None
    path = properties.path or (page.path if page is not None else None)
    if type(path) is not str:
        path = _path_of(own_url if type(own_url) is str else url if type(url) is str else "")
    links = (own_url,) if type(own_url) is str and own_url else ()
    if type(url) is str and url and url != own_url:
        links = (*links, url)
    agent = where.userAgent or where.user_agent
    source_event_id = _message_id(call, record)
    return Event(
        source=SEGMENT,
        source_event_id=source_event_id,
        family="app",
        channel="app",
        medium="mobile_app" if where.device is not None and where.device.type else "web_app",
        is_automated=type(agent) is str and is_robot(agent),
        occurred_at=occurred_at,
        time_quality=quality,
        recorded_at=_received(call),
        dedupe_key=f"app:{SEGMENT}/{source_event_id}",
        conversation_id=parties[0].ids[0],
        native_session_id=_text(where.sessionId),
        page_path=path and scrub(path),
        links=tuple(map(scrub, links)),
        parties=parties,
        account_hint=_text(where.groupId),
    )


def _identify(call: Call, record: bytes) -> Parsed:
    """A profile: everything that it names is one person."""
    where = call.context or _NO_CONTEXT
    phone = call.traits.phone if call.traits is not None else None
    more = (found,) if type(phone) is str and (found := phone_id(phone)) else ()
    return _identity(call, record, _actor(call, where, None), more, _text(where.groupId) or _text(call.groupId))


def _group(call: Call, record: bytes) -> Parsed:
    """A user's account. The traits are the group's, so they name nobody."""
    group = _text(call.groupId)
    if group is None:
        raise Reject("missing_field", "$.groupId", f"$.groupId is {_shown(call.groupId)}: a group call needs it")
    if _id(call.userId) is None and _id(call.user_id) is None and _id(call.anonymousId) is None:
        return Ignored("group_without_user")
    call.traits = None
    return _identity(call, record, _actor(call, call.context or _NO_CONTEXT, None), (), group)


def _alias(call: Call, record: bytes) -> Parsed:
    """Two ids of one user. The spec lets the previous one be a user's or an anonymous id, so it is bound as both."""
    previous = _id(call.previousId)
    if previous is None:
        raise Reject(
            "missing_field", "$.previousId", f"$.previousId is {_shown(call.previousId)}: an alias call needs it"
        )
    more = (f"external_id:segment:{previous}", f"anonymous_id:segment:{previous}")
    return _identity(call, record, _actor(call, call.context or _NO_CONTEXT, None), more, None)


def _identity(call: Call, record: bytes, parties: tuple[Party, ...], more: tuple[str, ...], group: str | None) -> Event:
    occurred_at, quality = _when(call)
    source_event_id = _message_id(call, record)
    name = call.traits.name if call.traits is not None else None
    ids = parties[0].ids
    names = dict.fromkeys((*ids, *more))
    return Event(
        source=SEGMENT,
        source_event_id=source_event_id,
        family="identity",
        channel="app",
        occurred_at=occurred_at,
        time_quality=quality,
        recorded_at=_received(call),
        dedupe_key=f"src:{SEGMENT}/{source_event_id}",
        conversation_id=ids[0],
        parties=(Party(tuple(names), "actor", clean_subject(name) if type(name) is str else None),),
        account_hint=group,
    )


def _by_customer(call: Call, record: bytes, conversation: str) -> Parsed:
    """ "Message Sent" is sent by the customer: the spec's names are the reverse of a seller's view."""
    return _chat(call, record, conversation, from_customer=True)


def _by_agent(call: Call, record: bytes, conversation: str) -> Parsed:
    return _chat(call, record, conversation, from_customer=False)


def _conversation_started(call: Call, record: bytes, conversation: str) -> Parsed:
    """Carries the customer's first message, or nothing."""
    if call.properties is None or _text(call.properties.message_body) is None:
        return Ignored("conversation_started")
    return _chat(call, record, conversation, from_customer=True)


def _conversation_ended(call: Call, record: bytes, conversation: str) -> Parsed:
    return Ignored("conversation_ended")


def _chat(call: Call, record: bytes, conversation: str, from_customer: bool) -> Event:
    properties = call.properties or _NO_PROPERTIES
    occurred_at, quality = _when(call)
    # the spec's copilot calls name no agent: the other side is a machine
    is_copilot = _text(properties.conversation_id) is None
    customer = Party(
        _actor(call, call.context or _NO_CONTEXT, None)[0].ids, "actor" if from_customer else "to", None, "buyer"
    )
    agent = _agent(properties, "to" if from_customer else "actor", is_copilot)
    body = properties.message_body if type(properties.message_body) is str else None
    first_line, has_question, chars = text_facts(body)
    source_event_id = _message_id(call, record)
    native = _text(properties.message_id) or _text(properties.messageId) or source_event_id
    if not from_customer:
        native += ":received"  # some senders number a question and its answer alike
    return Event(
        source=SEGMENT,
        source_event_id=source_event_id,
        family="chat",
        channel="chat",
        medium="web_chat",
        is_automated=is_copilot and not from_customer,
        direction="inbound" if from_customer else "outbound",
        occurred_at=occurred_at,
        time_quality=quality,
        recorded_at=_received(call),
        dedupe_key=f"chat:{SEGMENT}/{conversation}/{native}",
        conversation_id=conversation,
        subject_text=clean_subject(body, 120),
        first_line=first_line,
        has_question=has_question,
        content_chars=chars,
        event_name=scrub(str(call.event)[:200]),
        parties=(customer, agent) if from_customer else (agent, customer),
        account_hint=_text(call.context.groupId) if call.context is not None else None,
    )


def _agent(properties: Properties, role: str, is_copilot: bool) -> Party:
    ids = []
    # an agent's id is the chat tool's, not one of Segment's users
    if (agent := _id(properties.agent_id)) is not None:
        ids.append(f"external_id:live_chat:{agent}")
    username = properties.agent_username
    if type(username) is str and "@" in username and (address := email_id(username)):
        ids.append(address)
    name = properties.agent_name
    return Party(
        tuple(ids), role, clean_subject(name) if type(name) is str else None, "system" if is_copilot else "seller"
    )


def _actor(call: Call, where: CallContext, form_email: Any) -> tuple[Party, ...]:
    """The acting user with every id that the call gives, best first."""
    email = form_email
    if call.traits is not None and call.traits.email:
        email = call.traits.email
    elif where.traits is not None and where.traits.email:
        email = where.traits.email
    user = call.userId if type(call.userId) is str else _id(call.userId) or _id(call.user_id)
    anonymous = call.anonymousId if type(call.anonymousId) is str else _id(call.anonymousId)
    parties = _party(user or _id(call.user_id), anonymous, email if type(email) is str else None)
    if not parties[0].ids:
        raise Reject("missing_field", "$.userId", "neither $.userId nor $.anonymousId says who acted")
    return parties


@lru_cache(maxsize=16_384)
def _party(user: str | None, anonymous: str | None, email: str | None) -> tuple[Party, ...]:
    """Remembered: a user's calls come by the dozen."""
    user, anonymous = user and _clean(user), anonymous and _clean(anonymous)
    ids = []
    if user:
        ids.append(f"external_id:segment:{user}")
        if "@" in user and (address := email_id(user)):
            ids.append(address)
    if email and (address := email_id(email)):
        ids.append(address)
    if anonymous:
        ids.append(f"anonymous_id:segment:{anonymous}")
    return (Party(tuple(dict.fromkeys(ids)), "actor"),)


def _when(call: Call) -> tuple[int, str]:
    """Microseconds and quality.

    Segment itself computes ``timestamp = receivedAt - (sentAt - originalTimestamp)``, which takes the device's wrong
    clock out; where a payload holds the parts without the result, it is computed here.
    """
    stamp = call.timestamp
    if type(stamp) is str:
        return parse_iso(stamp, "$.timestamp"), "source"
    if stamp is not None:
        return _moment(stamp, "$.timestamp"), "source"
    received, sent, original = call.receivedAt, call.sentAt, call.originalTimestamp
    if original is not None:
        made = _moment(original, "$.originalTimestamp")
        if received is None or sent is None:
            return made, "source"
        return _moment(received, "$.receivedAt") - (_moment(sent, "$.sentAt") - made), "skew_corrected"
    if received is not None:
        return _moment(received, "$.receivedAt"), "estimated"
    if sent is not None:
        return _moment(sent, "$.sentAt"), "estimated"
    raise Reject(
        "missing_field", "$.timestamp", "$.timestamp is missing, and no other field says when the call was made"
    )


def _moment(value: Any, field: str) -> int:
    if type(value) is str:
        return parse_iso(value, field)
    if type(value) in (int, float) and abs(value) < 1e18:
        return from_epoch_millis(value, field) if abs(value) > 100_000_000_000 else from_epoch_seconds(value, field)
    raise Reject("bad_timestamp", field, f"{field} is {_shown(value)}: not a time")


def _received(call: Call) -> int | None:
    """When Segment wrote it down; no reason to turn a call away."""
    if call.receivedAt is None:
        return None
    try:
        return _moment(call.receivedAt, "$.receivedAt")
    except Reject:
        return None


def _message_id(call: Call, record: bytes) -> str:
    """The call's id, else a hash of what it says, the times of its delivery aside: a retry must be recognised."""
    if type(call.messageId) is str and call.messageId:
        return call.messageId if call.messageId.isascii() else scrub(call.messageId)
    try:
        content = {name: value for name, value in json.loads(record).items() if name not in ("sentAt", "receivedAt")}
    except ValueError:  # a number or a text, in a field that means nothing here, that this stricter reader refuses
        return hash_id(record.decode("latin-1"))
    return hash_id(json.dumps(content, sort_keys=True))


@lru_cache(maxsize=16_384)
def _path_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.path or "/") if parts.netloc else None


def _id(value: Any) -> str | None:
    """An id as text; some senders write numbers."""
    if type(value) is str:
        return value or None
    return str(value) if type(value) is int and abs(value) < 10**30 else None


def _text(value: Any) -> str | None:
    found = _id(value)
    return _clean(found) if found else None


def _clean(text: str) -> str | None:
    return scrub(text[:1000]).strip() or None


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    return repr(value)[:80] if type(value) is not int or abs(value) < 10**80 else "a number of more than 80 digits"


_HANDLERS: dict[str, Callable[[Call, bytes], Parsed]] = {
    "page": _page,
    "track": _track,
    "screen": _screen,
    "identify": _identify,
    "group": _group,
    "alias": _alias,
}
_CHATS: dict[str, Callable[[Call, bytes, str], Parsed]] = {
    "live chat message sent": _by_customer,
    "live chat message received": _by_agent,
    "live chat conversation started": _conversation_started,
    "live chat conversation ended": _conversation_ended,
    "message sent": _by_customer,
    "message received": _by_agent,
}

SOURCE = SourceSpec(
    name="segment",
    title="Segment",
    channel="app",
    version="1",
    framing="json",
    parse=parse,
    explode=explode,
    supports=(
        "page, screen and track calls (app events)",
        "identify, alias and group calls (identities)",
        "track calls of the live chat spec (chat messages) and the copilot spec",
        'batches: {"batch": [...]} with shared sentAt and context',
    ),
)
