"""Envelopes around payloads, wherever they come: a file's records are those that are in it."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.frames.envelopes import may_be_one
from transforms.records import BadFrame, records, records_in
from transforms.sources import Context, all_sources

PAGE = b'{"type": "page",  "messageId":"m"}'
"""With blanks that nobody who writes it anew would keep."""
TEXT = PAGE.decode()
BASE64 = base64.b64encode(PAGE).decode()
QUEUED = {"messageId": "1", "receiptHandle": "r", "body": TEXT, "eventSource": "aws:sqs"}
NOTIFICATION = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": TEXT}
BUS = {"version": "0", "id": "1", "detail-type": "page", "source": "aws.partner/example.com/1", "account": "1"}


def read(data: bytes, source: str = "segment") -> list[bytes | BadFrame]:
    return list(records(all_sources()[source], io.BytesIO(data), Context(name="x.json")))


def with_page(envelope: dict[str, Any]) -> bytes:
    """JSON in which the string PAGE stands for the payload as an object."""
    return json.dumps(envelope).encode().replace(b'"PAGE"', PAGE)


@pytest.mark.parametrize(
    "envelope",
    [
        {"schema": None, "payload": TEXT},
        {"specversion": "1.0", "id": "1", "source": "/segment", "type": "page", "data": "PAGE"},
        {"type": "page", "source": "/segment", "id": "1", "specversion": "1.0", "data_base64": BASE64},
        BUS | {"detail": "PAGE"},
        {"id": "1", "detail-type": "page", "source": "example", "detail": "PAGE"},
        NOTIFICATION,
        {"Messages": [{"MessageId": "1", "ReceiptHandle": "r", "Body": TEXT}]},
        {"Messages": [{"MessageId": "1", "ReceiptHandle": "r", "Body": json.dumps(NOTIFICATION)}]},
        {"Records": [QUEUED]},
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": TEXT}}]},
        {"Records": [{"kinesis": {"data": BASE64, "partitionKey": "1"}, "eventSource": "aws:kinesis"}]},
        {"Records": [{"SequenceNumber": "1", "PartitionKey": "1", "Data": BASE64}], "MillisBehindLatest": 0},
        {"resource": "/hook", "requestContext": {}, "headers": {}, "body": TEXT, "isBase64Encoded": False},
        {"version": "2.0", "requestContext": {}, "body": BASE64, "isBase64Encoded": True},
        {
            "topic": "/a",
            "subject": "s",
            "id": "1",
            "eventType": "page",
            "eventTime": "x",
            "data": "PAGE",
            "dataVersion": "1",
        },
        {"message": {"data": BASE64, "messageId": "1"}, "subscription": "projects/p/subscriptions/s"},
        {"receivedMessages": [{"ackId": "1", "message": {"data": BASE64, "message_id": "1"}}]},
        {"_airbyte_ab_id": "1", "_airbyte_emitted_at": 1773309600000, "_airbyte_data": "PAGE"},
        {"_airbyte_raw_id": "1", "_airbyte_extracted_at": 1773309600000, "_airbyte_data": "PAGE"},
    ],
)
def test_the_payload_comes_out_as_it_was_sent(envelope: dict[str, Any]) -> None:
    """Byte for byte, in an object, in a list, one a line or one behind the other: copies of one record are known by it."""
    data = with_page(envelope)
    assert read(data) == [PAGE]
    assert read(b"[" + data + b",\n" + PAGE + b"]") == [PAGE, PAGE]
    assert read(data + b"\n" + data) == [PAGE, PAGE]
    assert read(data + data) == [PAGE, PAGE]


def test_what_is_inside_falls_into_records_as_a_file_does() -> None:
    batch = json.dumps({"batch": [json.loads(PAGE), json.loads(PAGE)]})
    assert len(read(json.dumps(NOTIFICATION | {"Message": batch}).encode())) == 2
    lines = base64.b64encode(b"a\tb\nc\td\n").decode()
    record = {"SequenceNumber": "1", "PartitionKey": "1", "Data": lines}
    assert read(json.dumps({"Records": [record]}).encode(), "snowplow") == [b"a\tb", b"c\td"]


@pytest.mark.parametrize("encoding", ["UTF-8", "BASE64"])
def test_mail_that_came_by_a_notification_is_read_as_mail(encoding: str) -> None:
    """As Amazon SES publishes what it receives."""
    letter = b"From: ann@buyer.example\nSubject: Prices\nDate: Thu, 12 Mar 2026 10:00:00 +0000\n\nHello\n"
    content = base64.b64encode(letter).decode() if encoding == "BASE64" else letter.decode()
    received = {
        "notificationType": "Received",
        "receipt": {"action": {"type": "SNS", "encoding": encoding}},
        "mail": {},
    }
    notification = NOTIFICATION | {"Message": json.dumps(received | {"content": content})}
    assert read(json.dumps(notification).encode(), "email") == [letter]
    assert read(json.dumps(received | {"content": content}, indent=2).encode(), "email") == [letter]


def test_one_message_of_a_list_fails_alone() -> None:
    good, cut_off, *rest = read(json.dumps({"Records": [QUEUED, QUEUED | {"body": "{"}, QUEUED]}).encode())
    assert good == PAGE
    assert rest == [PAGE]
    assert isinstance(cut_off, BadFrame) or cut_off == b"{"


@pytest.mark.parametrize(
    "empty",
    [
        {"Records": []},
        {"message": {"attributes": {"a": "b"}, "messageId": "1"}, "subscription": "s"},
        {
            "Type": "SubscriptionConfirmation",
            "MessageId": "1",
            "TopicArn": "t",
            "Message": "You have chosen to subscribe",
        },
        NOTIFICATION | {"Message": ""},
        {
            "id": "1",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": "x",
            "data": {},
            "dataVersion": "2",
        },
    ],
)
def test_an_envelope_with_nothing_in_it_is_a_record(empty: dict[str, Any]) -> None:
    """It is counted, and ignored."""
    (found,) = read(json.dumps(empty).encode())
    assert isinstance(found, BadFrame)
    assert (found.reason_code, found.detail) == ("empty_message", "x.json: nothing is in it")


def test_what_cannot_be_taken_out_is_told_with_its_envelope() -> None:
    data = json.dumps({"message": {"data": "%%%", "messageId": "1"}, "subscription": "s"}).encode()
    (found,) = read(data)
    assert isinstance(found, BadFrame)
    assert (found.data, found.reason_code) == (data, "invalid_field")
    assert found.detail.startswith("x.json: message.data is said to be base64, and is not")


@pytest.mark.parametrize(
    "value",
    [
        {"Records": [{"eventSource": "aws:s3", "s3": {}}]},
        {"Records": [QUEUED, {"eventSource": "aws:s3"}]},
        {"message": "hello", "subscription": "s"},
        {"message": {"text": "hello"}, "subscription": "s"},
        {"version": "2.0", "body": TEXT},
        {"type": "track", "event": "x", "properties": {"detail-type": 1, "specversion": "1.0"}},
    ],
)
def test_what_only_looks_like_an_envelope_is_itself(value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()
    assert read(data) == [data]


def test_envelopes_without_end_are_left_to_the_adapter() -> None:
    value = PAGE
    for _ in range(50):
        value = b'{"schema": null, "payload": ' + value + b"}"
    (found,) = read(value)
    assert isinstance(found, bytes)
    assert found.count(b'"schema"') == 46


NAMES = st.sampled_from(
    [
        *(
            "schema",
            "payload",
            "detail",
            "detail-type",
            "source",
            "Type",
            "MessageId",
            "TopicArn",
            "Message",
            "Messages",
        ),
        *("Records", "ReceiptHandle", "Body", "Sns", "EventSource", "eventSource", "kinesis", "data", "message"),
        *("messageId", "subscription", "ackId", "receivedMessages", "body", "requestContext", "isBase64Encoded"),
        *("_airbyte_data", "_airbyte_raw_id", "specversion", "id", "type"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=4) | st.sampled_from([BASE64, TEXT, "Notification"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=12,
)


@given(st.sampled_from(sorted(all_sources())), VALUES)
def test_whatever_an_envelope_holds_nothing_is_lost_or_raised(source: str, value: object) -> None:
    spec, data = all_sources()[source], json.dumps(value).encode()
    found = list(records(spec, io.BytesIO(data), Context(name="x")))
    assert found or not json.loads(data)
    assert found == list(records_in(spec, data, Context(name="x")))


def test_nearly_every_payload_is_known_by_its_first_name() -> None:
    """What systems send is looked at no further."""
    for value in (
        b'{"token": "x"}',
        b'{"event": {}}',
        b'{"anonymousId": 1}',
        b'{"id": "x", "threadId": 1}',
        b"a\tb",
        b"",
    ):
        assert not may_be_one(value)
