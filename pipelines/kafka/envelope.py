"""What a message's value carries: a payload, or payloads inside an envelope that was put around them on their way.

* **Schema registries** (Confluent's wire format): a zero byte and a four-byte schema id before JSON, Avro or Protobuf. JSON is read.
* **Kafka Connect's JSON converter** with ``schemas.enable``: ``{"schema": {...}, "payload": ...}``.
* **Structured CloudEvents**: an event as JSON with its payload in ``data`` or ``data_base64``, or a batch of them (JSON event format
  1.0, sections 3.1 and 4). Its ``source`` and ``type`` say which system it is of, as the headers do of a binary one.

No system sends a payload of its own that is one of these, so no setting has to name them.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pipelines.kafka.topics import Headers, UnknownSystem, names_system, system_of
from transforms.framing import BadFrame

SCHEMA_ID = 5
"""Bytes before what a schema registry's serializer writes: the magic byte, and the id."""
DEPTH = 4
"""Of envelopes in one another. What lies deeper is left as it is, for the adapter to refuse."""

Payload = bytes | BadFrame | None
"""None where an envelope is empty."""
Carried = tuple[str | UnknownSystem, Payload]
"""A payload, and the system that it is of."""


class _Converted(msgspec.Struct, forbid_unknown_fields=True):
    """What Kafka Connect's JSON converter writes; ``schema`` is null where a connector gives none."""

    schema: dict[str, Any] | None
    payload: msgspec.Raw


class _CloudEvent(msgspec.Struct):
    specversion: str
    id: str
    source: str
    type: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_base64: str | None = None


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_converted = msgspec.json.Decoder(_Converted)
_cloud_event = msgspec.json.Decoder(_CloudEvent)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


def carried(value: bytes, headers: Headers, mapped: str) -> Iterable[Carried]:
    """The payloads of a message's value, at least one, each with its system: by the headers, by the CloudEvent around it, else by the topic
    (``mapped``). Where headers have named a system no CloudEvent is looked for."""
    headers = tuple(headers)
    system = system_of(headers, mapped)
    if value[:1] != b"\0" and b'"payload"' not in value and b'"specversion"' not in value:  # nearly every message
        return ((system, value),)
    return _opened(value, system, is_told=names_system(headers), depth=DEPTH)


def _opened(value: bytes, system: str | UnknownSystem, *, is_told: bool, depth: int) -> Iterator[Carried]:
    """``is_told``: headers or a CloudEvent have named the system."""
    found: list[Carried] | None = None
    if depth:
        if value[:1] == b"\0":
            found = [(system, _of_registry(value))]
        elif b'"payload"' in value and b'"schema"' in value:
            found = _of_converter(value, system)
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


def _of_converter(value: bytes, system: str | UnknownSystem) -> list[Carried] | None:
    try:
        envelope = _converted.decode(value)
    except _UNREADABLE:
        return None
    kind = envelope.schema.get("type") if envelope.schema is not None else "string"
    if not isinstance(kind, str):
        return None
    return [(system, _of_value(bytes(envelope.payload), value, is_base64=kind == "bytes", field="payload"))]


def _of_cloud_events(value: bytes, mapped: str | UnknownSystem) -> list[Carried] | None:
    """None unless the value is an event, or a batch with one in it; what else stands in a batch is of its topic."""
    try:
        batch = [bytes(one) for one in _elements.decode(value)]
    except _UNREADABLE:
        batch = [value]
    opened = [_of_cloud_event(one) for one in batch]
    if not any(opened):
        return None
    return [event or (mapped, one) for event, one in zip(opened, batch, strict=True)]


def _of_cloud_event(value: bytes) -> Carried | None:
    try:
        event = _cloud_event.decode(value)
    except _UNREADABLE:
        return None
    system = system_of((("ce_source", event.source.encode()), ("ce_type", event.type.encode())), "")
    if event.data_base64 is not None:
        return system, _of_base64(event.data_base64, value, "data_base64")
    return system, _of_value(bytes(event.data), value, is_base64=False, field="data")


def _of_value(data: bytes, envelope: bytes, *, is_base64: bool, field: str) -> Payload:
    """The payload that stands in an envelope as JSON: a string is its text, whatever else is there stays as it was written."""
    if data == b"null":
        return None
    if data[:1] != b'"':
        return data
    try:
        text = _text.decode(data)
    except _UNREADABLE as error:
        return BadFrame(envelope, "malformed_json", f"{field} is no valid string: {error}")
    return _of_base64(text, envelope, field) if is_base64 else text.encode()


def _of_base64(text: str, envelope: bytes, field: str) -> Payload:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:  # binascii's own, or of text that is no ASCII
        return BadFrame(envelope, "invalid_field", f"{field} is said to be base64, and is not: {error}")
