"""What Slack sends: messages, the envelopes and answers that they come in, and the people who write them."""

from __future__ import annotations

from typing import Any

import msgspec


class Stamp(msgspec.Struct, gc=False):
    ts: str | None = None


class Comment(msgspec.Struct, gc=False):
    comment: str | None = None
    user: str | None = None


class File(msgspec.Struct, gc=False):
    name: str | None = None
    title: str | None = None
    is_external: bool | None = None
    url_private: str | None = None
    initial_comment: Comment | None = None


class Profile(msgspec.Struct, gc=False):
    real_name: str | None = None
    display_name: str | None = None
    email: str | None = None
    phone: str | None = None


class User(msgspec.Struct, gc=False):
    id: str | None = None
    name: str | None = None
    real_name: str | None = None
    profile: Profile | None = None
    is_bot: bool | None = None
    updated: float | int | None = None


class Message(msgspec.Struct, gc=False):
    """A message, or any other event as far as a message's fields go."""

    type: str | None = None
    subtype: str | None = None
    channel: str | dict[str, Any] | None = None
    channel_id: str | None = None
    """Beside a message, of loaders that put those of all channels into one place."""
    user: str | User | None = None
    ts: str | None = None
    thread_ts: str | None = None
    text: str | None = None
    bot_id: str | None = None
    username: str | None = None
    user_profile: Profile | None = None
    edited: Stamp | None = None
    files: list[File] | None = None
    file: File | None = None
    comment: Comment | None = None
    event_ts: str | None = None
    deleted_ts: str | None = None
    message: Message | None = None
    previous_message: Message | None = None


class Installation(msgspec.Struct, gc=False):
    team_id: str | None = None


class Record(Message, gc=False):
    """Whatever Slack writes as one JSON object: an envelope, a bare event, an element of an export, a response."""

    team_id: str | None = None
    context_team_id: str | None = None
    authorizations: list[Installation] | None = None
    event: Message | None = None
    event_time: int | None = None
    payload: Record | None = None
    # a user of users.json
    id: str | None = None
    name: str | None = None
    real_name: str | None = None
    profile: Profile | None = None
    is_bot: bool | None = None
    updated: float | int | None = None
    # told apart by these
    ok: bool | None = None
    error: str | None = None
    command: str | None = None
    change_type: str | None = None


class Kind(msgspec.Struct, gc=False):
    type: str | None = None
    subtype: str | None = None


class Head(msgspec.Struct, gc=False):
    type: str | None = None
    subtype: str | None = None
    event: Kind | None = None


class Response(msgspec.Struct, gc=False):
    ok: bool
    messages: list[msgspec.Raw] | None = None
    members: list[msgspec.Raw] | None = None
