"""Gmail API messages: what golden files cannot say (lists, witnesses, hostile input)."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Ignored, Reject, decode_event, encode_event
from transforms.folding.linking import fold_key
from transforms.sources import Context, email, gmail, parse_record

CONTEXT = Context(name="x")
RAW = (
    b"From: Bob Ray <bob@buyer.example>\r\nTo: ann@example.com\r\nSubject: Pilot\r\n"
    b"Date: Wed, 4 Mar 2026 12:00:00 +0000\r\nMessage-ID: <g1@Buyer.example>\r\n"
    b"References: <g0@example.com>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWhen?\r\n"
)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def full(**changed: Any) -> dict[str, Any]:
    head, _, body = RAW.decode().partition("\r\n\r\n")
    fields = [line.split(": ", 1) for line in head.split("\r\n")]
    payload = {
        "mimeType": "text/plain",
        "headers": [{"name": name, "value": value} for name, value in fields],
        "body": {"size": len(body), "data": encoded(body.encode())},
    }
    return {"id": "18e0a1", "threadId": "18e0a0", "internalDate": "1772625603000", "payload": payload} | changed


def one(record: Any, spec: Any = gmail.SOURCE) -> Event:
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    parsed = parse_record(spec, data, CONTEXT)
    assert isinstance(parsed, list)
    return parsed[0]


def test_three_ways_to_the_same_message() -> None:
    """Format full, format raw and the message's file say the same of everything that is the message's own."""
    by_parts = one(full())
    by_raw = one({"id": "18e0a1", "threadId": "18e0a0", "internalDate": "1772625603000", "raw": encoded(RAW)})
    by_file = one(RAW, email.SOURCE)
    assert by_parts == by_raw
    assert by_parts.dedupe_key == by_file.dedupe_key
    assert fold_key(by_parts) == fold_key(by_file)
    for field in (
        "occurred_at",
        "parties",
        "references",
        "subject_text",
        "first_line",
        "has_question",
        "content_chars",
    ):
        assert getattr(by_parts, field) == getattr(by_file, field), field


def test_a_report_is_one_without_its_header() -> None:
    """Format ``metadata`` gives the headers that were asked for, and the kind of the message in any case."""
    headers = [
        {"name": "From", "value": "Exchange <exchange@acme.example>"},
        {"name": "Date", "value": "Wed, 4 Mar 2026 12:00:03 +0000"},
    ]
    told = one(full(payload={"mimeType": "multipart/report", "headers": headers}))
    assert (told.status, told.is_automated) == ("bounced", True)
    assert one(full(payload={"mimeType": "multipart/alternative", "headers": headers})).status is None


@pytest.mark.parametrize("method", ["REQUEST", "REPLY", "CANCEL"])
def test_a_calendars_mail_is_one_without_its_calendar(method: str) -> None:
    """Gmail leaves the body of a calendar's part to be fetched, or all parts (format metadata)."""
    sender = {"name": "Sender", "value": "Google Calendar <calendar-notification@google.com>"}
    headers = full()["payload"]["headers"][:-1]
    text = {"mimeType": "text/plain", "filename": "", "body": {"data": encoded(b"You have been invited.")}}
    calendar = {
        "mimeType": "text/calendar",
        "filename": "",
        "headers": [{"name": "Content-Type", "value": f'text/calendar; charset="UTF-8"; method={method}'}],
        "body": {"attachmentId": "ANGjdJ8", "size": 1822},
    }
    parts = {"mimeType": "multipart/alternative", "headers": headers, "parts": [text, calendar]}
    assert one(full(payload=parts)).is_automated
    assert one(full(payload={"mimeType": "multipart/mixed", "headers": [*headers, sender]})).is_automated
    assert not one(full(payload={"mimeType": "multipart/mixed", "headers": headers})).is_automated


def test_lists_and_threads_are_exploded() -> None:
    """Each message of a list, of a thread, and of a list of threads is a record of its own."""
    first, second = full(id="a"), full(id="b")
    for frame in ({"messages": [first, second]}, {"id": "t", "historyId": "1", "messages": [first, second]},
                  {"threads": [{"id": "t", "messages": [first]}, {"id": "u", "messages": [second]}]}):  # fmt: skip
        found = list(gmail.explode(json.dumps(frame).encode(), CONTEXT))
        assert [one(record).source_event_id for record in found] == ["a", "b"]


@pytest.mark.parametrize(
    "frame", [b"{", b"[]", b"null", b'{"messages": 7}', b'{"messages": []}', b'{"id": "a"}', b"\xff"]
)
def test_what_is_no_list_stays_whole(frame: bytes) -> None:
    """A frame that is not to be split is handed on for the adapter to judge."""
    assert list(gmail.explode(frame, CONTEXT)) == [frame]


def test_latin_text_behind_a_latin_header_is_read() -> None:
    """Whether Gmail recoded a part or not, its text is read."""
    for data in ("für?".encode(), "für?".encode("latin-1")):
        record = full()
        record["payload"]["headers"] = [
            field for field in record["payload"]["headers"] if field["name"] != "Content-Type"
        ] + [{"name": "Content-Type", "value": "text/plain; charset=iso-8859-1"}]
        record["payload"]["body"]["data"] = encoded(data)
        assert one(record).first_line == "für?"


def test_an_impossible_internal_date_matters_only_without_a_date() -> None:
    """The Date header suffices; without it the broken field is named."""
    record = full(internalDate="0")
    assert one(record).recorded_at is None
    record["payload"]["headers"] = [f for f in record["payload"]["headers"] if f["name"] != "Date"]
    with pytest.raises(Reject) as refused:
        one(record)
    assert (refused.value.reason_code, refused.value.field_path) == ("bad_timestamp", "$.internalDate")


def test_an_attached_message_is_not_the_message() -> None:
    """The text of a forwarded message, which Gmail shows as parts of its part, is not the sender's."""
    record = full()
    text = {"mimeType": "text/plain", "body": {"data": encoded(b"see below")}}
    inner = {"mimeType": "text/plain", "body": {"data": encoded(b"old?")}}
    attached = {"mimeType": "message/rfc822", "filename": "old.eml", "body": {"size": 4}, "parts": [inner]}
    record["payload"] |= {"mimeType": "multipart/mixed", "parts": [text, attached]}
    event = one(record)
    assert (event.first_line, event.has_question, event.attachments) == ("see below", False, ("old.eml",))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("9" * 400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
places = st.sampled_from(
    [("id",), ("threadId",), ("labelIds",), ("internalDate",), ("raw",), ("payload",), ("payload", "headers"),
     ("payload", "headers", 0), ("payload", "headers", 3, "value"), ("payload", "headers", 4, "name"),
     ("payload", "mimeType"), ("payload", "body"), ("payload", "body", "data"), ("payload", "parts"), ("messages",)]
)  # fmt: skip


@given(st.lists(st.tuples(places, anything), max_size=3), st.booleans())
@settings(max_examples=150)
def test_any_damage_becomes_a_verdict(changes: list[tuple[tuple[Any, ...], Any]], drop: bool) -> None:
    """A message with fields replaced or dropped is an event, ignored or a reject."""
    record = copy.deepcopy(full())
    for path, value in changes:
        target: Any = record
        for step in path[:-1]:
            target = target[step] if isinstance(step, int) and isinstance(target, list) and len(target) > step else (
                target.get(step) if isinstance(target, dict) else None
            )  # fmt: skip
        if isinstance(target, dict):
            if drop:
                target.pop(path[-1], None)
            else:
                target[path[-1]] = value
    check(json.dumps(record).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=100)
def test_any_bytes_become_a_verdict(data: bytes) -> None:
    """Arbitrary bytes and arbitrary JSON are an event, ignored or a reject."""
    check(data)


def test_depth_is_rejected() -> None:
    """Parts nested without end are a reject."""
    nested = b'{"id":"a","payload":' + b'{"parts":[' * 5000 + b"{}" + b"]}" * 5000 + b"}"
    with pytest.raises(Reject):
        parse_record(gmail.SOURCE, nested, CONTEXT)


def check(data: bytes) -> None:
    for record in gmail.explode(data, CONTEXT):
        try:
            parsed = parse_record(gmail.SOURCE, record, CONTEXT)
        except Reject:
            continue
        if not isinstance(parsed, Ignored):
            for event in parsed:
                assert decode_event(encode_event(event)) == event
