"""Intercom: webhooks (``notification_event``) and API objects.

A conversation is a list of parts, its ``source`` (before API 2: ``conversation_message``) being the first; each part
that somebody wrote to the other side is one message. Most webhooks repeat earlier parts, which give the same events.

The source is ``/intercom`` for every workspace: webhooks say theirs and API objects do not, but Intercom's ids are
unique over all workspaces, so one conversation stays one wherever it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from transforms.event import Event, Ignored, Parsed, Party, Reject
from transforms.frames.apart import Inner
from transforms.markup import html_plain
from transforms.normal import (
    clean_subject,
    email_id,
    has_question_mark,
    is_parents_subject,
    native_id,
    phone_id,
    scrub,
    text_facts,
)
from transforms.sources import Context, SourceSpec
from transforms.sources.intercom_kinds import (
    ATTACHMENTS,
    AUTOMATED_DELIVERIES,
    BOTS,
    CONTACT_TYPES,
    INTERNAL_CATEGORIES,
    MEDIA,
    READ_TYPES,
    SIDES,
    SILENT_TOPICS,
    is_other,
)
from transforms.sources.intercom_shapes import Author, Data, Head, HeadData, Id, Item, Listing, Moment, Part, Record
from transforms.times import SECOND, from_epoch_seconds, parse_iso

_record = msgspec.json.Decoder(Record)
_wrapped = msgspec.json.Decoder(Item)
_head = msgspec.json.Decoder(Head)
_listing = msgspec.json.Decoder(Listing)

_OPERATOR = re.compile(r"operator\+[^@\s]+@intercom\.io", re.IGNORECASE)
"""The address of the workspace's bot, whom Intercom calls an admin."""

NOBODY = Author()


def parse(data: bytes, context: Context) -> Parsed:
    """A webhook, conversation, ticket, part or contact to its messages, an identity or ``Ignored``.

    Raises ``Reject``, or ``msgspec.ValidationError`` where a field of those has the wrong type.
    """
    try:
        record = _record.decode(data)
    except msgspec.ValidationError:
        # An object that we do not read may hold anything under the names that we do.
        ignored = _ignorable(_head.decode(data))
        if ignored is None:
            raise
        return ignored
    if record.type == "notification_event" or record.topic is not None:
        if record.topic in SILENT_TOPICS:
            return Ignored(record.topic)
        if not isinstance(record.data, Data) or record.data.item is None:
            raise Reject("missing_field", "$.data.item", "$.data.item is missing in a notification_event")
        heard_at = _when(record.created_at, "$.created_at", context) if record.created_at else None
        return _notified(record.topic, record.data.item, heard_at, context)
    return _item(record, None, context, "$")


def _notified(topic: str | None, item: Item, heard_at: int | None, context: Context) -> Parsed:
    """What a webhook is about."""
    if topic == "ticket.closed" and item.type != "ticket" and bytes(item.ticket):
        return _item(_wrapped.decode(item.ticket), heard_at, context, "$.data.item.ticket")
    if topic in ATTACHMENTS and item.type not in READ_TYPES and not is_other(item.type):
        return Ignored(topic)
    return _item(item, heard_at, context, "$.data.item")


def explode(frame: bytes, context: Context) -> Iterable[bytes]:
    """``{"type": "conversation.list", "conversations": [...]}`` and the like to their elements; other frames whole."""
    if b'list"' not in frame:
        return (frame,)
    try:
        listing = _listing.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (frame,)
    if listing.type is None or not (listing.type == "list" or listing.type.endswith(".list")):
        return (frame,)
    found = listing.conversations or listing.contacts or listing.tickets or listing.users or listing.data
    return [bytes(one) for one in found] if found else (frame,)


def _ignorable(head: Head) -> Ignored | None:
    if head.topic in SILENT_TOPICS:
        return Ignored(str(head.topic))
    item = head.data.item if isinstance(head.data, HeadData) and head.data.item else head
    return Ignored(str(item.type)) if is_other(item.type) else None


def _item(item: Item, heard_at: int | None, context: Context, path: str) -> Parsed:
    kind = item.type
    if kind == "conversation":
        return _conversation(item, context, path)
    if kind == "ticket":
        return (
            Ignored("internal_ticket") if item.category in INTERNAL_CATEGORIES else _conversation(item, context, path)
        )
    if kind in {"conversation_part", "ticket_part"}:
        return _single_part(item, context, path)
    if kind in CONTACT_TYPES:
        return _identity(item, heard_at, context, path)
    if kind == "note":
        return Ignored("internal_note")
    if kind is not None and (kind == "list" or kind.endswith(".list")):
        return Ignored("list")
    if kind is not None and is_other(kind):
        return Ignored(kind)
    if kind is None:
        if isinstance(item, Record) and item.activity_type is not None:
            return Ignored("activity_log")
        raise Reject("missing_field", f"{path}.type", f"{path}.type is missing: nothing says what this object is")
    raise Reject("unknown_type", f"{path}.type", f"object type {kind[:60]!r} is not known")


def _conversation(item: Item, context: Context, path: str) -> Parsed:
    """Its messages, in their order; ``Ignored`` if all that is in it are notes and the system's lines."""
    conversation_id = _id(item.id, f"{path}.id")
    medium = "web_chat"
    if item.source is not None and item.source.type is not None:
        medium = MEDIA.get(item.source.type, medium)
    listed = item.contacts if isinstance(item.contacts, list) else item.contacts and item.contacts.contacts
    known = list(listed or ())
    if item.user is not None:
        known.append(item.user)
    events, noted = [], False
    for part, created_at, where in _parts(item, path):
        if is_note(part):
            noted = True
        elif is_said(part):
            events.append(_message(part, created_at, conversation_id, medium, known, context, where))
    if events:
        return events
    return Ignored("internal_note" if noted else "no_message")


def _parts(item: Item, path: str) -> Iterator[tuple[Part, Moment, str]]:
    """(part, its time, its JSON path); the first message has the conversation's time."""
    for first, name in ((item.source, "source"), (item.conversation_message, "conversation_message")):
        if first is not None and first.id is not None:
            yield first, item.created_at, f"{path}.{name}"
            break
    for parts, name in ((item.conversation_parts, "conversation_parts"), (item.ticket_parts, "ticket_parts")):
        listed = (parts.conversation_parts or parts.ticket_parts or ()) if parts is not None else ()
        for index, part in enumerate(listed):
            yield part, part.created_at, f"{path}.{name}.{name}[{index}]"


def _single_part(item: Item, context: Context, path: str) -> Parsed:
    if is_note(item):
        return Ignored("internal_note")
    if not is_said(item):
        return Ignored("no_message")
    conversation_id = _id(item.conversation_id, f"{path}.conversation_id")
    return _message(item, item.created_at, conversation_id, "web_chat", [], context, path)


def is_note(part: Part) -> bool:
    """Written for colleagues (``note``, ``note_and_reopen``), or a summary that Intercom made for them."""
    kind = part.part_type
    return kind is not None and kind != "comment" and ("note" in kind or "summary" in kind)


def is_said(part: Part) -> bool:
    """Somebody wrote something: assigning, closing and opening may carry a message, and are the system's without."""
    return bool(part.body or part.attachments or part.redacted)


def _message(
    part: Part, created_at: Moment, conversation_id: str, medium: str, known: list[Author], context: Context, path: str
) -> Event:
    part_id = _id(part.id, f"{path}.id")
    occurred_at = _when(created_at, f"{path}.created_at", context)
    author = part.author or NOBODY
    actor = _party(author, "actor", known)
    # what a contact writes in a conversation that a workflow or a campaign began is still the contact's
    automated = actor.side == "system" or (actor.side != "buyer" and part.delivered_as in AUTOMATED_DELIVERIES)
    parties: tuple[Party, ...] = (actor,)
    if actor.side != "buyer":
        parties += tuple(_party(one, "to", known) for one in _distinct(known) if one.id != author.id)
    event = Event(
        source="/intercom",
        source_event_id=part_id,
        family="chat",
        channel="chat",
        medium=medium,
        is_automated=automated,
        occurred_at=occurred_at,
        # the first message is numbered apart from the parts: within a second it goes before them
        sequence=f"{occurred_at:017d}/{1 if part.part_type else 0}/{part_id:0>20}",
        dedupe_key=f"chat:/intercom/{conversation_id}/{part_id}",
        conversation_id=conversation_id,
        message_id=part_id,
        parties=parties,
    )
    if part.redacted:
        # the body now says "This message was deleted"; what was written is gone
        event.is_void = True
        event.revision = _revision(part, occurred_at, path, context)
        return event
    text, event.links = html_plain(part.body)
    event.first_line, event.has_question, event.content_chars = text_facts(text)
    event.subject_text = clean_subject(text, 120)
    if part.type == "email" and (subject := _own_subject(part.subject)):
        event.first_line = "\n".join(line for line in (subject, event.first_line) if line)
        event.has_question = bool(event.has_question) or has_question_mark(subject)
        event.subject_text = clean_subject(f"{subject} {text or ''}", 120)
    if part.attachments:
        event.attachments = tuple(scrub(one.name) for one in part.attachments if one.name)
    return event


def _own_subject(subject: str | None) -> str | None:
    """The subject of a mail that begins a conversation, which its words begin with; of a ``Re:`` none, for it is the parent's."""
    own = clean_subject(html_plain(subject)[0], 120)
    return None if is_parents_subject(own) else own


def _revision(part: Part, occurred_at: int, path: str, context: Context) -> int:
    """Epoch seconds of the redaction; the first message of a conversation does not tell, so it is its own second."""
    seconds = (_when(part.updated_at, f"{path}.updated_at", context) if part.updated_at else occurred_at) // SECOND
    if seconds >= 1 << 31:
        raise Reject(
            "bad_timestamp", f"{path}.updated_at", f"{path}.updated_at is {seconds}: past what a revision holds"
        )
    return seconds


def _party(author: Author, role: str, known: list[Author]) -> Party:
    """An author by its id and address; where a webhook says only the id, the rest is what it says elsewhere."""
    name, address = author.name, author.email
    if not (name and address) and author.id is not None:
        for one in known:
            if one.id == author.id:
                name, address = name or one.name, address or one.email
    kind = author.type
    is_operator = address is not None and _OPERATOR.fullmatch(address.strip()) is not None
    if author.from_ai_agent or author.is_ai_answer or kind in BOTS or is_operator:
        side: str | None = "system"
    else:
        side = SIDES.get(kind) if kind else None
    return Party(_ids(author.id, address, None), role, scrub(name) if name else None, side)


def _distinct(people: list[Author]) -> list[Author]:
    return list({one.id: one for one in reversed(people) if one.id is not None}.values())[::-1]


@lru_cache(maxsize=16_384)
def _ids(native: Id, address: str | None, phone: str | None) -> tuple[str, ...]:
    """Remembered: a person's messages come by the dozen."""
    ids = (
        f"external_id:intercom:{known}" if native is not None and (known := native_id(str(native))) else None,
        email_id(address) if address else None,
        phone_id(phone) if phone else None,
    )
    return tuple(one for one in ids if one)


def _identity(item: Item, heard_at: int | None, context: Context, path: str) -> Parsed:
    """A contact binds Intercom's id to address, telephone and, if it has exactly one, the account that is the company's own id of it.

    A merged contact binds the id that it has absorbed too, under which its messages were written.
    """
    native = _id(item.id, f"{path}.id")
    changed = item.updated_at or item.created_at
    if changed:
        occurred_at = _when(changed, f"{path}.updated_at", context)
    elif heard_at is not None:
        occurred_at = heard_at
    else:
        # lists of a conversation's or a company's contacts: a reference, nothing about the contact
        if not (item.email or item.phone):
            return Ignored("contact_reference")
        raise Reject(
            "missing_field", f"{path}.updated_at", f"{path}.updated_at is missing: contact {native} has no time"
        )
    event_id = f"contact/{native}/{occurred_at // SECOND}"
    ids = _ids(native, item.email, item.phone)
    if item.merged_from is not None and item.merged_from.id not in (None, ""):
        absorbed = _id(item.merged_from.id, f"{path}.merged_from.id")
        ids += _ids(absorbed, None, None)
        event_id += f"/{absorbed}"  # what else is said of the contact in that second does not say this
    companies = (item.companies.companies or item.companies.data or ()) if item.companies else ()
    named = (native_id(str(one.company_id)) for one in companies if one.company_id is not None)
    accounts = {account for account in named if account}
    return Event(
        source="/intercom",
        source_event_id=event_id,
        family="identity",
        channel="chat",
        occurred_at=occurred_at,
        dedupe_key=f"src:/intercom/{event_id}",
        account_hint=accounts.pop() if len(accounts) == 1 else None,
        parties=(Party(ids, "actor", scrub(item.name) if item.name else None, "buyer"),),
    )


def _id(value: Id, field: str) -> str:
    native = "" if value is None else native_id(str(value))
    if not native:
        raise Reject("missing_field", field, f"{field} is missing")
    return native


def _when(value: Moment, field: str, context: Context) -> int:
    """Webhooks write contacts' times in ISO 8601 and everything else in epoch seconds."""
    if value is None:
        raise Reject("missing_field", field, f"{field} is missing")
    if isinstance(value, str) and not value.strip().isdigit():
        return parse_iso(value, field, context.zone)
    return from_epoch_seconds(value, field)


SOURCE = SourceSpec(
    name="intercom",
    title="Intercom",
    channel="chat",
    version="1.10.0",
    framing="json",
    parse=parse,
    explode=explode,
    lists=tuple(
        Inner((*around, parts, parts), is_all=False)
        for around in (("data", "item"), ())
        for parts in ("conversation_parts", "ticket_parts")
    ),
    supports=(
        "Webhooks: conversation.* and conversation_part.* (each part one message; notes left out), ticket.*",
        "Webhooks: user.*, contact.*, lead.*, visitor.* (identities)",
        "API: conversations, tickets, contacts; single or as lists",
    ),
)
