"""Which source a message is of: its topic by the settings, unless its CloudEvents headers say otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from pipelines.errors import SettingsError
from pipelines.settings import BY_HEADER
from transforms.sources import all_sources

Headers = Iterable[tuple[str, bytes | None]]
UNMAPPED = "unmapped"
"""Source of rejects that no topic and no header gives to a system."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


class UnknownSystem(msgspec.Struct, frozen=True):
    """A message of no system that we have an adapter for. ``name`` is what it is called, or ``unmapped``."""

    name: str
    field: str
    detail: str


def source_of_topic(topic: str, topics: Mapping[str, str]) -> str | None:
    """The source that the settings give to a topic; None if no name and no pattern fits.

    Raises ``SettingsError`` if patterns of several sources fit.
    """
    if topic in topics:
        return topics[topic]
    fitting = {pattern: source for pattern, source in topics.items() if fnmatchcase(topic, pattern)}
    if len(set(fitting.values())) > 1:
        listed = ", ".join(f"{pattern!r} = {source!r}" for pattern, source in fitting.items())
        raise SettingsError(f"kafka.topics: the topic {topic} fits {listed}: give it an entry of its own")
    return next(iter(fitting.values()), None)


def is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def names_system(headers: Headers) -> bool:
    """Whether a message is a binary CloudEvent, whose headers say which system it is of."""
    return any(_is_of_event(key, value) for key, value in headers)


def _is_of_event(key: str, value: bytes | None) -> bool:
    return bool(value) and key in ("ce_source", "ce_type")


def system_of(headers: Headers, mapped: str) -> str | UnknownSystem:
    """The adapter of one message.

    ``ce_source`` decides by the first segment of its path (``/slack/T0001`` is slack, ``//bus/zoom`` is zoom; of a URN it is the
    last part), else ``ce_type`` by any of its labels (``com.zoom.meeting.started``), else the topic. A header that names no
    source is not passed over: what it says is not what the topic says.
    """
    found = {key: value for key, value in headers if _is_of_event(key, value)}
    if not found:
        if mapped == BY_HEADER:
            return UnknownSystem(
                UNMAPPED, "ce_source", "it has no header ce_source, and its topic is mapped to headers"
            )
        return mapped
    return _named(found.get("ce_source"), found.get("ce_type"))


@lru_cache(maxsize=4096)
def _named(source: bytes | None, kind: bytes | None) -> str | UnknownSystem:
    """What the headers say; remembered, for a producer says the same in every message."""
    known = all_sources()
    given = {"ce_source": source, "ce_type": kind}
    texts = {key: value.decode("utf-8", "replace") for key, value in given.items() if value}
    names: list[str] = []
    if "ce_source" in texts:
        names = _source_names(texts["ce_source"])
    named = next((name for name in names if name in known), None)
    if named is None and "ce_type" in texts:
        named = next((label for label in texts["ce_type"].lower().split(".") if label in known), None)
    if named is not None:
        return named
    field = "ce_source" if "ce_source" in texts else "ce_type"
    name = next((n for n in names if _NAME.fullmatch(n)), UNMAPPED)
    return UnknownSystem(name, field, f"{field} is {texts[field][:200]!r}: there is no adapter of that name")


def _source_names(reference: str) -> list[str]:
    text = reference.strip().lower()
    if text.startswith("urn:"):
        return [text.rsplit(":", 1)[1]]
    try:
        path = urlsplit(text).path
    except ValueError:  # a bracket that is no IPv6 address
        return []
    return [part for part in path.split("/") if part][:1]
