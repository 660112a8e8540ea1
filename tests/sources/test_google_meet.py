"""Google Meet: what the golden cases cannot say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from chat_mutations import broken, golden_records, verdict_is_sound
from fold_world import at, fold, only, rules_of
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Ignored
from transforms.records import BadFrame, records
from transforms.sources import Context, ics, parse_record
from transforms.sources.google_meet import SOURCE

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDERS = ("video/google_meet_admin_report", "chat/google_chat_admin_report", "in_person/google_calendar_admin_report")


def test_a_page_is_as_many_records_as_it_has_items() -> None:
    """Each activity of a page can fail alone."""
    items = [record for record in golden_records("google_meet") if record.get("kind") == "admin#reports#activity"]
    page = {"kind": "admin#reports#activities", "items": items, "nextPageToken": "x"}
    assert SOURCE.explode is not None
    parts = list(SOURCE.explode(json.dumps(page).encode(), Context(name="x")))
    assert [json.loads(part) for part in parts] == items


def test_kinds_are_read_as_the_reference_calls_them() -> None:
    """``audit#activity`` in ``reports#activities`` is what the API sends under other names."""
    path = GOLDEN / "google_meet" / "organizer_left.accept.json"
    record = json.loads(path.read_text(encoding="utf-8"))["record"]
    parsed = [
        parse_record(SOURCE, json.dumps(record | {"kind": kind}).encode(), Context(name="x"))
        for kind in ("admin#reports#activity", "audit#activity")
    ]
    assert isinstance(parsed[0], list)
    assert parsed[0] == parsed[1]
    empty = parse_record(SOURCE, b'{"kind": "reports#activities", "etag": "x"}', Context(name="x"))
    assert empty == Ignored("empty_page")


def test_real_payloads(real_dir: Path) -> None:
    """Two of Google's samples tell that somebody was in a call; the others are of other kinds and applications."""
    outcomes: Counter[str] = Counter()
    for path in sorted(path for folder in FOLDERS for path in (real_dir / folder).iterdir()):
        context = Context(name=path.name)
        with path.open("rb") as stream:
            for record in records(SOURCE, stream, context):
                assert not isinstance(record, BadFrame), path
                parsed = parse_record(SOURCE, record, context)
                outcomes[parsed.reason if isinstance(parsed, Ignored) else "accepted"] += 1
    assert outcomes == {"accepted": 2, "presentation_started": 1, "application:chat": 2, "application:calendar": 2}


def test_a_call_finds_its_entry_in_an_exported_calendar() -> None:
    """The report's calendar_event_id is the UID of Google's own export, so a call held later than planned is that meeting."""
    lines = [
        "BEGIN:VEVENT",
        "UID:evt7@google.com",
        "ORGANIZER:mailto:s1@ours.example",
        "ATTENDEE:mailto:b1@acme.example",
    ]
    lines += ["DTSTART:20260305T100000Z", "DTEND:20260305T103000Z", "END:VEVENT"]
    told = {
        "meeting_code": "ABCDEFGHIJ", "conference_id": "conf7", "duration_seconds": 1800, "calendar_event_id": "evt7",
        "organizer_email": "s1@ours.example", "identifier_type": "email_address",
    }  # fmt: skip
    stays = []
    for who in ("s1@ours.example", "b1@acme.example"):
        named = [{"name": name, "value": value} for name, value in (told | {"identifier": who}).items()]
        happened = [{"name": "call_ended", "parameters": named}]
        stays.append(
            {
                "id": {"applicationName": "meet", "time": "2026-03-05T12:00:00Z", "uniqueQualifier": who},
                "events": happened,
            }
        )
    witnesses = [(ics.SOURCE, "\r\n".join(lines).encode()), *((SOURCE, json.dumps(stay).encode()) for stay in stays)]
    events: list[Event] = []
    for source, record in witnesses:
        parsed = parse_record(source, record, Context(name="x"))
        assert isinstance(parsed, list)
        events += parsed
    folded = fold(*events)
    row = only(folded)
    assert (row.status, row.occurred_at) == ("held", at("03-05 11:30"))
    assert rules_of(folded, row) == {"dedupe_key": 2, "join_key": 1}


@given(broken("google_meet"))
@settings(max_examples=150)
def test_broken_payloads_are_judged(frame: bytes) -> None:
    """A payload with fields dropped or replaced becomes events, ignored or a reject."""
    verdict_is_sound(SOURCE, frame)


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes_are_judged(frame: bytes) -> None:
    """Arbitrary bytes become events, ignored or a reject."""
    verdict_is_sound(SOURCE, frame)
