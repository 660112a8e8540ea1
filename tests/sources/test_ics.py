"""iCalendar: what golden files cannot say (framing, order, series against a second implementation, hostile input)."""

from __future__ import annotations

import io
import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Component

from transforms.calendars.entries import EXCEPTION, Slot, micros
from transforms.calendars.ical import _UNREAD, Zones, read, series
from transforms.calendars.recurrence import MOST_OCCURRENCES, MOST_OF_A_DAY, occurrences
from transforms.calendars.venues import place_of, venue
from transforms.event import Event, Ignored, Reject, decode_event, encode_event
from transforms.frames.chunks import BadFrame
from transforms.records import records
from transforms.sources import Context, parse_record
from transforms.sources.ics import SOURCE
from transforms.times import to_datetime

UNTIL = 1_790_000_000_000_000  # 2026-09-21
ANN = "ORGANIZER;CN=Ann:mailto:ann@seller.example"
BOB = "ATTENDEE;PARTSTAT=ACCEPTED;CN=Bob:mailto:bob@buyer.example"


def vevent(*lines: str, before: str = "") -> bytes:
    people = () if any(line.startswith("ORGANIZER") for line in lines) else (ANN, BOB)
    return calendar_of(*people, *lines, before=before)


def calendar_of(*lines: str, before: str = "") -> bytes:
    body = "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{before}{body}\r\nEND:VCALENDAR\r\n".encode()


def events(data: bytes, *, zone: str | None = None, until: int = UNTIL) -> list[Event]:
    got = parse_record(SOURCE, data, Context(name="x", zone=zone, until=until))
    assert isinstance(got, list), got
    return got


def verdict(data: bytes) -> str:
    """``accepted``, the slug of what was ignored, or the code of a reject; anything else escapes and fails the test."""
    try:
        got = parse_record(SOURCE, data, Context(name="x", until=UNTIL))
    except Reject as reject:
        return reject.reason_code
    if isinstance(got, Ignored):
        return got.reason
    assert got
    for event in got:
        assert decode_event(encode_event(event)) == event
    return "accepted"


def zone_block(offset: str) -> str:
    rules = f"DTSTART:16010101T000000\r\nTZOFFSETFROM:{offset}\r\nTZOFFSETTO:{offset}\r\n"
    return f"BEGIN:VTIMEZONE\r\nTZID:Office\r\nBEGIN:STANDARD\r\n{rules}END:STANDARD\r\nEND:VTIMEZONE\r\n"


@pytest.mark.parametrize("offsets", [("+0100", "+0500"), ("+0500", "+0100")])
def test_a_calendars_own_zone_does_not_colour_the_next_calendar(offsets: tuple[str, str]) -> None:
    """Two calendars that define one zone name differently are each read by their own definition, in either order."""
    for offset in offsets:
        data = vevent("UID:a", "DTSTART;TZID=Office:20260105T120000", before=zone_block(offset))
        assert events(data)[0].occurred_at == micros(datetime(2026, 1, 5, 12 - int(offset[1:3]), tzinfo=UTC), "x")
    assert verdict(vevent("UID:a", "DTSTART;TZID=Office:20260105T120000")) == "naive_timestamp"


EASTERN = """BEGIN:VTIMEZONE
TZID:EST
BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE
""".replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("name", "defined_hour", "hour"),
    [
        ("EST", 14, 15),
        ("GMT", 14, 10),
        ("GMT+0100", 14, 9),
        ("Europe/Berlin", 8, 8),
        ("Eastern Standard Time", 14, 14),
        ("Tokyo Standard Time", 1, 1),
        ("UTC", 10, 10),
    ],
)
def test_a_calendars_own_abbreviation_is_its_own(name: str, defined_hour: int, hour: int) -> None:
    """An abbreviation or offset means what the calendar defines it to be, if it does; names with a region and Windows' do not."""
    for before, expected in ((EASTERN.replace("EST", name), defined_hour), ("", hour)):
        (entry,) = events(vevent("UID:a", f"DTSTART;TZID={name}:20260414T100000", before=before))
        assert entry.occurred_at == micros(datetime(2026, 4, 14, expected, tzinfo=UTC), "x")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "W. Europe Standard Time", '"Office"', "tzone://Microsoft/Utc"])
@pytest.mark.parametrize("between", ["", ";VALUE=DATE-TIME"])
def test_a_time_in_utc_is_in_no_other_zone(zone: str, between: str) -> None:
    """The zone that a line names beside it must not be applied to it (RFC 5545, 3.2.19)."""
    moments = f"DTSTART;TZID={zone}{between}:20260105T100000Z", f"EXDATE;TZID={zone}{between}:20260106T100000Z"
    found = events(vevent("UID:a", *moments, "RRULE:FREQ=DAILY;COUNT=3", before=zone_block("+0300")))
    assert [to_datetime(event.occurred_at) for event in found] == [
        datetime(2026, 1, 5, 10, tzinfo=UTC),
        datetime(2026, 1, 7, 10, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("name", "before", "hour"),
    [
        ("tzone://Microsoft/Utc", "", 10),
        ('"tzone://Microsoft/Utc"', "", 10),
        ("tzone://Microsoft/Custom", zone_block("+0300").replace("Office", "tzone://Microsoft/Custom"), 7),
    ],
)
def test_exchange_names_its_own_zones_without_quotes(name: str, before: str, hour: int) -> None:
    data = vevent("UID:a", f"DTSTART;TZID={name}:20260105T100000", before=before)
    (frame,) = records(SOURCE, io.BytesIO(data), Context(name="x.ics"))
    assert isinstance(frame, bytes)
    (event,) = events(frame)
    assert to_datetime(event.occurred_at).hour == hour


def test_a_file_is_one_record_a_component() -> None:
    """Each VEVENT, VTODO and VJOURNAL of a file is judged alone, with the calendar's zone at hand."""
    one = vevent("UID:a", "DTSTART;TZID=Office:20260105T120000", before=zone_block("+0100"))
    two = b"BEGIN:VEVENT\r\n" + ANN.encode() + b"\r\nUID:b\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nUID:c\r\nEND:VTODO\r\n"
    data = one.replace(b"END:VCALENDAR\r\n", two + b"END:VCALENDAR\r\n")
    frames = list(records(SOURCE, io.BytesIO(data), Context(name="x.ics")))
    assert [verdict(frame) for frame in frames if isinstance(frame, bytes)] == ["accepted", "missing_field", "vtodo"]


def test_an_override_and_its_series_say_the_same_id() -> None:
    """The moved occurrence has the id of the one that it replaces, and a higher revision whatever the sequence."""
    rule = events(vevent("UID:a", "SEQUENCE:9", "DTSTART:20260105T120000Z", "RRULE:FREQ=DAILY;COUNT=2"))
    moved = events(vevent("UID:a", "DTSTART:20260107T120000Z", "RECURRENCE-ID:20260106T120000Z"))[0]
    gone = events(vevent("UID:a", "DTSTART:20260107T120000Z", "RECURRENCE-ID:20260106T120000Z", "STATUS:CANCELLED"))[0]
    assert rule[1].source_event_id == moved.source_event_id == gone.source_event_id == "a/20260106T120000Z"
    assert rule[1].dedupe_key == moved.dedupe_key
    assert rule[1].revision < moved.revision < gone.revision
    assert gone.is_void


@pytest.mark.parametrize("moved", [":20260112T000000Z", ";TZID=Europe/Berlin:20260112T000000", ";VALUE=DATE:20260112"])
def test_an_override_of_a_day_may_name_its_midnight(moved: str) -> None:
    """The day that is moved is that of the series, however its RECURRENCE-ID is written; one with a time of day is of a series that has one."""
    rule = events(vevent("UID:a", "DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=WEEKLY;COUNT=2"))
    (day,) = events(vevent("UID:a", "DTSTART;VALUE=DATE:20260113", f"RECURRENCE-ID{moved}"))
    assert day.source_event_id == rule[1].source_event_id == "a/20260112"
    (timed,) = events(vevent("UID:a", "DTSTART:20260113T120000Z", "RECURRENCE-ID:20260112T000000Z"))
    assert timed.source_event_id == "a/20260112T000000Z"


def test_an_added_date_is_one_beside_its_series() -> None:
    """What is added to a series has the id that an exception of it would have, on a day, by a zone's clock and repeating too."""
    ids = {
        ("DTSTART:20260407T100000Z",): ["a/20260407T100000Z"],
        ("DTSTART;TZID=Europe/Berlin:20260407T100000",): ["a/20260407T080000Z"],
        ("DTSTART;VALUE=DATE:20260407",): ["a/20260407"],
        ("DTSTART:20260407T100000Z", "RDATE:20260409T100000Z"): ["a/20260407T100000Z", "a/20260409T100000Z"],
    }
    for lines, expected in ids.items():
        found = events(vevent("UID:a", "SEQUENCE:1", *lines, before="METHOD:ADD\r\n"))
        assert [one.source_event_id for one in found] == expected
        assert all(one.revision >= EXCEPTION for one in found)


def test_a_cancellation_need_not_repeat_the_people() -> None:
    """A date called off by an entry that names nobody, nor a start, is voided; an entry with nobody that stands is private."""
    lines = ("UID:a", "RECURRENCE-ID:20260106T120000Z", "SEQUENCE:1")
    local = ("UID:a", "RECURRENCE-ID;TZID=Office:20260106T130000", "SEQUENCE:1")
    for stated in (lines, local):
        (gone,) = events(calendar_of(*stated, "STATUS:CANCELLED", before=zone_block("+0100")))
        assert (gone.source_event_id, gone.is_void, gone.parties) == ("a/20260106T120000Z", True, ())
        assert gone.occurred_at == micros(datetime(2026, 1, 6, 12, tzinfo=UTC), "x")
    assert verdict(calendar_of(*lines, "DTSTART:20260106T120000Z", "STATUS:CONFIRMED")) == "private_entry"


def test_who_sent_somebody_else_stays_away() -> None:
    """A delegator is as absent as somebody who declined; the delegate is invited like everybody."""
    sent = 'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:tom@buyer.example":mailto:bob@buyer.example'
    came = 'ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:bob@buyer.example":mailto:tom@buyer.example'
    (entry,) = events(vevent(ANN, sent, came, "UID:a", "DTSTART:20260105T120000Z"))
    assert {party.ids[0]: party.attended for party in entry.parties} == {
        "email:ann@seller.example": None,
        "email:bob@buyer.example": False,
        "email:tom@buyer.example": None,
    }


def test_a_room_that_declined_is_no_place() -> None:
    """An entry is where a room took it; a room that was taken already leaves it as it is without one."""
    alpha = "ATTENDEE;CUTYPE=ROOM;CN=Alpha;PARTSTAT=DECLINED:mailto:alpha@seller.example"
    beta = "ATTENDEE;CUTYPE=RESOURCE;CN=Beta;PARTSTAT=ACCEPTED:mailto:beta@seller.example"
    lines = (ANN, BOB, "UID:a", "DTSTART:20260105T120000Z")
    (without,), (declined,), (second,) = (events(vevent(*rooms, *lines)) for rooms in ((), (alpha,), (alpha, beta)))
    assert declined == without
    assert (declined.channel, declined.place) == ("video", None)
    assert (second.channel, second.place) == ("in_person", "Beta")


def test_a_daily_series_is_followed_for_eleven_years() -> None:
    """A rule of days goes on to the horizon; of one that began earlier still, the first four thousand dates are read, in no time."""
    found = events(vevent("UID:a", "DTSTART:20220103T100000Z", "RRULE:FREQ=DAILY"))
    assert found[-1].occurred_at == micros(datetime(2026, 9, 21, 10, tzinfo=UTC), "x")
    begun = time.process_time()
    assert len(events(vevent("UID:a", "DTSTART:20000103T100000Z", "RRULE:FREQ=DAILY"))) == MOST_OCCURRENCES
    assert time.process_time() - begun < 5


def test_a_series_within_a_day_is_cut_after_a_thousand_occurrences() -> None:
    """A rule of seconds gives its first thousand occurrences at most, in no time."""
    begun = time.process_time()
    found = events(vevent("UID:a", "DTSTART:20200101T000000Z", "RRULE:FREQ=SECONDLY"))
    assert len(found) == MOST_OF_A_DAY
    assert found[-1].occurred_at - found[0].occurred_at == 999_000_000
    assert time.process_time() - begun < 5


def test_a_series_that_has_not_begun_is_its_first_occurrence() -> None:
    """A series that starts after the horizon is accepted as the plan of its first occurrence."""
    assert len(events(vevent("UID:a", "DTSTART:20300101T000000Z", "RRULE:FREQ=DAILY"))) == 1


def test_a_search_for_a_day_that_never_comes_ends() -> None:
    """The 30th of February is looked for in one cycle of the calendar."""
    begun = time.process_time()
    found = events(vevent("UID:a", "DTSTART:20200101T000000Z", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"))
    assert len(found) == 1
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "rule",
    ["FREQ=OFTEN", "COUNT=3", "FREQ=DAILY;INTERVAL=x", "FREQ=DAILY;UNTIL=tomorrow", "FREQ=DAILY;BYHOUR=40"],
)
def test_a_rule_that_makes_no_sense_is_rejected(rule: str) -> None:
    """A broken RRULE is a reject that names it."""
    with pytest.raises(Reject) as caught:
        events(vevent("UID:a", "DTSTART:20260105T120000Z", f"RRULE:{rule}"))
    assert (caught.value.reason_code, caught.value.field_path) == ("malformed_rule", "RRULE")


def test_rdate_periods_keep_their_own_length() -> None:
    """An RDATE that is a period lasts as long as it says; an EXDATE by day removes what falls on that day."""
    extra = "RDATE;VALUE=PERIOD:20260110T120000Z/PT3H,20260111T120000Z/20260111T140000Z"
    lines = ("UID:a", "DTSTART:20260105T120000Z", "DURATION:PT1H", extra, "EXDATE;VALUE=DATE:20260105")
    hours = [(event.ended_at or 0) - event.occurred_at for event in events(vevent(*lines))]
    assert [length // 3_600_000_000 for length in hours] == [3, 2]


def test_an_entry_without_uid_has_a_stable_one() -> None:
    """Two readings of an entry without UID give one id, and another entry another."""
    one, again = (events(vevent("DTSTART:20260105T120000Z", "SUMMARY:A"))[0] for _ in range(2))
    other = events(vevent("DTSTART:20260105T120000Z", "SUMMARY:B"))[0]
    assert one.source_event_id == again.source_event_id != other.source_event_id


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("Zoom", None),
        ("Microsoft Teams Meeting", None),
        ("Google Meet", None),
        ("https://seller.zoom.us/j/81234567890", None),
        ("+49 30 901820", None),
        ("Call: (415) 555-0100 x12", None),
        ("Phone call", None),
        ("TBD", None),
        ("ann@seller.example", None),
        ("", None),
        ("acme.zoom.us/j/93383283010?pwd=x", None),
        ("meet.google.com/abc-defg-hij", None),
        ("Zoom Meeting - see link below", None),
        ("Google Meet (instructions in description)", None),
        ("GoToWebinar - See conference call information below", None),
        ("Zoom: 933 8328 3010 / Passcode: 123456", None),
        ("Slack huddle", None),
        ("Call Jo at 415-555-0100", None),
        ("Sam will call Jo", None),
        ("Microsoft Teams Meeting; Room 5", "Room 5"),
        ("HQ, 4th floor; zoom.us/j/93383283010", "HQ, 4th floor"),
        ("Zoom Room 3", "Zoom Room 3"),
        ("Zoom, Hall 4", "Zoom, Hall 4"),
        ("Call center Berlin", "Call center Berlin"),
        ("St. John/St. Paul", "St. John/St. Paul"),
        ("Musterstr. 12, 10115 Berlin", "Musterstr. 12, 10115 Berlin"),
        ("Conference Room B", "Conference Room B"),
        ("HQ-1-Alpha (6)", "HQ-1-Alpha (6)"),
        ("HQ-1-Alpha (6) [TV].; Zoom", "HQ-1-Alpha (6) [TV]"),
        ("(Plant 2) Hall 4 (B (1))", "(Plant 2) Hall 4 (B (1))"),
        ("(Hall 4)", "Hall 4"),
        ("Hall 4)", "Hall 4"),
        ("Hall (4", "Hall (4"),
        ("HQ (join: https://meet.google.com/abc-defg-hij)", "HQ (join"),
    ],
)
def test_a_location_is_a_place_or_not(location: str, place: str | None) -> None:
    """Links, tools, numbers, placeholders and notes about them are no places; what else stands there is."""
    assert place_of(location) == place


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("Microsoft Teams-möte", None),
        ("Microsoft Teams-møde", None),
        ("Microsoft Teams-vergadering", None),
        ("Reunião do Microsoft Teams", None),
        ("Riunione di Microsoft Teams", None),
        ("Spotkanie w aplikacji Microsoft Teams", None),
        ("Schůzka v Microsoft Teams", None),
        ("Microsoft Teams 会議", None),
        ("Microsoft Teams Toplantısı", None),
        ("Собрание Microsoft Teams", None),
        ("Room 4 / Microsoft Teams", "Room 4"),
        ("Sala Verde; Riunione di Microsoft Teams", "Sala Verde"),
        ("Room 4, Microsoft Teams-möte", "Room 4, Microsoft Teams-möte"),
        ("Sala Verde - Microsoft Teams", "Sala Verde - Microsoft Teams"),
    ],
)
def test_a_call_in_any_language_is_no_place(location: str, place: str | None) -> None:
    """Where a link says that the entry is a call, Teams' name in words of any language is no place; a room beside it is."""
    link = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_abc%40thread.v2/0"
    found = venue(location, [link], people=2)
    assert (found.channel, found.place) == ("in_person" if place else "video", place)
    assert venue(location, [], people=2).place is not None


def test_a_conference_call_is_no_conference() -> None:
    """Only words that mean a trade event make one, and only at a place."""
    assert venue("Hall 1", [], topic="Conference call prep").medium == "onsite_visit"
    assert venue("Hall 1", [], topic="DataWorld Conference").medium == "trade_event"
    assert venue("Zoom", [], topic="DataWorld Conference").medium == "video_call"


def test_join_links_are_found_inside_wrapped_links() -> None:
    """A link that a mail filter has wrapped still names its meeting."""
    wrapped = "https://filter.example.com/?url=https%3A%2F%2Fseller.zoom.us%2Fj%2F81234567890%3Fpwd%3Dx&data=1"
    assert venue(None, [wrapped]).join_keys == ("zoom:81234567890",)


def properties(component: Component) -> list[tuple[str, str, str, bytes, str]]:
    """Kind of component, name, type, text and parameters of every property that something here asks for."""
    return [
        (one.name or "", name, type(value).__name__, value.to_ical(), repr(getattr(value, "params", None)))
        for one in component.walk()
        for name, found in one.items()
        if name not in _UNREAD
        for value in (found if isinstance(found, list) else [found])
    ]


@pytest.mark.parametrize("turn", ["first", "remembered"])
@pytest.mark.parametrize(
    "lines",
    [
        (ANN, BOB, "DTSTART:20260305T100000Z", "DTEND:20260305T103000", "DTSTAMP:20260305T100000Z"),
        (ANN.lower(), "ATTENDEE:mailto:bob@buyer.example", "DTSTART;TZID=Europe/Berlin:20260305T100000", "STATUS:CONFIRMED"),
        (ANN, BOB, BOB, "DTSTART;VALUE=DATE:20260305", "CREATED:20260305", "SEQUENCE:2", "SEQUENCE:two", "DTEND:later"),
        ("ATTENDEE;VALUE=TEXT:Bob", "ATTENDEES:mailto:x@y.example", 'ORGANIZER;CN="Ann; A":mailto:ann@seller.example', "STATUS;X=1:A\\,B"),
        ("ATTENDEE", "ORGANIZER;CN:x", "DTSTART:20260305T100000Z"),
    ],
)  # fmt: skip
def test_lines_that_come_often_are_read_as_the_library_reads_them(lines: tuple[str, ...], turn: str) -> None:
    """Whatever a shortcut takes for known has the name, type, text and parameters that the library gives it."""
    text = vevent(*lines).decode()
    expected = Calendar.from_ical(text, multiple=True)
    assert [properties(one) for one in read(text)] == [properties(one) for one in expected]


def test_latin_1_is_read() -> None:
    """A calendar that is not UTF-8, as old exporters write it, keeps its title."""
    data = vevent("UID:a", "DTSTART:20260105T120000Z", "SUMMARY:Gespräch").decode().encode("latin-1")
    assert events(data)[0].subject_text == "Gespräch"


def test_the_path_of_a_file_is_not_followed(tmp_path: Path) -> None:
    """A record that is the name of a file on this disk is a broken record, not that file."""
    secret = tmp_path / "secret.ics"
    secret.write_bytes(vevent("UID:a", "DTSTART:20260105T120000Z"))
    assert verdict(str(secret).encode()) == "malformed_ics"


VALID = vevent(
    "UID:a",
    "DTSTART;TZID=Office:20260105T120000",
    "DTEND;TZID=Office:20260105T130000",
    "RRULE:FREQ=WEEKLY;UNTIL=20260301;BYDAY=MO,TU",
    "RDATE;VALUE=PERIOD:20260110T120000Z/PT3H",
    "EXDATE;VALUE=DATE:20260112",
    "RECURRENCE-ID;RANGE=THISANDFUTURE:20260105T110000Z",
    "SUMMARY;LANGUAGE=en:Talk?",
    "LOCATION:Zoom; Room 5",
    "CATEGORIES:A,B",
    "ATTACH;FILENAME=a.pdf:https://files.example.com/a",
    "GEO:1.0;2.0",
    before=zone_block("+0100"),
).decode()
ODD_TEXTS = """
:|;|"|\x00|\ud800|é|99999999T999999Z|00010101T000000|99991231T235959Z|P9999999999D|-P1W|BEGIN:VEVENT|END:VCALENDAR
TZID=Europe|TZID=/a/b|TZID=|VALUE=DATE:|20260105|FREQ=YEARLY;INTERVAL=0|FREQ=WEEKLY;COUNT=-1|FREQ=YEARLY;BYEASTER=1
FREQ=MINUTELY;BYHOUR=3|FREQ=YEARLY;UNTIL=00010101T000000Z|FREQ=DAILY;INTERVAL=999999999|STATUS:CANCELLED
"""
ODD = st.sampled_from(
    [*(text for line in ODD_TEXTS.split("\n") for text in line.split("|")), "1" * 400, "\r\n "]
) | st.text(max_size=12)


@st.composite
def broken_calendars(draw: st.DrawFn) -> bytes:
    """The valid calendar with lines dropped, doubled, or their names, parameters and values replaced."""
    lines = VALID.split("\r\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        name, colon, value = lines[at].partition(":")
        odd = draw(ODD)
        change = draw(st.integers(0, 5))
        if change == 0:
            del lines[at]
        elif change == 1:
            lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
        else:
            lines[at] = [name + colon + odd, odd + colon + value, f"{name};{odd}{colon}{value}", odd][change - 2]
        if not lines:
            break
    return "\r\n".join(lines).encode("utf-8", "surrogatepass")


@settings(max_examples=200)
@given(broken_calendars())
def test_a_broken_calendar_is_judged(data: bytes) -> None:
    """Whatever is wrong with a calendar, it becomes events, something ignored, or a reject."""
    verdict(data)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    """Any bytes become events, something ignored, or a reject."""
    verdict(data)
    verdict(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + data + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")


def test_deep_nesting_is_judged() -> None:
    """A component inside a component, ten thousand deep, does not exhaust the stack."""
    assert verdict(b"BEGIN:VEVENT\r\n" * 10_000 + b"END:VEVENT\r\n" * 10_000) == "private_entry"


def real_records(folder: Path) -> list[tuple[str, bytes | BadFrame]]:
    found: list[tuple[str, bytes | BadFrame]] = []
    for path in sorted((folder / "in_person").glob("ics_*/*.ics")):
        with path.open("rb") as stream:
            found += [(path.name, frame) for frame in records(SOURCE, stream, Context(name=path.name))]
    return found


def test_real_calendars_are_read(real_dir: Path) -> None:
    """Of real exports, given somebody to meet, only what nobody could place in time is rejected."""
    people = f"BEGIN:VEVENT\r\n{ANN}\r\n{BOB}\r\n".encode()
    frames = [(name, frame) for name, frame in real_records(real_dir) if isinstance(frame, bytes)]
    found = Counter(
        verdict(re.sub(rb"(?im)^BEGIN:VEVENT\r?\n", people, frame)) for name, frame in frames if name != "issue42.ics"
    )
    assert found["accepted"] >= 4900
    assert found["missing_field"] == 83  # snippets for documentation, without DTSTART
    assert found["naive_timestamp"] == 32  # floating times, and names of zones that nobody defines
    assert found["malformed_ics"] == 7  # made to be broken, and a business card
    assert found["bad_timestamp"] == 4  # INVALID-DATE three times, 199709T180000Z
    assert found["unsupported_rule"] == 3  # Chinese, Ethiopic and Hebrew years
    assert found["unknown_type"] == 3  # invented components
    assert found["invalid_field"] == 2  # an RDATE that is a time of day
    assert found["malformed_rule"] == 1  # FREQ=INVALID_TYPE_CAUSES_ERROR
    assert "private_entry" not in found


def test_most_of_real_calendars_is_private(real_dir: Path) -> None:
    """As they stand, most entries of real exports are holidays and the like, with nobody to meet."""
    frames = [(name, frame) for name, frame in real_records(real_dir) if isinstance(frame, bytes)]
    found = Counter(verdict(frame) for name, frame in frames if name != "issue42.ics")
    assert found["private_entry"] > 10 * found["accepted"] > 0


DISPUTED = [
    "calendars__end_before_start_event.ics",  # it swaps the two; here that is a fault, found after parsing
    "calendars__issue_75_range_parameter.ics",  # UNTIL is a date: here its whole day counts
]


def test_series_agree_with_a_second_implementation(real_dir: Path) -> None:
    """Each real series that both can read has, within 400 days of its start, what recurring_ical_events finds."""
    compared = 0
    differing: list[str] = []
    for name, frame in real_records(real_dir):
        if isinstance(frame, BadFrame) or b"RRULE" not in frame or b"RECURRENCE-ID" in frame:
            continue
        calendar = Calendar.from_ical(frame)
        event = next(iter(calendar.walk("VEVENT")), None)
        start = getattr(event.get("DTSTART"), "dt", None) if event else None
        if event is None or not isinstance(start, datetime) or start.tzinfo is None or start.year < 1990:
            continue
        first = micros(start, "DTSTART")
        end = first + 400 * 86_400_000_000 + 12_345_000_000  # on nobody's boundary
        try:
            slots = series(event, Slot(first, first, False), start.tzinfo, Zones({}, None, None), end)
            query = recurring_ical_events.of(calendar)
            theirs = query.between(start - timedelta(days=1), to_datetime(end).astimezone(start.tzinfo))
        except (Reject, recurring_ical_events.InvalidCalendar):
            continue
        ours = [to_datetime(slot.start) for slot in slots]
        compared += 1
        if ours != sorted({one["DTSTART"].dt.astimezone(UTC) for one in theirs})[:MOST_OCCURRENCES]:
            differing.append(name)
    assert differing == DISPUTED
    assert compared >= 20


def test_occurrences_do_not_depend_on_the_order_of_rules() -> None:
    """A series with several rules is their union, each start once, whatever their order."""
    first = datetime(2026, 1, 5, 9)
    rules = ["FREQ=DAILY;COUNT=10", "FREQ=WEEKLY;COUNT=5", "FREQ=MONTHLY"]
    until = datetime(2027, 1, 1)
    one = occurrences(first, rules, [], [], [], until, UTC)
    assert one == occurrences(first, rules[::-1], [], [], [], until, UTC) == sorted(set(one))
