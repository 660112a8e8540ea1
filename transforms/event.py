"""The unified event: what one source said, once; and the other things a raw record can become.

Times are integers, microseconds since 1970-01-01T00:00:00Z. Everything an adapter returns is made of these types, so that
someone who knows a vendor's payloads and nothing of the engine can write and review one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

Family = Literal["email", "chat", "app", "schedule", "attendance", "identity"]
"""How an event folds.

``email``       one message by Message-ID
``chat``        one message of a conversation; folds into bursts
``app``         one page, screen or track call; folds into app sessions
``schedule``    a calendar entry's occurrence: a plan, or the record of a visit at a place
``attendance``  a report that people were in a meeting or at a place: whole, or one join or leave
``identity``    binds identifiers (a profile, an identify call); never a touchpoint
"""


class Party(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One participant as the source named it.

    ``ids`` are normal forms with their type in front, best first: ``email:ann@example.com``, ``phone:+14155550100``,
    ``external_id:slack:U123`` (system, then native id), ``anonymous_id:segment:507f``. They may be empty when a source
    gives a bare name (a dialled-in guest).
    """

    ids: tuple[str, ...]
    role: str
    """actor, to, cc, bcc, organizer, required, optional, attendee, viewer"""
    name: str | None = None
    side: str | None = None
    """What the source itself says: buyer, seller, partner, system; None where it does not say."""
    attended: bool | None = None
    """True: was there. False: declined or absent. None: the source does not know (an invitation)."""
    joined_at: int | None = None
    left_at: int | None = None


class PlanItem(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What an event says of one item of a mutual action plan; None where it does not say."""

    item_id: str
    """Native id, behind the plan's where the payload names the plan."""
    title: str | None = None
    """One line, 120 characters at most. Never a description."""
    owner: Party | None = None
    """Whose task it is; no participant of the event for that."""
    due_at: int | None = None
    is_done: bool | None = None
    is_risk: bool | None = None
    is_removed: bool | None = None
    """Taken out of the plan; False where it was put back."""


def system_of(source: str) -> str:
    """``slack`` of ``/slack/T0001``: what the producer itself is called, whatever the instance."""
    return source.strip("/").partition("/")[0]


class Event(msgspec.Struct, array_like=True, gc=False, kw_only=True):
    """One row of ``fact_event`` with everything that folding needs. Adapters fill what the payload says and leave the rest."""

    # which
    source: str
    """URI-reference of the producer: ``/<system>`` or ``/<system>/<instance>``, e.g. ``/slack/T0001``."""
    source_event_id: str
    """Native id. ``(source, source_event_id, revision)`` is unique; a repeat is a duplicate."""
    revision: int = 1
    """1 for the first; a correction carries a higher number that the payload itself determines (an edit's epoch seconds)."""
    is_void: bool = False
    """This revision deletes or cancels what ``source_event_id`` said before."""

    # what
    family: Family
    channel: str | None = None
    medium: str | None = None
    interaction_kind: str | None = None
    """Set only where the payload determines it; folding fills the default of the family."""
    status: str | None = None
    """cancelled, bounced, auto_reply, scheduled, held; None lets folding decide."""
    is_automated: bool = False
    direction: str | None = None
    """Only where the source states it; otherwise it follows from the sides of the parties."""

    # when
    occurred_at: int
    ended_at: int | None = None
    """None: the same instant (a message, a join)."""
    time_quality: str = "source"
    recorded_at: int | None = None
    sequence: str | None = None

    # in which conversation or occurrence
    dedupe_key: str
    """``email:<Message-ID>``, ``meeting:<occurrence>``, ``chat:<source>/<conversation>/<message>``, ``app:<source>/<event>``, else ``src:…``."""
    conversation_id: str | None = None
    """Chat: the conversation or channel. Email: the provider's thread id. App: the user key."""
    thread_id: str | None = None
    """Chat: native id of the message that the thread hangs under, if this message is in a thread."""
    message_id: str | None = None
    references: tuple[str, ...] = ()
    """Email: References then In-Reply-To, oldest first, without brackets. Its presence makes the message a reply."""
    native_session_id: str | None = None
    """App: the tracker's session. Attendance: the stay, which a join, its leave and a list of participants have in common."""
    join_keys: tuple[str, ...] = ()
    """Meetings: what other systems may call the same occurrence: ``ical:<uid>``, ``zoom:<meeting id>``, ``uuid:<occurrence>``,
    ``meet:<code>``, ``teams:<thread>``, ``gcal:<event id>``. Recurring meetings share them: time tells occurrences apart."""
    organizer: str | None = None
    """Meetings: the organiser's identifier, prefixed as in ``Party.ids``."""
    place: str | None = None
    """A physical place, if the source names one; a URL is no place."""

    # about
    subject_text: str | None = None
    """Email subject or meeting title; for chat the first 120 characters. Never a body."""
    first_line: str | None = None
    """First own line that is neither empty nor a mere greeting, 120 characters at most; before it, on a line of its own, the subject of a
    mail that came as a chat (Intercom). Kept in the vault only, for rules."""
    has_question: bool | None = None
    """A ``?`` anywhere in the own text (quoted text aside): no acknowledgement. None if no text was available."""
    content_chars: int | None = None
    tags: tuple[str, ...] = ()
    explicit_job: str | None = None
    """The buying job that a person or the source named, by its name here (``transforms.jobs.label``)."""
    event_name: str | None = None
    page_path: str | None = None
    links: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    """File names."""
    asset_id: str | None = None
    asset_action: str | None = None
    """share, view or download, where the payload says it."""

    # who
    parties: tuple[Party, ...] = ()
    account_hint: str | None = None
    """Explicit account id in the payload (Segment groupId, a CRM association)."""
    opportunity_hint: str | None = None

    # which steps; behind all else, so that events landed before there was such a field are still read
    plan_items: tuple[PlanItem, ...] = ()
    plan_sequence: int = 0
    """Calendars: SEQUENCE, which tells the versions of an entry apart whatever calendar the copy lies in (RFC 5546)."""
    left_out: tuple[str, ...] = ()
    """Plans: fields of this event that a correction does not tell, or not whole, because they did not change: an older revision has them."""
    calendar: str | None = None
    """Plans: whose calendar a deletion was read from that tells nothing of what it deletes, prefixed as in ``Party.ids``."""


class Witness(msgspec.Struct, array_like=True, gc=False):
    """An event as landed: with its id, when we first saw it and where its bytes lie."""

    event_id: str
    received_at: int
    unit_id: str
    position: int
    payload_hash: str
    event: Event


class Ignored(msgspec.Struct, frozen=True):
    """Deliberately no event. ``reason`` is a short slug that is counted: ``typing``, ``url_verification``, ``heartbeat``."""

    reason: str


class Reject(Exception):
    """The record cannot become an event.

    ``reason_code`` is a slug (``malformed_json``, ``missing_field``, ``invalid_field``, ``bad_timestamp``, ``unknown_type`` …),
    ``field_path`` a JSON path or a header's name, ``detail`` a sentence that names the value.
    """

    def __init__(self, reason_code: str, field_path: str | None, detail: str) -> None:
        super().__init__(detail)
        self.reason_code = reason_code
        self.field_path = field_path
        self.detail = detail


Parsed = Event | list[Event] | Ignored
"""What ``parse`` returns; it raises ``Reject`` otherwise."""


def named(event: Event) -> Iterator[tuple[str, ...]]:
    """The identifiers by which an event names somebody, party by party."""
    for party in event.parties:
        yield party.ids
    for item in event.plan_items:
        if item.owner is not None:
            yield item.owner.ids
    for one in (event.organizer, event.calendar):
        if one is not None:
            yield (one,)


def hash_id(canonical: str) -> str:
    """First 32 hex digits of the SHA-256 of a canonical string: every id in every table is made by this."""
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def event_id(event: Event) -> str:
    return hash_id(f"{event.source}\x1f{event.source_event_id}\x1f{event.revision}")


_encoder: Any = msgspec.msgpack.Encoder()
_decoder: Any = msgspec.msgpack.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """The vault's form of an event (MessagePack, arrays): measured at a tenth of the cost of nested Arrow columns."""
    blob: bytes = _encoder.encode(event)
    return blob


def decode_event(blob: bytes) -> Event:
    event: Event = _decoder.decode(blob)
    return event
