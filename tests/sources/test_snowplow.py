"""Snowplow: what golden files cannot say."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Ignored, Reject, encode_event
from transforms.sources import Context, parse_record
from transforms.sources.snowplow import (
    COLLECTOR,
    COLUMNS,
    CONTEXTS,
    DERIVED,
    DERIVED_CONTEXTS,
    DEVICE,
    DEVICE_SENT,
    DOMAIN_USER,
    EVENT,
    EVENT_ID,
    EVENT_NAME,
    PAGE_URL,
    PLATFORM,
    SOURCE,
    UNSTRUCT,
)

CONTEXT = Context(name="x")
CELLS = {
    EVENT: "page_view",
    EVENT_ID: "e-1",
    DOMAIN_USER: "d-1",
    DERIVED: "2026-03-02 09:10:00.250",
    COLLECTOR: "2026-03-02 09:10:01.000",
    PAGE_URL: "https://www.vendor.example/pricing",
}
FIELDS = {
    "event": "unstruct", "event_id": "e-1", "domain_userid": "d-1", "derived_tstamp": "2026-03-02T09:10:00.250Z",
    "collector_tstamp": "2026-03-02T09:10:01.000Z", "page_url": "https://www.vendor.example/pricing",
}  # fmt: skip
TEXT = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), max_size=12)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**4000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def line(cells: dict[int, str]) -> bytes:
    return "\t".join(cells.get(position, "") for position in range(COLUMNS)).encode()


def survives(data: bytes) -> None:
    """Event, Ignored or Reject, and what is an event can be stored."""
    with suppress(Reject):
        parsed = parse_record(SOURCE, data, CONTEXT)
        for event in [] if isinstance(parsed, Ignored) else parsed:
            encode_event(event)


@settings(max_examples=100)
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: b"a\t" * 130 + tail))
def test_any_bytes_are_an_event_or_a_reject(data: bytes) -> None:
    """Arbitrary bytes raise nothing but ``Reject``."""
    survives(data)


@settings(max_examples=150)
@given(
    event=st.sampled_from(["page_view", "unstruct", "struct", "transaction"]),
    platform=st.sampled_from(["web", "mob"]),
    changes=st.dictionaries(st.integers(0, COLUMNS - 1) | st.sampled_from([*CELLS, EVENT_NAME]), TEXT),
    data=JUNK,
)
def test_mutated_lines_never_crash(event: str, platform: str, changes: dict[int, str], data: Any) -> None:
    """Any text in any column, and any JSON where JSON belongs, gives an event or a reject."""
    inner = json.dumps({"data": {"schema": "iglu:a/screen_view/jsonschema/1-0-0", "data": data}})
    entities = json.dumps({"data": [{"schema": "client_session", "data": data}]})
    survives(
        line(
            {
                **CELLS,
                EVENT: event,
                PLATFORM: platform,
                UNSTRUCT: inner,
                CONTEXTS: entities,
                DERIVED_CONTEXTS: inner,
                **changes,
            }
        )
    )


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "unstruct_event_a_b_1", "contexts", "derived_contexts", "platform"]), JUNK
    )
)
def test_mutated_json_never_crashes(changes: dict[str, Any]) -> None:
    """The SDKs' JSON with values of other types gives an event or a reject."""
    survives(json.dumps({**FIELDS, **changes}).encode())


def test_both_forms_of_an_event_are_the_same_event() -> None:
    """A line and the SDK's JSON of it give equal events, so that either may be landed, or both."""
    fields = {**FIELDS, "event": "page_view"}
    assert parse_record(SOURCE, line(CELLS), CONTEXT) == parse_record(SOURCE, json.dumps(fields).encode(), CONTEXT)


@pytest.mark.parametrize("platform", ["pc", "app", "mob"])
def test_a_desktop_trackers_session_is_read_as_a_phones_is(platform: str) -> None:
    """Its events have no cookie's ids, and maybe none of the network's."""
    session = {
        "userId": "U-1",
        "sessionId": "S-1",
        "sessionIndex": 1,
        "previousSessionId": None,
        "storageMechanism": "SQLITE",
    }
    entity = {"schema": "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2", "data": session}
    cells = {position: value for position, value in CELLS.items() if position != DOMAIN_USER} | {
        PLATFORM: platform,
        CONTEXTS: json.dumps(
            {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1", "data": [entity]}
        ),
    }
    parsed = parse_record(SOURCE, line(cells), CONTEXT)
    assert isinstance(parsed, list)
    assert (parsed[0].native_session_id, parsed[0].parties[0].ids) == ("S-1", ("anonymous_id:snowplow:U-1",))


def test_a_microsecond_survives() -> None:
    """Six decimals are kept, none are needed."""
    times = []
    for text in ("2026-03-02 09:10:00.123456", "2026-03-02 09:10:00"):
        parsed = parse_record(SOURCE, line({**CELLS, DERIVED: text}), CONTEXT)
        assert isinstance(parsed, list)
        times.append(parsed[0].occurred_at)
    assert times == [1_772_442_600_123_456, 1_772_442_600_000_000]


def test_a_missing_derived_time_is_computed_from_the_devices_clock() -> None:
    """An hour fast: collected - (sent - created), in both forms. Without both device times the collector's stands."""
    clocks = {DEVICE: "2026-03-02 10:10:00.250", DEVICE_SENT: "2026-03-02 10:10:00.750"}
    names = {DEVICE: "dvce_created_tstamp", DEVICE_SENT: "dvce_sent_tstamp"}
    for told, expected in (
        (clocks, (1_772_442_600_500_000, "skew_corrected")),
        ({DEVICE: clocks[DEVICE]}, (1_772_442_601_000_000, "source")),
        ({**clocks, DEVICE_SENT: "soon"}, (1_772_442_601_000_000, "source")),
    ):
        fields = {**FIELDS, "event": "page_view", "derived_tstamp": None, **{names[at]: told[at] for at in told}}
        for data in (line({**CELLS, DERIVED: "", **told}), json.dumps(fields).encode()):
            parsed = parse_record(SOURCE, data, CONTEXT)
            assert isinstance(parsed, list)
            assert (parsed[0].occurred_at, parsed[0].time_quality) == expected


def test_the_published_sample(real_dir: Path) -> None:
    """Snowplow's own sample of 32 events: none is rejected, and what is ignored is no act of a person."""
    outcomes: Counter[str] = Counter()
    media: Counter[str | None] = Counter()
    for record in (real_dir / "app" / "snowplow_enriched_tsv" / "input.tsv").read_bytes().splitlines():
        parsed = parse_record(SOURCE, record, CONTEXT)
        if isinstance(parsed, Ignored):
            outcomes[parsed.reason] += 1
            continue
        (event,) = parsed
        encode_event(event)
        outcomes["event"] += 1
        media[event.medium] += 1
        assert event.native_session_id, event
        assert event.recorded_at is not None
        assert event.occurred_at <= event.recorded_at
    assert outcomes == {"event": 27, "heartbeat": 1, "video_telemetry": 1, "video_ad": 2, "transaction_item": 1}
    assert media == {"web_app": 11, "mobile_app": 16}


def test_what_stands_for_no_id_is_none() -> None:
    """``null`` and zeros are every stranger's: the next id tells who it is, and no other is bound to them."""
    named = {**FIELDS, "event": "page_view", "network_userid": "n-1"}
    for told, ids in (
        ({"user_id": "null"}, ("anonymous_id:snowplow:d-1",)),
        ({"user_id": "undefined", "domain_userid": "0000"}, ("anonymous_id:snowplow:n-1",)),
        ({"user_id": "u-1", "domain_userid": "null"}, ("external_id:snowplow:u-1", "anonymous_id:snowplow:n-1")),
    ):
        (event,) = parse_record(SOURCE, json.dumps({**named, **told}).encode(), CONTEXT)  # type: ignore[misc]
        assert event.parties[0].ids == ids
