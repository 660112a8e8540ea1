"""What Intercom sends: conversations and their parts, contacts, and the webhooks and lists that they come in."""

from __future__ import annotations

import msgspec

Moment = int | float | str | None
Id = int | str | None


class Author(msgspec.Struct, gc=False):
    type: str | None = None
    id: Id = None
    name: str | None = None
    email: str | None = None
    from_ai_agent: bool | None = None
    is_ai_answer: bool | None = None


class Attachment(msgspec.Struct, gc=False):
    name: str | None = None


class Part(msgspec.Struct, gc=False):
    id: Id = None
    type: str | None = None
    part_type: str | None = None
    delivered_as: str | None = None
    subject: str | None = None
    body: str | None = None
    author: Author | None = None
    attachments: list[Attachment] | None = None
    created_at: Moment = None
    updated_at: Moment = None
    redacted: bool | None = None


class Parts(msgspec.Struct, gc=False):
    conversation_parts: list[Part] | None = None
    ticket_parts: list[Part] | None = None


class Contacts(msgspec.Struct, gc=False):
    contacts: list[Author] | None = None


class Company(msgspec.Struct, gc=False):
    company_id: Id = None


class Companies(msgspec.Struct, gc=False):
    companies: list[Company] | None = None
    data: list[Company] | None = None


class Item(Part, gc=False):
    """A conversation, a ticket, a single part or a contact, told apart by ``type``."""

    source: Part | None = None
    conversation_message: Part | None = None
    conversation_parts: Parts | None = None
    ticket_parts: Parts | None = None
    user: Author | None = None
    contacts: Contacts | list[Author] | None = None
    """API 2.0 to 2.6 show the bare list."""
    category: str | None = None
    conversation_id: Id = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    companies: Companies | None = None
    merged_from: Author | None = None
    """The contact that this one has absorbed."""
    ticket: msgspec.Raw = msgspec.Raw()
    """What ``ticket.closed`` wraps; read there alone, for a conversation may say which ticket it became."""


class Data(msgspec.Struct, gc=False):
    item: Item | None = None


class Record(Item, gc=False):
    """A webhook around an item, or an item by itself."""

    topic: str | None = None
    data: Data | list[msgspec.Raw] | None = None
    activity_type: str | None = None


class HeadItem(msgspec.Struct, gc=False):
    type: str | None = None


class HeadData(msgspec.Struct, gc=False):
    item: HeadItem | None = None


class Head(msgspec.Struct, gc=False):
    type: str | None = None
    topic: str | None = None
    data: HeadData | list[msgspec.Raw] | None = None


class Listing(msgspec.Struct, gc=False):
    type: str | None = None
    conversations: list[msgspec.Raw] | None = None
    contacts: list[msgspec.Raw] | None = None
    tickets: list[msgspec.Raw] | None = None
    users: list[msgspec.Raw] | None = None
    data: list[msgspec.Raw] | None = None
