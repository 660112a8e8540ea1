"""Google Calendar: what golden files cannot say (lists, corrections, the same meeting in iCalendar, hostile input)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from chat_mutations import broken
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Ignored, Reject, decode_event, encode_event
from transforms.records import BadFrame, records
from transforms.sources import Context, ics, parse_record
from transforms.sources.google_calendar import SOURCE, explode

CONTEXT = Context(name="x", until=1_790_000_000_000_000)


def resource(**changed: Any) -> bytes:
    entry: dict[str, Any] = {
        "kind": "calendar#event",
        "id": "abc",
        "iCalUID": "abc@google.com",
        "updated": "2026-01-05T10:00:00Z",
        "start": {"dateTime": "2026-03-18T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-18T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "attendees": [{"email": "ann@seller.example"}, {"email": "bob@buyer.example"}],
    }
    return json.dumps(entry | changed).encode()


def events(data: bytes) -> list[Event]:
    got = parse_record(SOURCE, data, CONTEXT)
    assert isinstance(got, list), got
    return got


def verdict(data: bytes) -> str:
    """``accepted``, the slug of what was ignored, or the code of a reject; anything else escapes and fails the test."""
    try:
        got = parse_record(SOURCE, data, CONTEXT)
    except Reject as reject:
        return reject.reason_code
    if isinstance(got, Ignored):
        return got.reason
    for event in got:
        assert decode_event(encode_event(event)) == event
    return "accepted"


def test_a_page_of_a_sync_is_its_items() -> None:
    """Each item of a list is a record; a page without items is one that is ignored."""
    items = [{"id": "a"}, {"id": "b", "status": "cancelled"}]
    page = {"kind": "calendar#events", "nextSyncToken": "t", "items": items}
    parts = list(explode(json.dumps(page).encode(), CONTEXT))
    assert [json.loads(part)["id"] for part in parts] == ["a", "b"]


def test_a_day_is_placed_at_noon_of_the_calendar_whose_page_it_came_in() -> None:
    """An all-day entry names no zone; the page does. A configured zone goes first, and entries with a time keep their bytes."""
    day = {"start": {"date": "2026-04-20"}, "end": {"date": "2026-04-21"}}
    items = [json.loads(resource(**day)), json.loads(resource(id="timed"))]
    page = json.dumps({"kind": "calendar#events", "timeZone": "America/New_York", "items": items}).encode()
    first, timed = explode(page, CONTEXT)
    assert json.loads(timed) == items[1]
    assert [event.occurred_at for event in events(first)] == [1_776_700_800_000_000]  # 16:00 UTC
    configured = parse_record(SOURCE, first, Context(name="x", zone="Europe/Berlin", until=CONTEXT.until))
    assert isinstance(configured, list)
    assert configured[0].occurred_at == 1_776_679_200_000_000
    odd = json.dumps({"kind": "calendar#events", "timeZone": 7, "items": [items[0], 3]}).encode()
    assert [json.loads(part) for part in explode(odd, CONTEXT)] == [items[0], 3]
    empty = b'{"kind": "calendar#events", "nextSyncToken": "t", "items": []}'
    assert [verdict(part) for part in explode(empty, CONTEXT)] == ["empty_page"]


def test_a_room_that_declined_is_no_place() -> None:
    """An entry is where a room took it; a room that was taken already leaves it as it is without one."""
    people = [{"email": "ann@seller.example"}, {"email": "bob@buyer.example"}]
    alpha = {"displayName": "Alpha", "resource": True, "responseStatus": "declined"}
    beta = {"displayName": "Beta", "resource": True, "responseStatus": "accepted"}
    without, declined, second = (events(resource(attendees=people + rooms)) for rooms in ([], [alpha], [alpha, beta]))
    assert declined == without
    assert [(one.channel, one.place) for one in declined + second] == [("video", None), ("in_person", "Beta")]


def test_a_guest_who_takes_a_meeting_off_their_own_calendar_cancels_nothing() -> None:
    """Google calls both a deleted meeting and a copy that a guest deleted cancelled; the guest's own answer tells the two apart."""

    def deleted(owner: str, answer: str) -> Event:
        people = [{"email": one, "responseStatus": answer} for one in ("ann@seller.example", "bob@buyer.example")]
        people = [one | ({"self": True} if one["email"] == owner else {"responseStatus": "accepted"}) for one in people]
        organizer = {"email": "bob@buyer.example", "self": owner == "bob@buyer.example"}
        return events(resource(status="cancelled", organizer=organizer, attendees=people))[0]

    gone = deleted("ann@seller.example", "declined")
    assert not gone.is_void
    assert [party.attended for party in gone.parties if party.ids == ("email:ann@seller.example",)] == [False]
    assert deleted("ann@seller.example", "accepted").is_void
    assert deleted("bob@buyer.example", "declined").is_void


def test_an_exception_wins_over_a_later_edit_of_its_series() -> None:
    """Whichever of the two was edited last, the moved instance is not moved back by its series."""
    rule = ["RRULE:FREQ=WEEKLY;COUNT=3"]
    generated = events(resource(recurrence=rule, updated="2026-03-01T10:00:00Z"))[1]
    planned = {"dateTime": "2026-03-25T09:00:00+01:00"}
    name = "abc_20260325T080000Z"
    moved = events(resource(id=name, recurringEventId="abc", originalStartTime=planned))[0]
    assert generated.source_event_id == moved.source_event_id == name
    assert generated.dedupe_key == moved.dedupe_key
    assert generated.revision < moved.revision


def test_a_later_edit_wins_over_an_earlier_one() -> None:
    """The revision of a single event is the time of its edit, and a deletion without a time is the last word."""
    first, second = (events(resource(updated=f"2026-01-0{day}T10:00:00Z"))[0].revision for day in (5, 6))
    gone = events(b'{"id": "abc", "status": "cancelled"}')[0]
    assert first < second < gone.revision
    assert gone.is_void


@pytest.mark.parametrize("rule", [None, "RRULE:FREQ=WEEKLY;COUNT=3"])
def test_the_same_meeting_in_icalendar_has_the_same_dedupe_key(rule: str | None) -> None:
    """An export of the calendar and the API agree on which meeting, and which occurrence, is meant."""
    lines = ["BEGIN:VEVENT", "UID:abc@google.com", "ORGANIZER:mailto:ann@seller.example"]
    lines += ["DTSTART;TZID=Europe/Berlin:20260318T090000", *([rule] if rule else []), "END:VEVENT"]
    exported = parse_record(ics.SOURCE, "\r\n".join(lines).encode(), CONTEXT)
    assert isinstance(exported, list)
    ours = events(resource(recurrence=[rule] if rule else []))
    assert [event.dedupe_key for event in ours] == [event.dedupe_key for event in exported]
    assert [event.occurred_at for event in ours] == [event.occurred_at for event in exported]
    assert [sorted(event.join_keys) for event in ours] == [sorted(event.join_keys) for event in exported]


def test_a_recurrence_line_is_only_a_recurrence_line() -> None:
    """A line break in a recurrence line does not smuggle properties or components into the entry."""
    line = "RRULE:FREQ=DAILY;COUNT=2\r\nEND:VEVENT\r\nBEGIN:VTIMEZONE\r\nTZID:Evil\r\nEND:VTIMEZONE"
    assert verdict(resource(recurrence=[line])) in ("malformed_rule", "accepted")
    assert verdict(resource(recurrence=["BEGIN:VTIMEZONE", "RRULE:FREQ=DAILY;COUNT=2"])) == "accepted"


def test_real_payloads_are_read(real_dir: Path) -> None:
    """Every real payload is understood: entries without participants and other resources are ignored, none rejected."""
    found: Counter[str] = Counter()
    for folder in ("gcal_gcal_sync", "google_calendar_admin_report"):
        for path in sorted((real_dir / "in_person" / folder).glob("*.json")):
            with path.open("rb") as stream:
                for record in records(SOURCE, stream, Context(name=path.name)):
                    assert not isinstance(record, BadFrame)
                    found[verdict(record)] += 1
    assert found == {"private_entry": 46, "calendar_list_entry": 4, "accepted": 2, "admin_report": 2, "colors": 1}


@settings(max_examples=200)
@given(broken("google_calendar"))
def test_a_broken_payload_is_judged(data: bytes) -> None:
    """Whatever is wrong with a payload, it becomes events, something ignored, or a reject."""
    verdict(data)


@settings(max_examples=100)
@given(st.binary(max_size=100) | st.lists(st.text(max_size=40)).map(lambda lines: resource(recurrence=lines)))
def test_any_bytes_are_judged(data: bytes) -> None:
    """Any bytes, and any recurrence lines, become events, something ignored, or a reject."""
    verdict(data)
