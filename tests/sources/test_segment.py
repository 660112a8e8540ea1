"""Segment: what golden files cannot say."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Ignored, Reject, encode_event
from transforms.sources import Context, parse_record
from transforms.sources.segment import SOURCE

CONTEXT = Context(name="x")
CALL: dict[str, Any] = {
    "type": "track",
    "event": "Document Viewed",
    "messageId": "m-1",
    "userId": "u-1",
    "anonymousId": "a-1",
    "timestamp": "2026-03-02T09:10:00.250Z",
    "properties": {"url": "https://www.vendor.example/x", "path": "/x", "conversation_id": "c"},
    "context": {
        "page": {"path": "/x", "url": "https://www.vendor.example/x"},
        "groupId": "A1",
        "traits": {"email": "a@b.example"},
    },
}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just(10**4000)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def events(record: object) -> list[Event]:
    parsed = parse_record(SOURCE, json.dumps(record).encode(), CONTEXT)
    assert isinstance(parsed, list), parsed
    return parsed


def survives(data: bytes) -> None:
    """Event, Ignored or Reject, and what is an event can be stored."""
    with suppress(Reject):
        parsed = parse_record(SOURCE, data, CONTEXT)
        for event in [] if isinstance(parsed, Ignored) else parsed:
            encode_event(event)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_reject(data: bytes) -> None:
    """Arbitrary bytes raise nothing but ``Reject``, and a frame of them explodes without judgement."""
    survives(data)
    assert list(SOURCE.explode(data, CONTEXT)) == [data]  # type: ignore[misc]


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["track", "page", "screen", "identify", "group", "alias"]),
    name=st.sampled_from(["Document Viewed", "Live Chat Message Sent", "Live Chat Message Received"]),
    changes=st.dictionaries(
        st.sampled_from([*CALL, "previousId", "groupId", "traits", "sentAt", "receivedAt", "originalTimestamp"]), JUNK
    ),
    inner=st.dictionaries(
        st.sampled_from(["url", "path", "asset_id", "email", "message_body", "agent_id", "message_id"]), JUNK
    ),
    drop=st.sets(st.sampled_from([*CALL])),
)
def test_mutated_calls_never_crash(
    kind: str, name: str, changes: dict[str, Any], inner: dict[str, Any], drop: set[str]
) -> None:
    """Fields of other types, missing or absurd, give an event or a reject."""
    record = {**CALL, "event": name, "properties": {**CALL["properties"], **inner}, "type": kind, **changes}
    survives(json.dumps({key: value for key, value in record.items() if key not in drop}).encode())


def test_deep_nesting_is_survived() -> None:
    """A hundred thousand brackets in a field that means nothing do no harm."""
    deep = "[" * 100_000 + "]" * 100_000
    survives(b'{"type":"page","userId":"u","timestamp":"2026-03-02T09:10:00Z","extra":' + deep.encode() + b"}")


def test_a_batch_explodes_and_shares_what_it_says_once() -> None:
    """Each call gets the batch's send time and context; its own values win."""
    batch = {
        "batch": [
            {"type": "page", "userId": "u", "messageId": "1", "originalTimestamp": "2026-03-02T08:00:00Z"},
            {"type": "page", "userId": "u", "messageId": "2", "originalTimestamp": "2026-03-02T08:00:00Z",
             "sentAt": "2026-03-02T08:00:02Z", "context": {"groupId": "A2"}},
            7,
            {},
        ],
        "sentAt": "2026-03-02T08:00:01Z",
        "receivedAt": "2026-03-02T09:00:01Z",
        "context": {"groupId": "A1", "device": {"type": "ios"}},
    }  # fmt: skip
    first, second, number, empty = SOURCE.explode(json.dumps(batch).encode(), CONTEXT)  # type: ignore[misc]
    one, two = events(json.loads(first))[0], parse_record(SOURCE, second, CONTEXT)
    assert isinstance(two, list)
    assert (one.occurred_at, one.time_quality, one.account_hint, one.medium) == (
        1_772_442_000_000_000,
        "skew_corrected",
        "A1",
        "mobile_app",
    )
    assert (two[0].occurred_at, two[0].account_hint, two[0].medium) == (1_772_441_999_000_000, "A2", "mobile_app")
    assert number == b"7"
    assert isinstance(json.loads(empty), dict)


def test_a_batch_without_shared_fields_keeps_its_calls_bytes() -> None:
    """Splitting alone changes no byte of a call."""
    calls = [b'{"type": "page" ,"userId":"u"}', b'{"type":"track"}']
    assert list(SOURCE.explode(b'{"batch":[' + b",".join(calls) + b"]}", CONTEXT)) == calls  # type: ignore[misc]


def test_a_previous_id_that_is_an_address_names_its_owner() -> None:
    """Some sites know their users by address before they give them an id; so does the page call whose user id is one."""
    call = {"type": "alias", "messageId": "m", "userId": "u-1", "previousId": "Tom@acme.example"}
    (told,) = events({**call, "timestamp": "2026-03-02T09:10:00Z"})
    assert told.parties[0].ids == (
        "external_id:segment:u-1",
        "external_id:segment:Tom@acme.example",
        "anonymous_id:segment:Tom@acme.example",
        "email:tom@acme.example",
    )


@pytest.mark.parametrize(
    "nobody", ["null", "NULL", " undefined ", "anonymous", "-1", "0", "00000000-0000-0000-0000-000000000000"]
)
def test_what_stands_for_no_id_is_none(nobody: str) -> None:
    """All strangers would share it, and be whoever is once identified with it."""
    call = {"type": "page", "messageId": "m", "timestamp": "2026-03-02T09:10:00Z", "properties": {"path": "/"}}
    (told,) = events({**call, "userId": nobody, "anonymousId": "a-1"})
    assert told.parties[0].ids == ("anonymous_id:segment:a-1",)
    (told,) = events({**call, "userId": "u-1", "anonymousId": nobody})
    assert told.parties[0].ids == ("external_id:segment:u-1",)
    for nothing in (
        {**call, "userId": nobody, "anonymousId": nobody},
        {**call, "type": "alias", "userId": "u-1", "previousId": nobody},
    ):
        with pytest.raises(Reject):
            parse_record(SOURCE, json.dumps(nothing).encode(), CONTEXT)
    group = {**call, "type": "group", "groupId": "A1", "userId": nobody}
    assert isinstance(parse_record(SOURCE, json.dumps(group).encode(), CONTEXT), Ignored)


@pytest.mark.parametrize(
    "name",
    ["Email Sent", "Push Delivered", "SMS Send", "Email Soft Bounced", "Email Unsubscribed", "mobile_app_uninstalled"],
)
def test_what_programs_send_is_nobodys_act(name: str) -> None:
    """Mail and push programs tell of their own sending by track calls, under names that are not the specification's."""
    call = {"type": "track", "event": name, "messageId": "m", "userId": "u", "timestamp": "2026-03-02T09:10:00Z"}
    assert isinstance(parse_record(SOURCE, json.dumps(call).encode(), CONTEXT), Ignored)


@pytest.mark.parametrize("name", ["Email Link Clicked", "SMS Received", "Message Sent", "Push Notification Tapped"])
def test_what_people_do_with_it_is_theirs(name: str) -> None:
    """Without a user id such programs give the address as the anonymous one."""
    call = {
        "type": "track",
        "event": name,
        "messageId": "m",
        "anonymousId": "Tom@acme.example",
        "timestamp": "2026-03-02T09:10:00Z",
    }
    (told,) = events(call)
    assert told.parties[0].ids == ("anonymous_id:segment:Tom@acme.example", "email:tom@acme.example")


@pytest.mark.parametrize(("beside", "inside", "account"), [("A2", None, "A2"), (None, "A1", "A1"), ("A2", "A1", "A1")])
def test_a_call_names_its_account_in_its_context_or_beside_the_user(
    beside: str | None, inside: str | None, account: str
) -> None:
    (told,) = events(CALL | {"groupId": beside, "context": {"groupId": inside}})
    assert told.account_hint == account


def test_a_call_without_an_id_is_recognised_when_it_is_sent_again() -> None:
    """Delivery times and the order of keys do not change the id; the content does."""
    call = {key: value for key, value in CALL.items() if key != "messageId"}
    again = {"sentAt": "2026-03-03T00:00:00Z", **dict(reversed(call.items()))}
    ids = [events(one)[0].source_event_id for one in (call, again, {**call, "event": "Document Downloaded"})]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("value", [1772442600, 1772442600.0, 1772442600000])
def test_epoch_times_are_read(value: float) -> None:
    """Seconds and milliseconds since 1970 are times too."""
    assert events({**CALL, "timestamp": value})[0].occurred_at == 1_772_442_600_000_000


def test_a_link_in_a_chat_is_a_link_and_no_question() -> None:
    """What was typed or what was shown: a URL's query asks nothing, and its address can be an asset's."""
    for body in ("The overview: https://docs.example.com/overview?v=2",
                 '<p>The overview: <a href="https://docs.example.com/overview?v=2">here</a></p>'):  # fmt: skip
        said = {"message_body": body, "message_id": "m1", "conversation_id": "c1", "agent_id": "7"}
        (event,) = events({**CALL, "event": "Live Chat Message Received", "properties": said})
        assert (event.has_question, event.links) == (False, ("https://docs.example.com/overview?v=2",))
    said = {"message_body": "a < b, is it?", "message_id": "m2", "conversation_id": "c1"}
    (event,) = events({**CALL, "event": "Live Chat Message Sent", "properties": said})
    assert (event.has_question, event.subject_text) == (True, "a < b, is it?")


def outcome(data: bytes) -> str:
    """The family of an event, ``ignored``, or why and where it was rejected."""
    try:
        parsed = parse_record(SOURCE, data, CONTEXT)
    except Reject as reject:
        return f"{reject.reason_code} {reject.field_path}"
    return "ignored" if isinstance(parsed, Ignored) else parsed[0].family


def test_the_spec_samples(real_dir: Path) -> None:
    """Samples that hold a time become what they are; the abridged ones hold none, and become it once they have one."""
    samples = [file.read_bytes() for file in sorted((real_dir / "app" / "segment_spec").glob("*.json"))]
    assert Counter(map(outcome, samples)) == {"missing_field $.timestamp": 38, "ignored": 17, "app": 4, "identity": 3}
    abridged = [json.loads(data) for data in samples if outcome(data).startswith("missing_field")]
    assert not any({"timestamp", "sentAt", "receivedAt"} & set(call) for call in abridged)
    completed = [json.dumps({**call, "timestamp": CALL["timestamp"]}).encode() for call in abridged]
    assert Counter(map(outcome, completed)) == {"app": 32, "chat": 5, "identity": 1}
