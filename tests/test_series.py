"""Series of calendar entries through whole increments: what a new version or a deletion of a series does to its dates."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from workspaces import contents, example, increment, put, snapshot

pytestmark = pytest.mark.usefixtures("no_marts")

AS_OF = "2026-05-11T00:00:00Z"
ANN = "ORGANIZER:mailto:sam.reyes@vendor.example"
BOB = "ATTENDEE:mailto:bea.winter@northfield.example"
PLACE = "LOCATION:Northfield plant 2\\, 12 Mill Road"


def calendar(*lines: str, method: str = "PUBLISH", people: tuple[str, ...] = (ANN, BOB)) -> bytes:
    body = "\r\n".join(["BEGIN:VEVENT", "UID:weekly", "SUMMARY:Visit", PLACE, *people, *lines, "END:VEVENT"])
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\n{body}\r\nEND:VCALENDAR\r\n".encode()


def weekly(*lines: str) -> bytes:
    return calendar("DTSTART:20260303T100000Z", "DTEND:20260303T110000Z", "RRULE:FREQ=WEEKLY;COUNT=4", *lines)


FIRST = weekly("SEQUENCE:0", "LAST-MODIFIED:20260301T080000Z")
MOVED = calendar(
    "RECURRENCE-ID:20260317T100000Z", "DTSTART:20260318T100000Z", "DTEND:20260318T110000Z", "SEQUENCE:0",
    "LAST-MODIFIED:20260302T080000Z",
)  # fmt: skip
WITHOUT_THE_SECOND = weekly("EXDATE:20260310T100000Z", "SEQUENCE:0", "LAST-MODIFIED:20260304T080000Z")
ONE_DATE = ("DTSTART:20260304T100000Z", "DTEND:20260304T110000Z")
SINGLE = calendar(*ONE_DATE, "SEQUENCE:0", "LAST-MODIFIED:20260228T080000Z")
SINGLE_AFTERWARDS = calendar(*ONE_DATE, "SEQUENCE:1", "LAST-MODIFIED:20260305T080000Z")
CANCELLED = calendar("DTSTART:20260303T100000Z", "SEQUENCE:1", "DTSTAMP:20260305T080000Z", method="CANCEL")
CANCELLED_DATE = calendar(
    "RECURRENCE-ID:20260310T100000Z", "STATUS:CANCELLED", "SEQUENCE:1", "DTSTAMP:20260305T080000Z", people=()
)  # fmt: skip
ADDED = calendar(
    "DTSTART:20260407T100000Z", "DTEND:20260407T110000Z", "SEQUENCE:1", "DTSTAMP:20260305T080000Z", method="ADD"
)  # fmt: skip
ADDED_TWICE = calendar(
    "DTSTART:20260407T100000Z", "DTEND:20260407T110000Z", "RDATE:20260409T100000Z", "SEQUENCE:1",
    "DTSTAMP:20260305T080000Z", method="ADD",
)  # fmt: skip
ADDED_IS_OFF = calendar(
    "RECURRENCE-ID:20260407T100000Z", "SEQUENCE:2", "DTSTAMP:20260306T080000Z", method="CANCEL", people=()
)
CANCELLED_SINGLE = calendar(*ONE_DATE, "STATUS:CANCELLED", "SEQUENCE:1", "DTSTAMP:20260305T080000Z", people=())


def held(root: Path) -> list[str]:
    with snapshot(root, published=False) as connection:
        rows = connection.execute(
            "SELECT strftime(occurred_at, '%m-%d %H:%M') FROM fact_touchpoint WHERE status = 'held' ORDER BY occurred_at"
        ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("versions", "left"),
    [
        ([FIRST], ["03-03 10:00", "03-10 10:00", "03-17 10:00", "03-24 10:00"]),
        ([FIRST, MOVED], ["03-03 10:00", "03-10 10:00", "03-18 10:00", "03-24 10:00"]),
        ([FIRST, WITHOUT_THE_SECOND], ["03-03 10:00", "03-17 10:00", "03-24 10:00"]),
        ([FIRST, MOVED, WITHOUT_THE_SECOND], ["03-03 10:00", "03-18 10:00", "03-24 10:00"]),
        ([FIRST, MOVED, CANCELLED], []),
        ([FIRST, CANCELLED_DATE], ["03-03 10:00", "03-17 10:00", "03-24 10:00"]),
        ([SINGLE, CANCELLED_SINGLE], []),
        ([FIRST, ADDED], ["03-03 10:00", "03-10 10:00", "03-17 10:00", "03-24 10:00", "04-07 10:00"]),
        ([FIRST, ADDED, WITHOUT_THE_SECOND], ["03-03 10:00", "03-17 10:00", "03-24 10:00", "04-07 10:00"]),
        (
            [FIRST, ADDED_TWICE, ADDED_IS_OFF],
            ["03-03 10:00", "03-10 10:00", "03-17 10:00", "03-24 10:00", "04-09 10:00"],
        ),
        ([FIRST, ADDED, CANCELLED], []),
        ([SINGLE, ADDED], ["03-04 10:00", "04-07 10:00"]),
        ([FIRST, SINGLE_AFTERWARDS], ["03-04 10:00"]),
        ([SINGLE, FIRST], ["03-03 10:00", "03-10 10:00", "03-17 10:00", "03-24 10:00"]),
    ],
    ids=[
        "series",
        "exception",
        "one_date_taken_out",
        "exception_stays",
        "cancelled",
        "date_cancelled_without_its_people",
        "single_date_cancelled_without_its_people",
        "date_added",
        "added_date_stays",
        "one_of_the_added_cancelled",
        "cancelled_with_what_was_added",
        "added_to_a_single_date",
        "no_series_any_more",
        "a_series_by_now",
    ],
)
def test_the_newest_version_of_a_series_holds(tmp_path: Path, versions: list[bytes], left: list[str]) -> None:
    """In whatever order and in however many runs the versions arrive, the newest one says what is planned."""
    seen = []
    for number, order in enumerate(itertools.permutations(versions)):
        if number not in (0, len(versions) - 1, len(list(itertools.permutations(versions))) - 1):
            continue
        root = example(tmp_path / str(number))
        for place, data in enumerate(order):
            put(root, [(f"ics/{place}.ics", data)])
            increment(root, AS_OF)
        assert held(root) == left
        with snapshot(root, published=False) as connection:
            seen.append(contents(connection))
    assert all(one == seen[0] for one in seen)


def test_an_edit_without_a_new_sequence_counts() -> None:
    """What is told later, by LAST-MODIFIED, is a higher revision; a higher SEQUENCE outweighs it, a cancellation both."""
    from transforms.calendars.entries import revision_of
    from transforms.times import DAY, parse_iso

    monday = parse_iso("2026-03-02T00:00:00Z", "x")
    known = [
        revision_of(0, None, is_cancelled=False, is_exception=False),
        revision_of(0, monday, is_cancelled=False, is_exception=False),
        revision_of(0, monday + DAY, is_cancelled=False, is_exception=False),
        revision_of(0, monday, is_cancelled=True, is_exception=False),
        revision_of(1, monday, is_cancelled=False, is_exception=False),
        revision_of(None, None, is_cancelled=True, is_exception=False),
        revision_of(None, None, is_cancelled=False, is_exception=True),
        revision_of(99, 4_000_000_000_000_000, is_cancelled=True, is_exception=True),
    ]
    assert known == sorted(set(known))
    assert known[-1] < 2**31


def test_a_high_sequence_is_no_end_of_counting() -> None:
    """A revision has room for fifteen; of what comes after, the time of writing tells, or the number where there is none."""
    from transforms.calendars.entries import revision_of
    from transforms.times import DAY, parse_iso

    monday = parse_iso("2026-03-02T00:00:00Z", "x")
    versions = [(14, False), (16, True), (17, False), (18, True)]
    for stamps in ([monday + day * DAY for day in range(4)], [None] * 4):
        known = [
            revision_of(number, stamp, is_cancelled=is_cancelled, is_exception=False)
            for (number, is_cancelled), stamp in zip(versions, stamps, strict=True)
        ]
        assert known == sorted(set(known))
        assert known[-1] < 2**30


def test_days_at_noon_keep_to_the_clock_of_their_zone() -> None:
    """Days over a change of the clock: 2026-03-08 in New York begins at five hours behind UTC and ends at four."""
    from datetime import UTC, date, datetime
    from zoneinfo import ZoneInfo

    from transforms.calendars.entries import day_slot
    from transforms.times import to_datetime

    slot = day_slot(date(2026, 3, 7), date(2026, 3, 10), ZoneInfo("America/New_York"), "DTSTART")
    assert to_datetime(slot.start) == datetime(2026, 3, 7, 17, tzinfo=UTC)
    assert to_datetime(slot.end) == datetime(2026, 3, 9, 16, tzinfo=UTC)


def google(**fields: object) -> bytes:
    return json.dumps(
        {
            "kind": "calendar#event", "organizer": {"email": "sam.reyes@vendor.example"}, "summary": "Visit",
            "attendees": [{"email": "bea.winter@northfield.example"}], "location": "12 Mill Road, Northfield", **fields,
        }
    ).encode()  # fmt: skip


@pytest.mark.parametrize(("series_at", "left"), [("01", ["03-05 10:00"]), ("04", ["03-03 10:00", "03-10 10:00"])])
def test_a_google_entry_that_becomes_a_series_or_is_none_any_more(
    tmp_path: Path, series_at: str, left: list[str]
) -> None:
    series = google(
        id="abc", updated=f"2026-03-{series_at}T08:00:00Z", recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"],
        start={"dateTime": "2026-03-03T10:00:00Z"}, end={"dateTime": "2026-03-03T11:00:00Z"},
    )  # fmt: skip
    single = google(
        id="abc", updated="2026-03-02T08:00:00Z",
        start={"dateTime": "2026-03-05T10:00:00Z"}, end={"dateTime": "2026-03-05T11:00:00Z"},
    )  # fmt: skip
    for order in ((series, single), (single, series)):
        root = example(tmp_path / str(order.index(single)))
        for number, data in enumerate(order):
            put(root, [(f"google_calendar/{number}.json", data)])
            increment(root, AS_OF)
        assert held(root) == left


def test_a_deleted_google_series_is_gone_whole(tmp_path: Path) -> None:
    """A deletion that carries nothing but the series' id ends all its dates, moved ones too; one that comes first as well."""
    series = google(
        id="abc", updated="2026-03-01T08:00:00Z", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"],
        start={"dateTime": "2026-03-03T10:00:00Z"}, end={"dateTime": "2026-03-03T11:00:00Z"},
    )  # fmt: skip
    moved = google(
        id="abc_20260310T100000Z", recurringEventId="abc", updated="2026-03-02T08:00:00Z",
        originalStartTime={"dateTime": "2026-03-10T10:00:00Z"},
        start={"dateTime": "2026-03-11T10:00:00Z"}, end={"dateTime": "2026-03-11T11:00:00Z"},
    )  # fmt: skip
    deleted = b'{"kind": "calendar#event", "id": "abc", "status": "cancelled"}'
    root = example(tmp_path / "last")
    put(root, [("google_calendar/a.json", series), ("google_calendar/b.json", moved)])
    increment(root, AS_OF)
    assert held(root) == ["03-03 10:00", "03-11 10:00", "03-17 10:00"]
    put(root, [("google_calendar/c.json", deleted)])
    increment(root, AS_OF)
    assert held(root) == []
    other = example(tmp_path / "first")
    for name, data in [("c", deleted), ("b", moved), ("a", series)]:
        put(other, [(f"google_calendar/{name}.json", data)])
        increment(other, AS_OF)
    assert held(other) == []
    with snapshot(root, published=False) as left, snapshot(other, published=False) as right:
        assert contents(left) == contents(right)


SAM, DANA = "sam.reyes@vendor.example", "dana.cole@vendor.example"
SERIES = {
    "id": "abc", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"],
    "start": {"dateTime": "2026-03-03T10:00:00Z"}, "end": {"dateTime": "2026-03-03T11:00:00Z"},
}  # fmt: skip
VISITS = ["03-03 10:00", "03-10 10:00"]


def copy_with(updated: str, dana: str | None, whole: bool = True) -> bytes:
    """The organiser's copy of a series, or of its first date alone."""
    guests = [{"email": "bea.winter@northfield.example"}, *([{"email": DANA, "responseStatus": dana}] if dana else [])]
    fields = SERIES if whole else {key: value for key, value in SERIES.items() if key != "recurrence"}
    return google(**fields, updated=f"2026-03-{updated}T08:00:00Z", attendees=guests)


def page(calendar: str, *items: dict[str, object]) -> bytes:
    """What a sync of a calendar gives."""
    return json.dumps({"kind": "calendar#events", "summary": calendar, "nextSyncToken": "t", "items": items}).encode()


@pytest.mark.parametrize("is_series", [True, False], ids=["series", "single"])
def test_a_deletion_from_the_calendar_of_somebody_who_does_not_come_ends_nothing(
    tmp_path: Path, is_series: bool
) -> None:
    """Who declined and deleted a meeting, or is not invited any more, has a deletion of it; so have all, once it is cancelled."""
    invited, declined, without = (
        copy_with("01", "accepted", is_series), copy_with("02", "declined", is_series), copy_with("02", None, is_series)
    )  # fmt: skip
    deletion: dict[str, object] = {"kind": "calendar#event", "id": "abc", "status": "cancelled"}
    from_dana, from_sam, from_team = (page(name, deletion) for name in (DANA, SAM, "Team"))
    stands = VISITS if is_series else VISITS[:1]
    cases = (
        ([invited, declined, from_dana], stands),
        ([invited, without, from_dana], stands),
        ([invited, from_dana], []),  # nobody says that she only does not come
        ([invited, declined, from_dana, from_sam], []),
        ([invited, without, from_team], []),
    )
    for number, (files, expected) in enumerate(cases):
        roots = [example(tmp_path / f"{number}-{way}") for way in ("whole", "forward", "backward")]
        put(roots[0], [(f"google_calendar/{n}.json", data) for n, data in enumerate(files)])
        increment(roots[0], AS_OF)
        for root, order in zip(roots[1:], (files, files[::-1]), strict=True):
            for n, data in enumerate(order):
                put(root, [(f"google_calendar/{n}.json", data)])
                increment(root, AS_OF)
        assert [held(root) for root in roots] == [expected] * 3, number


def test_a_cancellation_sent_to_those_who_are_not_invited_any_more_ends_nothing(tmp_path: Path) -> None:
    """The organiser takes a guest out: that one gets a cancellation, and the others a version without them (RFC 5546, 3.2.5)."""
    dana = f"ATTENDEE:mailto:{DANA}"
    times = ("DTSTART:20260303T100000Z", "DTEND:20260303T110000Z")
    first = calendar(*times, "SEQUENCE:0", "DTSTAMP:20260301T080000Z", method="REQUEST", people=(ANN, BOB, dana))
    second = calendar(*times, "SEQUENCE:1", "DTSTAMP:20260302T080000Z", method="REQUEST")
    taken_out, cancelled = (
        calendar(*times, "SEQUENCE:1", "STATUS:CANCELLED", "DTSTAMP:20260302T080000Z", method="CANCEL", people=people)
        for people in ((ANN, dana), (ANN, BOB, dana))
    )
    for number, (files, expected) in enumerate(
        (([first, second, taken_out], VISITS[:1]), ([first, taken_out], []), ([first, second, cancelled], []))
    ):
        root = example(tmp_path / str(number))
        put(root, [(f"ics/{n}.ics", data) for n, data in enumerate(files)])
        increment(root, AS_OF)
        assert held(root) == expected
