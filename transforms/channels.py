"""Medium to channel, and channel to modality (semantics 1.2)."""

from __future__ import annotations

CHANNEL_OF_MEDIUM: dict[str, str] = {
    "email": "email",
    "sms": "chat",
    "whatsapp": "chat",
    "teams_chat": "chat",
    "web_chat": "chat",
    "video_call": "video",
    "phone_call": "video",  # read as "live remote call", unless configured as a channel of its own
    "web_app": "app",
    "mobile_app": "app",
    "portal": "app",
    "deal_room": "app",
    "onsite_visit": "in_person",
    "trade_event": "in_person",
}

MEDIUM_OF_CHANNEL: dict[str, str] = {
    "email": "email", "chat": "web_chat", "video": "video_call", "app": "web_app", "in_person": "onsite_visit",
}  # fmt: skip
"""The plain medium of a channel, for a source that does not say more."""


def channel_of(medium: str, phone_call_channel: str = "video") -> str | None:
    """The channel of a medium, None for an unknown one. ``phone_call_channel`` is ``Folding.phone_call_channel``."""
    if medium == "phone_call":
        return phone_call_channel
    return CHANNEL_OF_MEDIUM.get(medium)


def modality(channel: str, is_bot_only: bool = False) -> str:
    """``in_person``, ``digital_self_serve`` (app, or a chat that only a bot answered) or ``remote_human`` (the rest).

    Follows McKinsey's own footnote, in which email is remote, not digital; a configured sixth channel for phone
    calls is remote.
    """
    if channel == "in_person":
        return "in_person"
    if channel == "app" or (channel == "chat" and is_bot_only):
        return "digital_self_serve"
    return "remote_human"
