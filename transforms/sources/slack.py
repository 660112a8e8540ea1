"""Slack: Events API envelopes (HTTP and socket mode), raw messages, workspace exports and Web API responses.

A message is known by ``<channel>/<ts>`` wherever it was seen. Exports name channels by folder, the API by id; only
direct messages have the same name in both.

The source is the workspace that *we* are in, never the author's: in a Slack Connect channel ``team`` and ``team_id``
follow whoever wrote, and would tear one conversation into two. So it is ``context_team_id``, else the installation's
team, else ``team_id``; for an export it is the folder above the channel if that is a team id, else plain ``/slack``, which
folding takes for the workspace that the channel is known in (``transforms.folding.chat.at_home``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from transforms.event import Event, Ignored, Parsed, Party, Reject
from transforms.markup import mrkdwn_plain
from transforms.normal import QUESTION_MARKS, clean_subject, email_id, native_id, phone_id, scrub, text_facts
from transforms.sources import Context, SourceSpec
from transforms.sources.slack_kinds import (
    BOT_SUBTYPES,
    HUMAN_SUBTYPES,
    IDENTITY_EVENTS,
    OBJECT_KINDS,
    OTHER_EVENTS,
    OTHER_PAYLOADS,
    SYSTEM_SUBTYPES,
)
from transforms.sources.slack_shapes import Head, Message, Profile, Record, Response, User
from transforms.times import SECOND, from_epoch_seconds

_record = msgspec.json.Decoder(Record)
_head = msgspec.json.Decoder(Head)
_response = msgspec.json.Decoder(Response)

_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_TEAM = re.compile(r"T[A-Z0-9]{6,}")
_CHANNEL = re.compile(r"(?<![A-Za-z0-9])[CDG][A-Z0-9]{7,}(?![A-Za-z0-9])")
_CALL = r"<(?:@|!(?:here|channel|everyone|subteam\^))[^<>]*>"
_CALLED = re.compile(rf"\s*(?:{_CALL}[\s,:;.!-]*)+")
"""Those whom a message calls before it says anything: ``<@U1> <!here>: ``."""
_ASKED = re.compile(rf"(?<=[{QUESTION_MARKS}])(?:[^\S\n]*{_CALL})+[^\S\n]*$", re.MULTILINE)
"""Those whom a line calls behind its question mark: ``Any news? <@U1> <@U2>``."""


def parse(data: bytes, context: Context) -> Parsed:
    """One JSON object of Slack's to a message, an identity or ``Ignored``.

    Raises ``Reject``, or ``msgspec.ValidationError`` where a message's field has the wrong type.
    """
    try:
        record = _record.decode(data)
    except msgspec.ValidationError:
        # An event that we do not read may hold anything under the names that we do.
        verdict = _without_fields(_head.decode(data))
        if verdict is None:
            raise
        return verdict
    return _parse(record, context, "$")


def explode(frame: bytes, context: Context) -> Iterable[bytes]:
    """A response with ``messages`` or with ``members`` to its elements, an odd one too, for it is to fail alone.

    Any other frame stays whole, and so does a list of plain ids.
    """
    if b'"ok"' not in frame or (b'"messages"' not in frame and b'"members"' not in frame):
        return (frame,)
    try:
        response = _response.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (frame,)
    found = response.messages or response.members
    if not response.ok or not found or all(bytes(one)[:1] == b'"' for one in found):
        return (frame,)
    return [bytes(one) for one in found]


def _without_fields(head: Head) -> Ignored | None:
    """What the type alone decides; None for the kinds whose fields matter, so that the complaint about them stands."""
    event, path = (head.event, "$.event") if head.event else (head, "$")
    kind, subtype = event.type, event.subtype
    if kind in {"message", "app_mention", "events_api", None} or kind in IDENTITY_EVENTS:
        return Ignored(subtype) if subtype and subtype in SYSTEM_SUBTYPES else None
    if kind in OTHER_EVENTS or kind in OTHER_PAYLOADS:
        return Ignored(kind)
    raise Reject("unknown_type", f"{path}.type", f"event type {kind[:60]!r} is not known")


def _parse(record: Record, context: Context, path: str) -> Parsed:
    event = record.event
    if event is not None:
        return _event(event, _source(_team(record), context), record.event_time, context, f"{path}.event")
    if record.payload is not None:
        return _parse(record.payload, context, f"{path}.payload")
    kind = record.type
    if kind in OTHER_PAYLOADS:
        return Ignored(kind)
    if kind:
        return _event(record, _source(None, context), None, context, path)
    return _object(record, context, path)


def _object(record: Record, context: Context, path: str) -> Parsed:
    """A typeless object: a user, something else of an export's side files, or a Web API response."""
    source = _source(record.team_id, context)
    if record.ok is not None:
        if not record.ok:
            return Ignored("api_error")
        if isinstance(record.user, User):
            return _identity(record.user, source, None, f"{path}.user")
        return Ignored("api_response")
    if record.change_type is not None:
        return Ignored("integration_log")
    if record.command is not None:
        return Ignored("slash_command")
    if record.ts is not None and (record.text is not None or record.files):
        return _event(record, _source(None, context), None, context, path)  # some exporters leave "type" out
    if record.id and record.id[0] in "UW":
        user = User(record.id, record.name, record.real_name, record.profile, record.is_bot, record.updated)
        return _identity(user, source, None, path)
    kind = OBJECT_KINDS.get(record.id[0]) if record.id else None
    if kind is None:
        raise Reject("missing_field", f"{path}.type", f"{path}.type is missing, and it is no message and no user")
    return Ignored(kind)


def _event(event: Message, source: str, event_time: int | None, context: Context, path: str) -> Parsed:
    kind = event.type
    if kind == "message" or kind == "app_mention" or kind is None:
        return _message(event, source, context, path)
    if kind in IDENTITY_EVENTS:
        if not isinstance(event.user, User):
            raise Reject("missing_field", f"{path}.user", f"{path}.user is no user object in a {kind}")
        return _identity(event.user, source, event.event_ts or event_time, f"{path}.user")
    if kind in OTHER_EVENTS:
        return Ignored(kind)
    raise Reject("unknown_type", f"{path}.type", f"event type {kind[:60]!r} is not known")


def _message(event: Message, source: str, context: Context, path: str) -> Parsed:
    subtype = event.subtype
    if not subtype and event.message is not None and event.user is None:
        return Ignored("message_replied")  # the Events API leaves its subtype out, as Slack's documentation warns
    if subtype in HUMAN_SUBTYPES or subtype in BOT_SUBTYPES:
        return _sent(event, source, _channel(event, context, path), event.ts, path)
    if subtype == "message_changed":
        return _changed(event, source, context, path)
    if subtype == "message_deleted":
        gone = event.previous_message or Message()
        return _void(event, gone, source, context, event.deleted_ts or gone.ts, path)
    if subtype in SYSTEM_SUBTYPES:
        return Ignored(str(subtype))
    raise Reject("unknown_type", f"{path}.subtype", f"message subtype {str(subtype)[:60]!r} is not known")


def _changed(event: Message, source: str, context: Context, path: str) -> Parsed:
    """An edit; or an unfurl, which repeats the message as it stood; or the root of a thread that was deleted."""
    now, before = event.message, event.previous_message or Message()
    if now is None:
        raise Reject("missing_field", f"{path}.message", f"{path}.message is missing in a message_changed")
    ts = now.ts or before.ts
    if now.subtype == "tombstone":
        return _void(event, before, source, context, ts, path)
    if now.subtype in HUMAN_SUBTYPES or now.subtype in BOT_SUBTYPES:
        return _sent(now, source, _channel(event, context, path), ts, f"{path}.message")
    if now.subtype in SYSTEM_SUBTYPES:
        return Ignored(str(now.subtype))
    raise Reject("unknown_type", f"{path}.message.subtype", f"message subtype {str(now.subtype)[:60]!r} is not known")


def _sent(message: Message, source: str, channel: str, ts: str | None, path: str) -> Event:
    """A message as it stands after its last edit."""
    if not ts:
        raise Reject("missing_field", f"{path}.ts", f"{path}.ts is missing")
    occurred_at = from_epoch_seconds(ts, f"{path}.ts")
    edited_at = _edited_at(message, path)
    actor = _actor(message)
    if actor is None:
        raise Reject("missing_field", f"{path}.user", f"{path}.user is missing, and no bot is named")
    said = _own_text(message)
    text, links = mrkdwn_plain(said)
    first_line, has_question, content_chars = text_facts(text)
    if said and (own := _uncalled(said)) != said:
        first_line = text_facts(mrkdwn_plain(own)[0])[0] or first_line
    files = message.files or ((message.file,) if message.file else ())
    if files:
        links += tuple(f.url_private for f in files if f.is_external and f.url_private)
    return Event(
        source=source,
        source_event_id=f"{channel}/{ts}",
        revision=_revision(edited_at, f"{path}.edited.ts") if edited_at else 1,
        family="chat",
        channel="chat",
        medium="teams_chat",
        is_automated=actor.side == "system",
        occurred_at=occurred_at,
        recorded_at=edited_at,
        sequence=ts,
        dedupe_key=f"chat:{source}/{channel}/{ts}",
        conversation_id=channel,
        thread_id=native_id(message.thread_ts) or None,
        message_id=ts,
        subject_text=clean_subject(text, 120),
        first_line=first_line,
        has_question=has_question,
        content_chars=content_chars,
        links=links,
        attachments=tuple(scrub(name) for f in files if (name := f.name or f.title)),
        parties=(actor,),
    )


def _void(event: Message, gone: Message, source: str, context: Context, ts: str | None, path: str) -> Event:
    """The message ``ts`` does not count any more; the deletion outranks every edit, also one of the same second."""
    if not ts:
        raise Reject("missing_field", f"{path}.deleted_ts", f"{path}.deleted_ts is missing")
    deleted_ts = event.event_ts or event.ts
    if not deleted_ts:
        raise Reject("missing_field", f"{path}.event_ts", f"{path}.event_ts is missing in a deletion")
    occurred_at = from_epoch_seconds(ts, f"{path}.deleted_ts")
    deleted_at = from_epoch_seconds(deleted_ts, f"{path}.event_ts")
    edited_at = _edited_at(gone, f"{path}.previous_message")
    if event.previous_message is None:
        edited_at = deleted_at  # that it was not edited in this very second, nobody says
    actor = _actor(gone)
    channel = _channel(event, context, path)
    return Event(
        source=source,
        source_event_id=f"{channel}/{ts}",
        revision=_revision(max(deleted_at, edited_at + SECOND if edited_at else 0), f"{path}.event_ts"),
        is_void=True,
        family="chat",
        channel="chat",
        medium="teams_chat",
        is_automated=actor is not None and actor.side == "system",
        occurred_at=occurred_at,
        recorded_at=deleted_at,
        sequence=ts,
        dedupe_key=f"chat:{source}/{channel}/{ts}",
        conversation_id=channel,
        thread_id=native_id(gone.thread_ts) or None,
        message_id=ts,
        parties=(actor,) if actor else (),
    )


def _identity(user: User, source: str, heard_at: str | int | None, path: str) -> Event | Ignored:
    """A profile binds the Slack id to address and telephone; each state of a profile is an event of its own."""
    native = native_id(user.id)
    if not native:
        raise Reject("missing_field", f"{path}.id", f"{path}.id is missing")
    when = user.updated if user.updated is not None else heard_at
    if when == 0 and (user.is_bot or user.id == "USLACKBOT"):
        return Ignored("bot_profile")  # as Slack writes its own bot into every list of users
    if when is None:
        raise Reject("missing_field", f"{path}.updated", f"{path}.updated is missing: user {user.id} has no time")
    occurred_at = from_epoch_seconds(when, f"{path}.updated")
    profile = user.profile or Profile()
    ids = (f"external_id:slack:{native}", email_id(profile.email or ""), phone_id(profile.phone or ""))
    name = profile.real_name or user.real_name or profile.display_name or user.name
    system = user.is_bot or native == "USLACKBOT"
    event_id = f"user/{native}/{occurred_at // SECOND}"
    return Event(
        source=source,
        source_event_id=event_id,
        family="identity",
        channel="chat",
        is_automated=bool(system),
        occurred_at=occurred_at,
        dedupe_key=f"src:{source}/{event_id}",
        parties=(
            Party(tuple(i for i in ids if i), "actor", scrub(name) if name else None, "system" if system else None),
        ),
    )


def _actor(message: Message) -> Party | None:
    """Who wrote; ``system`` if a bot is named. One native id only: a bot's and a person's must not be tied together."""
    user, bot, profile = message.user, message.bot_id, message.user_profile
    native = user if isinstance(user, str) else None
    if not native and message.comment is not None:
        native = message.comment.user
    is_bot = bool(bot) or message.subtype in BOT_SUBTYPES or native == "USLACKBOT"
    if not (native or is_bot):
        return None
    name = message.username
    address = None
    if profile is not None:
        name = profile.real_name or profile.display_name or name
        address = email_id(profile.email) if profile.email else None
    known = native_id(native or bot)
    ids: tuple[str, ...] = (f"external_id:slack:{known}",) if known else ()
    if address:
        ids += (address,)
    return Party(ids, "actor", scrub(name) if name else None, "system" if is_bot else None)


def _own_text(message: Message) -> str | None:
    """What the author wrote: old file messages wrap it in a sentence of Slack's (``… uploaded a file: …``)."""
    if message.comment is not None and message.comment.comment is not None:
        return message.comment.comment
    if message.subtype == "file_share" and message.file is not None and not message.files:
        said = message.file.initial_comment
        return said.comment or "" if said else ""
    return message.text


def _uncalled(said: str) -> str:
    """A text without those whom it is to, who are none of its words: before them, and behind a question mark."""
    if "<" not in said:
        return said
    called = _CALLED.match(said)
    return _ASKED.sub("", said[called.end() :] if called else said)


def _edited_at(message: Message, path: str) -> int | None:
    ts = message.edited.ts if message.edited is not None else None
    return from_epoch_seconds(ts, f"{path}.edited.ts") if ts else None


def _revision(changed_at: int, field: str) -> int:
    """Epoch seconds of a change; a revision is a 32-bit number."""
    if changed_at >= SECOND << 31:
        raise Reject("bad_timestamp", field, f"{field} is {changed_at // SECOND} s: past what a revision holds")
    return changed_at // SECOND


def _team(record: Record) -> str | None:
    installed = record.authorizations[0].team_id if record.authorizations else None
    return record.context_team_id or installed or record.team_id


def _source(team: str | None, context: Context) -> str:
    team = scrub(team) if team else _folders(context.name)[1]
    return f"/slack/{team}" if team else "/slack"


def _channel(event: Message, context: Context, path: str) -> str:
    channel = event.channel
    if channel.__class__ is dict:
        channel = channel.get("id")
    channel = channel or event.channel_id
    found = (native_id(channel) if isinstance(channel, str) else "") or _folders(context.name)[0]
    if not found:
        raise Reject("missing_field", f"{path}.channel", f"{path}.channel is missing, and the file names none")
    return found


@lru_cache(maxsize=4096)
def _folders(name: str) -> tuple[str | None, str | None]:
    """(channel, team) that a file's place tells; Nones for a topic's partition.

    ``T0123456/general/2024-01-31.json`` and ``general__2024-01-31.json`` are days of an export; any other file of bare
    messages is one conversation, called by the channel id in its path if there is one.
    """
    *above, last = name.split("/")
    stem, dot, _ = last.rpartition(".")
    team = next((part for part in reversed(above) if _TEAM.fullmatch(part)), None)
    if not dot or not stem:
        return None, team
    channel, mark, day = stem.rpartition("__")
    if mark and channel and _DATED.match(day):
        return scrub(channel), team
    if _DATED.match(stem):
        return (scrub(above[-1]) if above and above[-1] != team else None), team
    known = _CHANNEL.search(name)
    return (known.group() if known else scrub(name.removesuffix(last) + stem)), team


SOURCE = SourceSpec(
    name="slack",
    title="Slack",
    channel="chat",
    version="1.11.0",
    framing="json",
    parse=parse,
    explode=explode,
    supports=(
        "Events API: message (with files, threads, edits, deletions, bots), app_mention",
        "Events API: user_change, team_join, user_profile_changed (identities)",
        "Socket mode envelopes and raw event logs, one JSON object a line",
        "Workspace export: <channel>/<date>.json, users.json",
        "Web API: conversations.history, conversations.replies, users.list, users.info",
    ),
)
