"""Segment: the spec's track, page, screen, identify, group and alias calls, single or in a batch.

Facts about the payloads come from the public Segment spec: common, the six calls, live chat, copilot, email, video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from transforms.event import Event, Ignored, Parsed, Party, Reject
from transforms.jobs.label import job_label
from transforms.markup import html_plain
from transforms.normal import clean_subject, email_id, last_part, phone_id, scrub, text_facts, user_id
from transforms.sources import Context, SourceSpec
from transforms.sources.segment_calls import (
    NO_CONTEXT,
    NO_PROPERTIES,
    Call,
    Properties,
    actor_of,
    decode_call,
    decode_plan,
    id_of,
    message_id,
    path_of,
    received_at,
    shown,
    text_of,
    when,
)
from transforms.tracking.names import act_of, is_health_check, is_robot
from transforms.tracking.plan_items import plan_facts

SEGMENT = "/segment"


class Batch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    sentAt: msgspec.Raw = msgspec.Raw()
    receivedAt: msgspec.Raw = msgspec.Raw()
    context: dict[str, Any] | None = None


_batch = msgspec.json.Decoder(Batch)
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


def parse(record: bytes, context: Context) -> Parsed:
    """One call to an event. Raises ``Reject`` with the path of the field that is wrong."""
    call = decode_call(record)
    kind = call.type or call.action
    if kind is None:
        if call.batch is not None and not call.batch:
            return Ignored("empty_batch")
        raise Reject("missing_field", "$.type", "required field $.type is missing: no call says what it is without it")
    handler = _HANDLERS.get(kind) or _HANDLERS.get(kind.lower())
    if handler is None:
        raise Reject("unknown_type", "$.type", f"type {kind[:80]!r} is not known: {', '.join(_HANDLERS)} are")
    return handler(call, record, context.zone)


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


def _track(call: Call, record: bytes, zone: str | None) -> Parsed:
    name = call.event
    if type(name) is not str or not name:
        raise Reject("missing_field", "$.event", f"$.event is {shown(name)}: a track call needs a name")
    chat = _CHATS.get(name.lower())
    properties = call.properties or NO_PROPERTIES
    if chat is not None and (conversation := text_of(properties.conversation_id) or text_of(properties.conversationId)):
        return chat(call, record, zone, conversation)
    act = act_of(name)
    if act.ignore is not None:
        return Ignored(act.ignore)
    event = _app_event(
        call,
        record,
        zone,
        properties.email if act.kind == "form_submit" or name == "Signed Up" else None,
        is_view=False,
    )
    if isinstance(event, Ignored):
        return event
    event.event_name = scrub(name[:200])
    if act.kind is not None:
        event.interaction_kind, event.tags = act.kind, act.tags
        event.asset_action = act.asset_action
        if act.asset_action is not None:
            event.asset_id = text_of(properties.asset_id)
            file_name = text_of(properties.file_name) or text_of(properties.filename)
            event.attachments = (file_name,) if file_name else ()
        elif act.kind == "plan_update":
            facts = plan_facts(decode_plan(record).properties, name, zone)
            event.plan_items, event.opportunity_hint = facts.items, facts.deal
            event.account_hint = event.account_hint or facts.account
    return event


def _page(call: Call, record: bytes, zone: str | None) -> Parsed:
    """A page that tells no address, as servers and apps send it, is known by its name."""
    event = _app_event(call, record, zone, None, is_view=True)
    if not isinstance(event, Ignored):
        event.page_path = event.page_path or text_of(call.name)
    return event


def _screen(call: Call, record: bytes, zone: str | None) -> Parsed:
    event = _app_event(call, record, zone, None, is_view=True)
    if isinstance(event, Ignored):
        return event
    event.medium = "mobile_app"
    event.page_path = text_of(call.name) or event.page_path
    return event


def _app_event(call: Call, record: bytes, zone: str | None, form_email: Any, *, is_view: bool) -> Event | Ignored:
    """What page, screen and track have in common; a monitor's health check is no engagement.

    The page that is open is a link of its view alone: what is clicked or downloaded there is something else.
    """
    where = call.context or NO_CONTEXT
    parties = actor_of(call, where, form_email)
    occurred_at, quality = when(call, zone)
    page = where.page
    properties = call.properties or NO_PROPERTIES
    own_url = properties.url or properties.link_url
    url = page.url if page is not None else None
    path = properties.path or (page.path if page is not None else None)
    if type(path) is not str:
        path = path_of(own_url if type(own_url) is str else url if type(url) is str else "")
    links = (own_url,) if type(own_url) is str and own_url else ()
    if is_view and type(url) is str and url and url != own_url:
        links = (*links, url)
    agent = where.userAgent or where.user_agent
    if is_health_check(agent if type(agent) is str else None, path):
        return Ignored("health_check")
    source_event_id = message_id(call, record)
    return Event(
        source=SEGMENT,
        source_event_id=source_event_id,
        family="app",
        channel="app",
        medium="mobile_app" if where.device is not None and where.device.type else "web_app",
        is_automated=type(agent) is str and is_robot(agent),
        occurred_at=occurred_at,
        time_quality=quality,
        recorded_at=received_at(call, zone),
        dedupe_key=f"app:{SEGMENT}/{source_event_id}",
        conversation_id=parties[0].ids[0],
        native_session_id=text_of(where.sessionId),
        page_path=path and scrub(path),
        links=tuple(map(scrub, links)),
        parties=parties,
        account_hint=_account_of(call),
        explicit_job=_label(properties),
    )


def _account_of(call: Call) -> str | None:
    """The account that a call names: in its context, as libraries do, or beside the user, as some servers do."""
    return text_of((call.context or NO_CONTEXT).groupId) or text_of(call.groupId)


def _label(properties: Properties) -> str | None:
    stated = properties.buying_job or properties.buyingJob
    return None if stated is None else job_label(stated)


def _identify(call: Call, record: bytes, zone: str | None) -> Parsed:
    """A profile: everything that it names is one person."""
    where = call.context or NO_CONTEXT
    phone = call.traits.phone if call.traits is not None else None
    more = (found,) if type(phone) is str and (found := phone_id(phone)) else ()
    return _identity(call, record, zone, actor_of(call, where, None), more, _account_of(call))


def _group(call: Call, record: bytes, zone: str | None) -> Parsed:
    """A user's account. The traits are the group's, so they name nobody."""
    group = text_of(call.groupId)
    if group is None:
        raise Reject("missing_field", "$.groupId", f"$.groupId is {shown(call.groupId)}: a group call needs it")
    if not any(user_id(id_of(one)) for one in (call.userId, call.user_id, call.anonymousId)):
        return Ignored("group_without_user")
    call.traits = None
    return _identity(call, record, zone, actor_of(call, call.context or NO_CONTEXT, None), (), group)


def _alias(call: Call, record: bytes, zone: str | None) -> Parsed:
    """Two ids of one user. The spec lets the previous one be a user's or an anonymous id, so it is bound as both."""
    previous = user_id(text_of(call.previousId))
    if not previous:
        raise Reject(
            "missing_field", "$.previousId", f"$.previousId is {shown(call.previousId)}: an alias call needs it"
        )
    more: tuple[str, ...] = (f"external_id:segment:{previous}", f"anonymous_id:segment:{previous}")
    if "@" in previous and (address := email_id(previous)):  # as a user id that is an address
        more += (address,)
    return _identity(call, record, zone, actor_of(call, call.context or NO_CONTEXT, None), more, None)


def _identity(
    call: Call, record: bytes, zone: str | None, parties: tuple[Party, ...], more: tuple[str, ...], group: str | None
) -> Event:
    occurred_at, quality = when(call, zone)
    source_event_id = message_id(call, record)
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
        recorded_at=received_at(call, zone),
        dedupe_key=f"src:{SEGMENT}/{source_event_id}",
        conversation_id=ids[0],
        parties=(Party(tuple(names), "actor", clean_subject(name) if type(name) is str else None),),
        account_hint=group,
    )


def _by_customer(call: Call, record: bytes, zone: str | None, conversation: str) -> Parsed:
    """ "Message Sent" is sent by the customer: the spec's names are the reverse of a seller's view."""
    return _chat(call, record, zone, conversation, from_customer=True)


def _by_agent(call: Call, record: bytes, zone: str | None, conversation: str) -> Parsed:
    return _chat(call, record, zone, conversation, from_customer=False)


def _conversation_started(call: Call, record: bytes, zone: str | None, conversation: str) -> Parsed:
    """Carries the customer's first message, or nothing."""
    if call.properties is None or text_of(call.properties.message_body) is None:
        return Ignored("conversation_started")
    return _chat(call, record, zone, conversation, from_customer=True)


def _conversation_ended(call: Call, record: bytes, zone: str | None, conversation: str) -> Parsed:
    return Ignored("conversation_ended")


def _chat(call: Call, record: bytes, zone: str | None, conversation: str, from_customer: bool) -> Event:
    properties = call.properties or NO_PROPERTIES
    occurred_at, quality = when(call, zone)
    # the spec's copilot calls name no agent: the other side is a machine
    is_copilot = text_of(properties.conversation_id) is None
    customer = Party(
        actor_of(call, call.context or NO_CONTEXT, None)[0].ids, "actor" if from_customer else "to", None, "buyer"
    )
    agent = _agent(properties, "to" if from_customer else "actor", is_copilot)
    # some chats send what was typed, some what was shown
    body, links = html_plain(properties.message_body if type(properties.message_body) is str else None)
    first_line, has_question, chars = text_facts(body)
    source_event_id = message_id(call, record)
    native = text_of(properties.message_id) or text_of(properties.messageId) or source_event_id
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
        recorded_at=received_at(call, zone),
        dedupe_key=f"chat:{SEGMENT}/{conversation}/{last_part(native)}",
        conversation_id=conversation,
        subject_text=clean_subject(body, 120),
        first_line=first_line,
        has_question=has_question,
        content_chars=chars,
        links=links,
        event_name=scrub(str(call.event)[:200]),
        parties=(customer, agent) if from_customer else (agent, customer),
        account_hint=_account_of(call),
        explicit_job=_label(properties),
    )


def _agent(properties: Properties, role: str, is_copilot: bool) -> Party:
    ids = []
    # an agent's id is the chat tool's, not one of Segment's users
    if (agent := text_of(properties.agent_id)) is not None:
        ids.append(f"external_id:live_chat:{agent}")
    username = properties.agent_username
    if type(username) is str and "@" in username and (address := email_id(username)):
        ids.append(address)
    name = properties.agent_name
    return Party(
        tuple(ids), role, clean_subject(name) if type(name) is str else None, "system" if is_copilot else "seller"
    )


_HANDLERS: dict[str, Callable[[Call, bytes, str | None], Parsed]] = {
    "page": _page,
    "track": _track,
    "screen": _screen,
    "identify": _identify,
    "group": _group,
    "alias": _alias,
}
_CHATS: dict[str, Callable[[Call, bytes, str | None, str], Parsed]] = {
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
    version="12",
    framing="json",
    parse=parse,
    explode=explode,
    supports=(
        "page, screen and track calls (app events); heartbeats and health checks are ignored",
        "track calls about a mutual action plan: its items with owner, due date, done and risk",
        "a property buying_job of any of these: the label of what happened",
        "identify, alias and group calls (identities)",
        "track calls of the live chat spec (chat messages) and the copilot spec",
        'batches: {"batch": [...]} with shared sentAt and context',
    ),
)
