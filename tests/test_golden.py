"""Golden native payloads: the file's name is the verdict, and adding a file adds a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from transforms.event import Event, Ignored, Party, PlanItem, Reject, decode_event, encode_event
from transforms.sources import Context, all_sources, parse_record

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(GOLDEN.glob("*/*.json"))
EVENT_FIELDS = set(Event.__struct_fields__)
PARTY_FIELDS = set(Party.__struct_fields__)
ITEM_FIELDS = set(PlanItem.__struct_fields__)


def outcome(path: Path) -> tuple[list[Event] | Ignored | Reject, dict[str, Any]]:
    case = json.loads(path.read_text(encoding="utf-8"))
    leftover = set(case) - {"name", "zone", "until", "record", "text", "expect"}
    assert not leftover, f"unknown keys in a golden case: {sorted(leftover)}"
    data = case["text"].encode() if "text" in case else json.dumps(case["record"]).encode()
    context = Context(
        name=case.get("name", "golden"), zone=case.get("zone"), until=case.get("until", 4_000_000_000_000_000)
    )
    try:
        return parse_record(all_sources()[path.parent.name], data, context), case["expect"]
    except Reject as reject:
        return reject, case["expect"]


def test_every_source_has_golden_cases() -> None:
    """Every source has at least one case of each: accepted and rejected."""
    for name in all_sources():
        kinds = {p.name.split(".")[-2] for p in CASES if p.parent.name == name}
        assert {"accept", "reject"} <= kinds, f"{name} has only {sorted(kinds)}"


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_golden(path: Path) -> None:
    """A golden payload gives what its file says."""
    got, expect = outcome(path)
    verdict = path.name.split(".")[-2]
    if verdict == "reject":
        assert isinstance(got, Reject), got
        assert set(expect) <= {"reason_code", "field_path", "detail"}
        for key, value in expect.items():
            assert getattr(got, key) == value
    elif verdict == "ignore":
        assert got == Ignored(expect["reason"])
    else:
        assert verdict == "accept"
        assert isinstance(got, list), got
        assert len(got) == len(expect["events"])
        for event, want in zip(got, expect["events"], strict=True):
            assert decode_event(encode_event(event)) == event
            assert_subset(event, want)


def assert_item(item: PlanItem, want: dict[str, Any]) -> None:
    """An item of a plan; of its owner the fields that are named."""
    assert set(want) <= ITEM_FIELDS, f"not fields of a plan's item: {sorted(set(want) - ITEM_FIELDS)}"
    for key, value in want.items():
        if key != "owner" or value is None:
            assert getattr(item, key) == value, key
            continue
        assert item.owner is not None
        assert {name: plain(getattr(item.owner, name)) for name in value} == value


def plain(value: Any) -> Any:
    """As JSON would have it: tuples are lists."""
    return list(value) if isinstance(value, tuple) else value


def assert_subset(event: Event, want: dict[str, Any]) -> None:
    assert set(want) <= EVENT_FIELDS, f"not fields of an event: {sorted(set(want) - EVENT_FIELDS)}"
    for key, value in want.items():
        if key == "plan_items":
            assert len(event.plan_items) == len(value), event.plan_items
            for item, expected in zip(event.plan_items, value, strict=True):
                assert_item(item, expected)
            continue
        if key != "parties":
            assert plain(getattr(event, key)) == value, key
            continue
        assert len(event.parties) == len(value), event.parties
        for party, expected in zip(event.parties, value, strict=True):
            assert set(expected) <= PARTY_FIELDS
            for name, item in expected.items():
                assert plain(getattr(party, name)) == item, name


BLANKS = ("\0", " ")


@pytest.mark.parametrize("source", sorted(all_sources()))
def test_ids_are_of_more_than_blanks(source: str) -> None:
    """A text of nothing but a NUL or a space is no id: whoever has it would be one and the same."""
    tried = 0
    for path in (path for path in CASES if path.parent.name == source and ".accept." in path.name):
        case = json.loads(path.read_text(encoding="utf-8"))
        context = Context(name=case.get("name", "golden"), zone=case.get("zone"), until=4_000_000_000_000_000)
        for data in spoiled(case):
            tried += 1
            try:
                parsed = parse_record(all_sources()[source], data, context)
            except Reject:
                continue
            for event in () if isinstance(parsed, Ignored) else parsed:
                native = (event.source_event_id, event.conversation_id, event.thread_id, event.account_hint)
                assert all(text is None or text.strip("\0 ") for text in native), (path.name, data, native)
                for party in event.parties:
                    named = [identifier.rpartition(":")[2] for identifier in party.ids]
                    assert all(text.strip("\0 ") for text in named), (path.name, data, party)
    assert tried


def spoiled(case: dict[str, Any]) -> list[bytes]:
    """A golden record with one of its texts, whichever it is, in place of which stands a blank."""
    if "text" in case:  # cells of a row, lines of a mail
        cells = case["text"].split("\t") if "\t" in case["text"] else case["text"].splitlines(keepends=True)
        mark = "\t" if "\t" in case["text"] else ""
        return [
            mark.join([*cells[:at], blank, *cells[at + 1 :]]).encode() for at in range(len(cells)) for blank in BLANKS
        ]
    told = []

    def visit(value: Any, put: Any) -> None:
        if isinstance(value, dict | list):
            for key in value if isinstance(value, dict) else range(len(value)):
                visit(value[key], lambda new, key=key, value=value: value.__setitem__(key, new))
        elif isinstance(value, str):
            for blank in BLANKS:
                put(blank)
                told.append(json.dumps(case["record"]).encode())
            put(value)

    visit(case["record"], lambda new: None)
    return told
