"""Native payloads broken on purpose, for the chat adapters' fuzz tests."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from transforms.event import Reject, decode_event, encode_event
from transforms.sources import Context, SourceSpec, parse_record

GOLDEN = Path(__file__).parent.parent / "golden"
INT64 = range(-(2**63), 2**63)

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**40, -(10**30), 2**63, 4_102_444_799, 0, -1]),
    st.floats(),
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(
        ["", "\ud800", "\x00", "1772442000", "9" * 400, "<![x", "<a href=", "message", "2026-03-02T09:00:00Z"]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["id", "ts", "type", "data"]), st.text(max_size=4), max_size=2),
    st.just({}),
)


@cache
def golden_records(source: str) -> list[Any]:
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((GOLDEN / source).glob("*.json"))]
    return [case["record"] for case in cases if "record" in case]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every field and element below a JSON value."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, inner in items for p in ((*path, key), *places(inner, (*path, key)))]


@st.composite
def broken(draw: st.DrawFn, source: str) -> bytes:
    """A golden record with up to three fields dropped or replaced; perhaps cut short."""
    record = copy.deepcopy(draw(st.sampled_from(golden_records(source))))
    for _ in range(draw(st.integers(1, 3))):
        known = places(record)
        if not known:
            break
        *above, last = draw(st.sampled_from(known))
        inner = record
        for key in above:
            inner = inner[key]
        if draw(st.booleans()):
            del inner[last]
        else:
            inner[last] = draw(ODD)
    data = json.dumps(record).encode()
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) == 0 else data


def verdict_is_sound(spec: SourceSpec, frame: bytes) -> None:
    """An event that can be stored, ``Ignored`` or ``Reject``; any other exception fails the test."""
    context = Context(name="x")
    assert spec.explode is not None
    records = list(spec.explode(frame, context))
    assert records, "a frame vanished"
    for record in records:
        try:
            parsed = parse_record(spec, record, context)
        except Reject:
            continue
        if isinstance(parsed, list):
            assert parsed
            for event in parsed:
                assert decode_event(encode_event(event)) == event
                assert 1 <= event.revision < 2**31
                assert event.occurred_at in INT64
                assert event.source_event_id
                assert "\x00" not in event.dedupe_key
