"""What was put around payloads on their way, as JSON: a queue's, a bus's, a converter's or a loader's envelope.

* **Kafka Connect's JSON converter** with ``schemas.enable``: ``{"schema": {...}, "payload": ...}``.
* **Structured CloudEvents**: an event as JSON with its payload in ``data`` or ``data_base64`` (JSON event format 1.0, section 3.1).
* **AWS**: an event of EventBridge (``detail``), a notification of SNS (``Message``), a message of SQS (``Body``), a record of Kinesis
  (``Data``), a request that came through API Gateway (``body``), and lists of these as a Lambda function is given them (``Records``) and
  as their APIs answer (``Messages``, ``Records``).
* **Amazon SES**, of mail it received: the message in ``content``.
* **Azure Event Grid** in its own schema: ``data``.
* **Google Pub/Sub**, pushed and pulled: ``message.data``.
* **Airbyte's** raw records: ``_airbyte_data``.

No system sends a payload of its own that is one of these, so no setting has to name them.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from transforms.frames.chunks import BadFrame

DEPTH = 4
"""Of envelopes in one another. What lies deeper is left as it is, for the adapter to refuse."""

Payload = bytes | BadFrame | None
"""None where an envelope is empty."""
Fields = dict[str, msgspec.Raw]

_FIRST = re.compile(
    rb'\s*\{\s*"(?:schema|payload|Type|MessageId|Message|TopicArn|Subject|Timestamp|Signature|SignatureVersion|Records|Messages|Body|ReceiptHandle'
    rb"|SequenceNumber|Data|messageId|receiptHandle|eventSource|EventSource|EventVersion|kinesis|message|subscription|receivedMessages|ackId"
    rb'|resource|httpMethod|version|account|specversion|notificationType|receipt|_airbyte_[a-z_]+|(id|topic|eventType|time|type|source|subject|data|data_base64|datacontenttype))"'
)
"""By its first name nearly every payload is known to be none of these: it is looked at no further."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_fields = msgspec.json.Decoder(Fields)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


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


class CloudEvent(NamedTuple):
    source: str
    type: str
    payload: Payload


_converted = msgspec.json.Decoder(_Converted)
_cloud_event = msgspec.json.Decoder(_CloudEvent)


def opened(value: bytes) -> list[Payload] | None:
    """What is in an envelope, one level of it; None if the value is none. What it says of the system is passed over."""
    if not may_be_one(value):
        return None
    event = cloud_event(value) if b'"specversion"' in value else None
    return [event.payload] if event is not None else delivered(value)


def may_be_one(value: bytes) -> bool:
    """Whether it begins as an envelope does."""
    found = _FIRST.match(value)
    if found is None:
        return False
    return found[1] is None or b'"specversion"' in value or b'"detail-type"' in value or b'"dataVersion"' in value


def delivered(value: bytes) -> list[Payload] | None:
    """What is in an envelope that does not say which system its payload is of."""
    try:
        fields = _fields.decode(value)
    except UNREADABLE:
        return None
    for names, take in _KINDS:
        if names <= fields.keys():
            return take(fields, value)
    return None


def cloud_event(value: bytes) -> CloudEvent | None:
    try:
        event = _cloud_event.decode(value)
    except UNREADABLE:
        return None
    if event.data_base64 is not None:
        return CloudEvent(event.source, event.type, _of_base64(event.data_base64, value, "data_base64"))
    return CloudEvent(event.source, event.type, _of_value(event.data, value, is_base64=False, field="data"))


def _of_converter(_: Fields, value: bytes) -> list[Payload] | None:
    try:
        envelope = _converted.decode(value)
    except UNREADABLE:
        return None
    kind = envelope.schema.get("type") if envelope.schema is not None else "string"
    if not isinstance(kind, str):
        return None
    return [_of_value(envelope.payload, value, is_base64=kind == "bytes", field="payload")]


def _of_topic(fields: Fields, value: bytes) -> list[Payload] | None:
    if bytes(fields["Type"]) != b'"Notification"':
        return [None]  # the confirmation of a subscription
    return [_of_value(fields["Message"], value, is_base64=False, field="Message")]


def _in(field: str, *, is_base64: bool = False) -> Callable[[Fields, bytes], list[Payload] | None]:
    """The payload stands in this field."""
    return lambda fields, value: [_of_value(fields[field], value, is_base64=is_base64, field=field)]


def _of_gateway(fields: Fields, value: bytes) -> list[Payload] | None:
    is_base64 = bytes(fields["isBase64Encoded"]) == b"true"
    return [_of_value(fields["body"], value, is_base64=is_base64, field="body")]


def _of_received_mail(fields: Fields, value: bytes) -> list[Payload] | None:
    receipt = _object(fields["receipt"]) or {}
    action = _object(receipt.get("action", _NULL)) or {}
    is_base64 = bytes(action.get("encoding", _NULL)).upper() == b'"BASE64"'
    return [_of_value(fields["content"], value, is_base64=is_base64, field="content")]


def _of_grid(fields: Fields, value: bytes) -> list[Payload] | None:
    if bytes(fields["eventType"]).startswith(b'"Microsoft.EventGrid.Subscription'):
        return [None]  # the validation or deletion of a subscription
    return [_of_value(fields["data"], value, is_base64=False, field="data")]


def _of_subscription(fields: Fields, value: bytes) -> list[Payload] | None:
    message = _object(fields["message"])
    if message is None or not message.keys() & {"messageId", "message_id"}:
        return None
    return [_of_value(message.get("data", _NULL), value, is_base64=True, field="message.data")]


def _of_function_of_stream(fields: Fields, value: bytes) -> list[Payload] | None:
    record = _object(fields["kinesis"])
    if record is None or "data" not in record:
        return None
    return [_of_value(record["data"], value, is_base64=True, field="kinesis.data")]


def _of_function_of_topic(fields: Fields, value: bytes) -> list[Payload] | None:
    notification = _object(fields["Sns"])
    if notification is None or "Message" not in notification:
        return None
    return [_of_value(notification["Message"], value, is_base64=False, field="Sns.Message")]


def _all_of(field: str) -> Callable[[Fields, bytes], list[Payload] | None]:
    """A list of envelopes, each to be opened in its turn; with anything else in it, it is none."""

    def take(fields: Fields, _: bytes) -> list[Payload] | None:
        try:
            elements = [bytes(one) for one in _list.decode(fields[field])]
        except UNREADABLE:
            return None
        if any(delivered(one) is None for one in elements):
            return None
        return [*elements] or [None]

    return take


_NULL = msgspec.Raw(b"null")
_KINDS: tuple[tuple[frozenset[str], Callable[[Fields, bytes], list[Payload] | None]], ...] = (
    (frozenset({"schema", "payload"}), _of_converter),
    (frozenset({"detail-type", "source", "detail"}), _in("detail")),
    (frozenset({"Type", "MessageId", "TopicArn", "Message"}), _of_topic),
    (frozenset({"MessageId", "ReceiptHandle", "Body"}), _in("Body")),
    (frozenset({"messageId", "receiptHandle", "body"}), _in("body")),
    (frozenset({"EventSource", "Sns"}), _of_function_of_topic),
    (frozenset({"eventSource", "kinesis"}), _of_function_of_stream),
    (frozenset({"SequenceNumber", "PartitionKey", "Data"}), _in("Data", is_base64=True)),
    (frozenset({"Records"}), _all_of("Records")),
    (frozenset({"Messages"}), _all_of("Messages")),
    (frozenset({"requestContext", "isBase64Encoded", "body"}), _of_gateway),
    (frozenset({"notificationType", "mail", "receipt", "content"}), _of_received_mail),
    (frozenset({"id", "eventType", "eventTime", "dataVersion", "data"}), _of_grid),
    (frozenset({"message", "subscription"}), _of_subscription),
    (frozenset({"message", "ackId"}), _of_subscription),
    (frozenset({"receivedMessages"}), _all_of("receivedMessages")),
    (frozenset({"_airbyte_data", "_airbyte_raw_id"}), _in("_airbyte_data")),
    (frozenset({"_airbyte_data", "_airbyte_ab_id"}), _in("_airbyte_data")),
)
"""Names that an envelope has, and how its payloads are taken out. From the vendors' references."""


def _object(data: msgspec.Raw) -> Fields | None:
    try:
        return _fields.decode(data)
    except UNREADABLE:
        return None


def _of_value(data: msgspec.Raw, envelope: bytes, *, is_base64: bool, field: str) -> Payload:
    """The payload that stands in an envelope as JSON: a string is its text, whatever else is there stays as it was written."""
    written = bytes(data)
    if written == b"null":
        return None
    if written[:1] != b'"':
        return written
    try:
        text = _text.decode(written)
    except UNREADABLE as error:
        return BadFrame(envelope, "malformed_json", f"{field} is no valid string: {error}")
    return _of_base64(text, envelope, field) if is_base64 else text.encode()


def _of_base64(text: str, envelope: bytes, field: str) -> Payload:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:  # binascii's own, or of text that is no ASCII
        return BadFrame(envelope, "invalid_field", f"{field} is said to be base64, and is not: {error}")
