"""What a message's value carries: a payload, or payloads inside an envelope that was put around them on their way.

* **Schema registries** (Confluent's wire format): a zero byte and a four-byte schema id before JSON, Avro or Protobuf. JSON is read.
* **Structured CloudEvents**, or a batch of them (JSON event format 1.0, section 4): ``source`` and ``type`` say which system each is of, as the
  headers do of a binary one.
* Whatever else ``transforms.frames.envelopes`` opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from pipelines.kafka.topics import Headers, UnknownSystem, names_system, system_of
from transforms.frames.envelopes import DEPTH, UNREADABLE, Payload, cloud_event, delivered, may_be_one
from transforms.records import BadFrame

SCHEMA_ID = 5
"""Bytes before what a schema registry's serializer writes: the magic byte, and the id."""

Carried = tuple[str | UnknownSystem, Payload]
"""A payload, and the system that it is of."""

_elements = msgspec.json.Decoder(list[msgspec.Raw])


def carried(value: bytes, headers: Headers, mapped: str) -> Iterable[Carried]:
    """The payloads of a message's value, at least one, each with its system: by the headers, by the CloudEvent around it, else by the topic
    (``mapped``). Where headers have named a system no CloudEvent is looked for."""
    headers = tuple(headers)
    system = system_of(headers, mapped)
    if value[:1] != b"\0" and b'"specversion"' not in value and not may_be_one(value):  # nearly every message
        return ((system, value),)
    return _opened(value, system, is_told=names_system(headers), depth=DEPTH)


def _opened(value: bytes, system: str | UnknownSystem, *, is_told: bool, depth: int) -> Iterator[Carried]:
    """``is_told``: headers or a CloudEvent have named the system."""
    found: list[Carried] | None = None
    if depth:
        if value[:1] == b"\0":
            found = [(system, _of_registry(value))]
        elif (payloads := delivered(value) if may_be_one(value) else None) is not None:
            found = [(system, payload) for payload in payloads]
        if found is None and not is_told and b'"specversion"' in value:
            found = _of_cloud_events(value, system)
            is_told = found is not None
    if found is None:
        yield system, value
        return
    for named, payload in found:
        if isinstance(payload, bytes):
            yield from _opened(payload, named, is_told=is_told, depth=depth - 1)
        else:
            yield named, payload


def _of_registry(value: bytes) -> Payload:
    rest = value[SCHEMA_ID:]
    if rest.lstrip()[:1] in (b"{", b"[", b'"'):
        return rest
    number = int.from_bytes(value[1:SCHEMA_ID], "big")
    told = f"no text; if it is Avro or Protobuf of a registry (schema {number}): have JSON written, by the producer or by a converter"
    return BadFrame(value, "unsupported_format", told)


def _of_cloud_events(value: bytes, mapped: str | UnknownSystem) -> list[Carried] | None:
    """None unless the value is an event, or a batch with one in it; what else stands in a batch is of its topic."""
    try:
        batch = [bytes(one) for one in _elements.decode(value)]
    except UNREADABLE:
        batch = [value]
    opened = [_of_cloud_event(one) for one in batch]
    if not any(opened):
        return None
    return [event or (mapped, one) for event, one in zip(opened, batch, strict=True)]


def _of_cloud_event(value: bytes) -> Carried | None:
    event = cloud_event(value)
    if event is None:
        return None
    return system_of((("ce_source", event.source.encode()), ("ce_type", event.type.encode())), ""), event.payload
