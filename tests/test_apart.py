"""Elements of a list inside one record fail alone, in every source that has such lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from transforms import sources
from transforms.event import Reject
from transforms.frames.apart import MOST, Inner, taken_apart
from transforms.records import records_in
from transforms.sources import LARGEST_KEPT, Context, all_sources, parse_record

GOLDEN = Path(__file__).parent / "golden"
HERE = Context(name="x", until=4_000_000_000_000_000)


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.accept.json").read_text("utf-8"))["record"]


def verdicts(source: str, record: Any) -> list[int | str]:
    """Of each record that the payload falls into, how many events it gave, or why it was rejected."""
    found: list[int | str] = []
    for one in records_in(all_sources()[source], json.dumps(record).encode(), HERE):
        assert isinstance(one, bytes)
        try:
            found.append(len(parse_record(all_sources()[source], one, HERE)))  # type: ignore[arg-type]
        except Reject as reject:
            found.append(reject.reason_code)
    return found


def test_a_stay_without_its_call_spoils_no_other() -> None:
    """Google Meet: two stays in one activity; the one that names no call is rejected alone."""
    activity = golden("google_meet/two_stays_in_one_activity")
    assert verdicts("google_meet", activity) == [2]
    [one for one in activity["events"] if one["name"] == "call_ended"][-1]["parameters"] = []
    assert verdicts("google_meet", activity) == [1, "missing_field"]


def test_a_date_without_a_time_spoils_no_other() -> None:
    """Zoom: of a recurring meeting's dates the one that cannot be read is rejected alone."""
    webhook = golden("zoom/recurring_meeting_created")
    dates = webhook["payload"]["object"]["occurrences"]
    assert verdicts("zoom", webhook) == [len(dates)]
    dates[0]["start_time"] = "soon"
    assert verdicts("zoom", webhook) == [len(dates) - 1, "bad_timestamp"]
    for date in dates:
        date["start_time"] = "soon"
    assert verdicts("zoom", webhook) == ["bad_timestamp"] * len(dates)


def has_no_words(record: bytes) -> bool:
    data = json.loads(record)
    return not any(isinstance(one, str) for one in (*data["x"], *data.values()))


@pytest.mark.parametrize(
    ("record", "pieces"),
    [
        ({"x": [1, 2]}, [{"x": [1, 2]}]),
        ({"x": [1, "a", 2, "b"]}, [{"x": [1, 2]}, {"x": ["a"]}, {"x": ["b"]}]),
        ({"x": ["a", "b"]}, [{"x": ["a"]}, {"x": ["b"]}]),
        ({"x": ["a"]}, [{"x": ["a"]}]),
        ({"x": [1, "a"], "y": "bad"}, [{"x": [1, "a"], "y": "bad"}]),
        ({"x": [1, *["a"] * MOST]}, [{"x": [1, *["a"] * MOST]}]),
    ],
)
def test_what_stays_together(record: dict[str, Any], pieces: list[dict[str, Any]]) -> None:
    """The readable elements, each unreadable one alone; everything, where what is around the list is unreadable or it is very long."""
    found = taken_apart(json.dumps(record).encode(), [Inner(("x",))], has_no_words)
    assert [json.loads(piece) for piece in found] == pieces


def test_what_is_around_the_list_may_be_a_record_too() -> None:
    """Then it stays, though every element is bad."""
    found = taken_apart(b'{"x": ["a", "b"], "y": 1}', [Inner(("x",), is_all=False)], has_no_words)
    assert [json.loads(piece) for piece in found] == [{"x": [], "y": 1}, {"x": ["a"], "y": 1}, {"x": ["b"], "y": 1}]


WITH_LISTS = [name for name, spec in all_sources().items() if spec.lists]


@pytest.mark.parametrize("source", WITH_LISTS)
def test_a_record_is_read_once_and_says_what_it_says(source: str) -> None:
    """What the reading that looks for bad elements gave is what the record gives, whatever the clock; it is given away once."""
    spec, calls = all_sources()[source], []

    def counted(record: bytes, context: Context) -> Any:
        calls.append(record)
        return spec.parse(record, context)

    watched = msgspec.structs.replace(spec, parse=counted)
    later = msgspec.structs.replace(HERE, until=2**60)
    looked = 0
    for path in sorted((GOLDEN / source).glob("*.accept.json")):
        payload = json.dumps(json.loads(path.read_text("utf-8"))["record"]).encode()
        calls.clear()
        for record in records_in(watched, payload, HERE):
            before = len(calls)
            first, again = parse_record(watched, record, later), parse_record(watched, record, later)  # type: ignore[arg-type]
            assert first == again == parse_record(spec, record, HERE), path.name  # type: ignore[arg-type]
            looked += before > 0
            assert len(calls) == before + (1 if before else 2), path.name
    assert looked > 0


def test_a_time_zone_is_asked_for_again() -> None:
    """A reading without the source's zone is not what the record gives with it."""
    spec = all_sources()["zoom"]
    record = json.dumps(golden("zoom/recurring_meeting_created")).encode()
    parse_record(spec, record, HERE, keep=True)
    there = msgspec.structs.replace(HERE, zone="Asia/Tokyo")
    calls = []
    watched = msgspec.structs.replace(
        spec, parse=lambda data, context: calls.append(context) or spec.parse(data, context)
    )
    parse_record(watched, record, there)
    assert calls == [there]


def test_little_is_kept_of_what_is_read_twice() -> None:
    """Neither the pieces of a record that is taken apart, whose surroundings are in each, nor a large record."""
    spec = all_sources()["google_meet"]
    activity = golden("google_meet/two_stays_in_one_activity")
    activity["id"]["note"] = "x" * LARGEST_KEPT
    list(records_in(spec, json.dumps(activity).encode(), HERE))
    del activity["id"]["note"]
    [one for one in activity["events"] if one["name"] == "call_ended"][-1]["parameters"] = []
    kept = dict(sources._KEPT)
    assert len(list(records_in(spec, json.dumps(activity).encode(), HERE))) == 2
    assert kept == sources._KEPT
    assert all(len(record) <= LARGEST_KEPT for _, _, record in kept)
