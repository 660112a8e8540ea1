"""Envelopes that are put around a payload on its way to a topic: it is read as if it had come without."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fake_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from pipelines.kafka.plan import ITEM_STRIDE
from pipelines.kafka.records import Messages
from pipelines.settings import Kafka
from transforms.sources import all_sources

TRACK = b'{"type": "track",  "messageId":"m"}'
"""With blanks that nobody who writes it anew would keep."""
MESSAGES = Messages(Kafka(bootstrap_servers="memory:9092", topics={"t": "segment"}))
REGISTRY = b"\0\0\0\0\x2a"
BASE64 = base64.b64encode(TRACK).decode()


def rows(value: bytes, *, mapped: str = "segment", **headers: str) -> list[tuple[Any, ...]]:
    """(system, position, payload, reason) of one message at offset 7."""
    message = Message(7, value, tuple((key, text.encode()) for key, text in headers.items()))
    return [(r[1], r[3], r[4], r[5]) for r in MESSAGES.rows("u", mapped, "t/0", message)]


def detail(value: bytes, **headers: str) -> str:
    message = Message(7, value, tuple((key, text.encode()) for key, text in headers.items()))
    ((*_, told),) = MESSAGES.rows("u", "segment", "t/0", message)
    assert isinstance(told, str)
    return told


def event(
    data: str = '"data": ' + TRACK.decode(), source: str = "/segment/web", kind: str = "com.example.made"
) -> bytes:
    """A structured CloudEvent."""
    return f'{{"specversion": "1.0", "id": "1", "source": "{source}", "type": "{kind}", {data}}}'.encode()


def converted(payload: str, kind: str = "struct") -> bytes:
    """As Kafka Connect's JSON converter writes it."""
    return f'{{"schema": {{"type": "{kind}", "optional": false}}, "payload": {payload}}}'.encode()


@pytest.mark.parametrize(
    "value",
    [
        TRACK,
        REGISTRY + TRACK,
        converted(TRACK.decode()),
        converted(json.dumps(TRACK.decode()), "string"),
        converted(json.dumps(BASE64), "bytes"),
        b'{"payload": ' + TRACK + b', "schema": null}',
        REGISTRY + converted(TRACK.decode()),
        event(),
        event(f'"datacontenttype": "text/plain", "data": {json.dumps(TRACK.decode())}'),
        event(f'"data_base64": "{BASE64}"'),
        b"[" + event() + b"]",
        b" " + event() + b"\n",
        converted(event().decode()),
    ],
)
def test_the_payload_comes_out_as_it_was_sent(value: bytes) -> None:
    """Byte for byte, at the message's own position: copies of one record are known by it."""
    assert rows(value) == [("segment", 7, TRACK, None)]


def test_an_envelope_carries_what_is_no_json_too() -> None:
    line = "a\tb"
    letter = b"From: a@example.com\n\nHello\n"
    assert rows(converted(json.dumps(line), "string"), mapped="snowplow") == [("snowplow", 7, line.encode(), None)]
    inside = base64.b64encode(letter).decode()
    assert rows(event(f'"data_base64": "{inside}"', "/email/support")) == [("email", 7, letter, None)]


def test_a_structured_event_says_which_system_it_is_of() -> None:
    """As headers do: by its source, else by its type; what names none is not what the topic says."""
    assert rows(event(source="/zoom/meetings"))[0][0] == "zoom"
    assert rows(event(source="//bus", kind="com.zoom.meeting.started"))[0][0] == "zoom"
    assert rows(event(source="/teams/x"), mapped="slack") == [("teams", 7, TRACK, "unknown_system")]
    assert "ce_source is '/teams/x'" in detail(event(source="/teams/x"))
    assert rows(event(), mapped="headers") == [("segment", 7, TRACK, None)]


def test_headers_that_name_a_system_leave_no_event_to_be_looked_for() -> None:
    """The value of a binary CloudEvent is its data, whatever that looks like."""
    assert rows(event(), ce_source="/slack/T1") == [("slack", 7, event(), None)]


def test_every_event_of_a_batch_succeeds_or_fails_alone() -> None:
    batch = (
        b"[" + b", ".join([event(), event(source="/zoom/x"), event('"data": null'), TRACK, event(source="/x")]) + b"]"
    )
    assert rows(batch) == [
        ("segment", 7, TRACK, None),
        ("zoom", 7 + ITEM_STRIDE, TRACK, None),
        ("segment", 7 + 2 * ITEM_STRIDE, b"", "empty_message"),
        ("segment", 7 + 3 * ITEM_STRIDE, TRACK, None),
        ("x", 7 + 4 * ITEM_STRIDE, TRACK, "unknown_system"),
    ]


def test_items_inside_an_envelope_have_positions_of_their_own() -> None:
    inside = b"[" + TRACK + b"," + TRACK + b"]"
    assert [r[1:3] for r in rows(converted(inside.decode(), "array"))] == [(7, TRACK), (7 + ITEM_STRIDE, TRACK)]


def test_an_empty_envelope_is_a_message_with_nothing_in_it() -> None:
    assert rows(converted("null", "string")) == [("segment", 7, b"", "empty_message")]
    assert rows(event('"subject": "none"')) == [("segment", 7, b"", "empty_message")]


def test_binary_of_a_registry_is_told_with_its_schema() -> None:
    """Nothing of it can be read without the registry: the message is kept whole."""
    avro = REGISTRY + b"\x02\x10acme\xff"
    assert rows(avro) == [("segment", 7, avro, "unsupported_format")]
    assert detail(avro).startswith("t/0 at 7: no text; if it is Avro or Protobuf of a registry (schema 42)")


@pytest.mark.parametrize(
    ("broken", "reason", "told"),
    [
        (event('"data_base64": "%%%"'), "invalid_field", "data_base64 is said to be base64, and is not"),
        (converted('"\u00e9"', "bytes"), "invalid_field", "payload is said to be base64, and is not"),
        (b'{"schema": null, "payload": "\xff"}', "malformed_json", "payload is no valid string"),
    ],
)
def test_what_cannot_be_taken_out_is_told_with_its_envelope(broken: bytes, reason: str, told: str) -> None:
    assert rows(broken) == [("segment", 7, broken, reason)]
    assert detail(broken).startswith(f"t/0 at 7: {told}")


@pytest.mark.parametrize(
    "value",
    [
        b'{"event": "meeting.started", "payload": {"schema": 1}}',
        b'{"schema": {"type": "struct"}, "payload": {}, "type": "track"}',
        b'{"schema": "iglu:com.acme/x/jsonschema/1-0-0", "payload": {}}',
        b'{"schema": {"fields": []}, "payload": {}}',
        b'{"type": "track", "properties": {"specversion": "1.0"}}',
    ],
)
def test_a_payload_that_looks_like_an_envelope_is_itself(value: bytes) -> None:
    assert rows(value) == [("segment", 7, value, None)]


def test_envelopes_without_end_are_left_to_the_adapter() -> None:
    value = TRACK
    for _ in range(50):
        value = converted(value.decode())
    ((_, _, payload, reason),) = rows(value)
    assert reason is None
    assert payload.count(b'"schema"') == 46


@given(
    st.sampled_from(sorted(all_sources())),
    st.sampled_from([REGISTRY, b"", b"\0"]),
    st.one_of(
        st.binary(max_size=100),
        st.fixed_dictionaries(
            {},
            optional={
                name: st.none()
                | st.text(max_size=8)
                | st.dictionaries(st.just("type"), st.sampled_from(["string", "bytes", "x"]))
                for name in ("schema", "payload", "specversion", "id", "source", "type", "data", "data_base64")
            },
        ).map(lambda made: json.dumps(made).encode()),
        st.binary(max_size=8).map(lambda inside: b'{"schema": null, "payload": "' + inside + b'"}'),
    ),
)
def test_any_bytes_are_at_least_one_row(source: str, before: bytes, value: bytes) -> None:
    """And no exception, whatever an envelope holds."""
    found = list(MESSAGES.rows("u", source, "t/0", Message(7, before + value, ())))
    assert found
    assert [row[3] for row in found] == [7 + n * ITEM_STRIDE for n in range(len(found))]
