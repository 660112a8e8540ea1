"""Framing: every record of a file comes out once, whole, whatever its neighbours look like."""

from __future__ import annotations

import io
import json
import mailbox
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Ignored
from transforms.frames import chunks, json_records
from transforms.records import BadFrame, frames, records
from transforms.sources import Context, Framing, SourceSpec


class Dribble(io.BytesIO):
    """A stream that gives a few bytes at a time, so that every record straddles a border."""

    step = 7

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.step)


def split(data: bytes, framing: Framing = "json") -> list[bytes | BadFrame]:
    """Frames, the same however the stream is cut."""
    whole = list(frames(io.BytesIO(data), "file", framing))
    assert list(frames(Dribble(data), "file", framing)) == whole
    return whole


def fault(frame: bytes | BadFrame) -> tuple[bytes, str]:
    assert isinstance(frame, BadFrame)
    return frame.data, frame.reason_code


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    for module in ("chunks", "json_records", "mail_records", "ics_records"):
        monkeypatch.setattr(f"transforms.frames.{module}.FRAME_LIMIT", 200)
    monkeypatch.setattr(chunks, "CHUNK", 32)
    monkeypatch.setattr(json_records, "CHUNK", 32)
    monkeypatch.setattr(chunks, "SHOWN", 20)
    return 200


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \r\n\n\t", []),
        (b"[]", []),
        (b'{"a": 1}', [b'{"a": 1}']),
        (b'{\n  "a": [\n    1\n  ]\n}\n', [b'{\n  "a": [\n    1\n  ]\n}']),
        (b'[{"a": 1}, {"b": "},{"}]\n', [b'{"a": 1}', b'{"b": "},{"}']),
        (b'[\n  {\n    "a": 1\n  },\n  {"b": 2}\n]', [b'{\n    "a": 1\n  }', b'{"b": 2}']),
        (b'{"a":1}\n\n{"b":2}\r\n{"c":3}', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
        (b'{"a":1}{"b":2} {"c":3}', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
        (b'{\n"a":1\n}\n{\n"b":2\n}', [b'{\n"a":1\n}', b'{\n"b":2\n}']),
        (b'[{"a":1}]\n[{"b":2},{"c":3}]\n', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
        (b'[\n{"a":1}\n]\n[\n{"b":2}\n]\n{"c":3}', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
        (b'\xef\xbb\xbf{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
    ],
)
def test_json_shapes(data: bytes, expected: list[bytes]) -> None:
    """Objects, arrays, lines and values one after another come out as their original bytes."""
    assert split(data) == expected


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_with_a_mark_is_decoded(encoding: str) -> None:
    """A UTF-16 file with a byte order mark gives UTF-8 records."""
    assert split('\ufeff[{"a": "\N{GRINNING FACE}"}]'.encode(encoding)) == ['{"a": "\N{GRINNING FACE}"}'.encode()]


def test_a_bad_line_is_its_own_record() -> None:
    """A line that is no JSON is handed on for the adapter to reject, and its neighbours are whole."""
    lines = [b'{"a":1}', b'{"b": tru', b'{"c": [', b'{"d":4}', b"garbage {", b'{"e": "x', b'{"f":6}', b'{"g": 7'] * 3
    assert split(b"\n".join(lines)) == lines


def test_a_cut_off_indented_object_is_one_fault() -> None:
    """A truncated object over several lines is one fault, not one for each line, and the next object survives."""
    first, second = split(b'{\n  "a": {\n    "b": 1,\n{\n  "c": 2\n}\n')
    assert fault(first) == (b'{\n  "a": {\n    "b": 1,', "truncated")
    assert second == b'{\n  "c": 2\n}'


def test_an_indented_object_with_an_error_is_one_record() -> None:
    """An error inside an indented object, or a string over two lines, leaves it one record for the adapter."""
    data = b'{\n  "a": "one\ntwo",\n  "b": 1,\n}\n'
    assert split(data + b'{"c":3}') == [data.strip(), b'{"c":3}']


@pytest.mark.parametrize(
    ("array", "good", "bad"),
    [
        (b'[{"a":1}, {"b": nan}, {"c":3}]', [b'{"a":1}', b'{"c":3}'], [b'{"b": nan}']),
        (b'[{"a":1}, {"b": , {"c":3}]', [b'{"a":1}', b'{"c":3}'], [b'{"b":']),
        (b'[{"a":1}, {"b": "x}, {"c":3}, {"d":4}]', [b'{"a":1}', b'{"c":3}', b'{"d":4}'], [b'{"b": "x}']),
        (b'[{"a":1}, {"b": [1, 2}, {"c":3}]', [b'{"a":1}', b'{"c":3}'], [b'{"b": [1, 2}']),
        (b'[{"a":1}, {"a": [{"b":2}, {"a":3}, {"a":4}]', [b'{"a":1}', b'{"a":3}', b'{"a":4}'], [b'{"a": [{"b":2}']),
        (b'[{"a":1}, undefined, {"c":3}]', [b'{"a":1}', b'{"c":3}'], [b"undefined"]),
        (b'[{"a":1} {"c":3}]', [b'{"a":1}', b'{"c":3}'], []),
        (b'[{"a":1},\n{"b": "cut', [b'{"a":1}'], [b'{"b": "cut']),
        (b'[{"a":1},\n{"c":3},', [b'{"a":1}', b'{"c":3}'], []),
        (b'[{"a":{"x":[1,,2]}},{"c":3}]{"d":4}', [b'{"c":3}', b'{"d":4}'], [b'{"a":{"x":[1,,2]}}']),
    ],
)
def test_one_bad_element_takes_no_other_down(array: bytes, good: list[bytes], bad: list[bytes]) -> None:
    """Of a damaged array every whole element comes out, and what is damaged comes out once."""
    got = split(array)
    assert [one for one in got if isinstance(one, bytes) and json_records.is_value(one)] == good
    left = [one.data if isinstance(one, BadFrame) else one for one in got]
    assert [one for one in left if one not in good] == bad


def test_a_line_above_the_limit_is_a_fault(small_limit: int) -> None:
    """A line that would not fit is a fault with its first bytes, and the lines after it go on."""
    data = b'{"a":1}\n{"b": "' + b"x" * 3 * small_limit + b'"}\n{"c":3}\n'
    first, second, third = split(data)
    assert (first, third) == (b'{"a":1}', b'{"c":3}')
    assert fault(second)[1] == "too_large"
    assert fault(second)[0].startswith(b'{"b": "xxx')


def test_an_array_above_the_limit_is_read_element_by_element(small_limit: int) -> None:
    """An array larger than what may be held gives all its elements."""
    elements = [b'{"n":%d}' % n for n in range(100)]
    assert split(b"[" + b", ".join(elements) + b"]") == elements


def test_line_json_is_not_read_ahead() -> None:
    """The first record comes out after a chunk or two, not after the whole file."""
    stream = io.BytesIO(b'{"a": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}\n' * 400_000)
    assert next(iter(frames(stream, "big", "json"))).startswith(b'{"a"')
    assert stream.tell() <= 2 * chunks.CHUNK


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), json_values, max_size=4)


@given(st.lists(objects, max_size=6), st.sampled_from([None, 0, 2]), st.booleans())
@settings(max_examples=100)
def test_any_layout_of_objects_gives_each_once(values: list[object], indent: int | None, as_array: bool) -> None:
    """However objects are laid out in a file, each comes out once and in order."""
    data = json.dumps(values, indent=indent) if as_array else "\n".join(json.dumps(v, indent=indent) for v in values)
    assert [msgspec.json.decode(one) for one in split(data.encode())] == values


@given(st.binary(max_size=80) | st.text('{}[]",:\\\n a1', max_size=60).map(str.encode))
@settings(max_examples=300)
@pytest.mark.parametrize("framing", ["json", "lines"])
def test_any_bytes_can_be_framed(framing: Framing, data: bytes) -> None:
    """No bytes raise, nothing comes out empty, and every character that is no separator comes out."""
    got = list(frames(io.BytesIO(data), "file", framing))
    pieces = [one.data if isinstance(one, BadFrame) else one for one in got]
    assert all(piece.strip() for piece in pieces)
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff") and data.lstrip()[:1] not in (b"[", b"") and b"\n[" not in data:
        dropped = set(data) - set(b"".join(pieces)) - set(b" \t\r\n\x0b\x0c,[]\xef\xbb\xbf")
        assert not dropped


# --- lines ------------------------------------------------------------------------------------------------------------


def test_lines_are_records_and_blank_ones_are_none() -> None:
    """One record a line, CRLF or LF, with tabs at its ends kept."""
    assert split(b"a\tb\t\r\n\r\n  \nc\td", "lines") == [b"a\tb\t", b"c\td"]


def test_lines_that_begin_with_a_bracket_are_json() -> None:
    """A file that begins with a bracket is JSON, whatever white space comes first."""
    assert split(b' \n[{"a":1},{"b":2}]', "lines") == [b'{"a":1}', b'{"b":2}']


# --- mail -------------------------------------------------------------------------------------------------------------

MBOX = b"""From ann@example.com Thu Mar  5 10:00:00 2026
Subject: one

Hello.

>From the start it was good.
>>From deep.

From now on we meet on Fridays.

From Russia with love
Year: 1963

From bob at example.org  Thu Mar  5 11:00:00 2026
Subject: two

Bye.
"""


def test_an_mbox_is_split_at_separators_only() -> None:
    """Prose that begins with "From" after an empty line is no new message, and escaped lines lose one bracket."""
    first, second = split(MBOX, "mail")
    assert first.startswith(b"From ann@example.com Thu Mar  5 10:00:00 2026\nSubject: one\n\nHello.\n")
    assert b"\nFrom the start it was good.\n>From deep.\n" in first
    assert first.endswith(b"From Russia with love\nYear: 1963\n")
    assert second == b"From bob at example.org  Thu Mar  5 11:00:00 2026\nSubject: two\n\nBye.\n"


def test_a_file_that_is_no_mbox_is_one_message() -> None:
    """A message with CRLF lines stays as it is, byte for byte."""
    message = b"Subject: one\r\n\r\nHello\r\n\r\nFrom ann@example.com Thu Mar  5 10:00:00 2026\r\nX: y\r\n"
    assert split(message, "mail") == [message]


def with_length(length: int, body: bytes) -> bytes:
    return b"From a@example.com Thu Mar  5 10:00:00 2026\nContent-Length: %d\n\n%s" % (length, body)


FORWARDED = b"See below\n\nFrom x@example.com Thu Mar  5 09:00:00 2026\nSubject: inner\n\nInner\n"


def test_a_right_content_length_is_honoured() -> None:
    """A body may hold a separator's likeness if its length says so and the file agrees."""
    data = with_length(len(FORWARDED), FORWARDED) + b"\n" + with_length(4, b"Bye\n")
    first, second = split(data, "mail")
    assert first == with_length(len(FORWARDED), FORWARDED)
    assert second == with_length(4, b"Bye\n")


@pytest.mark.parametrize("wrong", [1, 12, 70, 100_000])
def test_a_wrong_content_length_is_not(wrong: int) -> None:
    """A length that leads elsewhere than to a separator or the end loses no message."""
    data = with_length(wrong, FORWARDED) + b"\n" + with_length(4, b"Bye\n")
    assert len(split(data, "mail")) == 3


def test_too_large_a_message_is_a_fault(small_limit: int) -> None:
    """A message above the limit is a fault, and the next one is whole."""
    head = b"From a@example.com Thu Mar  5 10:00:00 2026\nSubject: x\n\n"
    first, second = split(head + b"line\n" * small_limit + b"\n" + head + b"short\n", "mail")
    assert fault(first)[1] == "too_large"
    assert second == head + b"short\n"


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("mbox_mimekit/content-length.mbox.txt", 29),
        ("mbox_mimekit/issue1189.mbox.txt", 4),
        ("mbox_mimekit/unmunged.mbox.txt", 2),
        ("mbox_mimekit/simple.mbox.txt", None),
        ("mbox_mime4j/test-1__mbox.rlug", 5),
        ("mbox_perceval_pipermail/pipermail_2015_november.mbox", None),
        ("mbox_perceval_hyperkitty/hyperkitty_2016_april.mbox", None),
        ("mbox_bigbang/2001-November.txt", None),
    ],
)
def test_real_mboxes(real_dir: Path, name: str, count: int | None) -> None:
    """Real mboxes give the number of messages that is known, or that the standard library finds."""
    path = real_dir / "email" / name
    with path.open("rb") as stream:
        got = list(frames(stream, name, "mail"))
    assert all(isinstance(one, bytes) and one.startswith(b"From ") for one in got)
    assert len(got) == (count or len(mailbox.mbox(path, create=False)))


# --- iCalendar --------------------------------------------------------------------------------------------------------


def calendar(*parts: str, head: str = "VERSION:2.0\nPRODID:-//test//EN") -> bytes:
    return "\n".join(["BEGIN:VCALENDAR", head, *parts, "END:VCALENDAR", ""]).encode()


def vevent(uid: str, extra: str = "DTSTART:20260305T100000Z") -> str:
    return f"BEGIN:VEVENT\nUID:{uid}\n{extra}\nEND:VEVENT"


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


ZONE = "BEGIN:VTIMEZONE\nTZID:Custom/{0}\nBEGIN:STANDARD\nDTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE"


def test_each_component_is_a_calendar_of_its_own() -> None:
    """Every component comes with the calendar's properties and only the zones that it names, before or after it."""
    data = calendar(
        vevent("1", 'DTSTART;TZID="Custom/A":20260305T100000'),
        ZONE.format("A"),
        ZONE.format("B"),
        vevent("2"),
        vevent("3", "DTSTART;TZID=Cus\n tom/B:20260305T100000"),
        "BEGIN:VTODO\nUID:4\nEND:VTODO",
        head="METHOD:REQUEST",
    )
    two, three, four, one = split(data, "ics")  # the first had to wait for its zone
    assert two == crlf(f"BEGIN:VCALENDAR\nMETHOD:REQUEST\n{vevent('2')}\nEND:VCALENDAR\n")
    assert [b"Custom/A" in one, b"TZID:Custom/A" in one, b"Custom/B" in one] == [True, True, False]
    assert b"TZID:Custom/B" in three
    assert b"UID:4" in four
    assert {frame.count(b":VCALENDAR\r\n") for frame in (one, two, three, four)} == {2}


def test_several_calendars_with_stray_text() -> None:
    """Calendars do not share properties, words around them do no harm, and lower-case keywords count."""
    data = b"hello\n" + calendar(vevent("1"), head="X-WR-TIMEZONE:Europe/Berlin") + b"stray\n"
    data += calendar(vevent("2"), head="METHOD:PUBLISH").replace(b"BEGIN", b"begin").replace(b"END", b"end")
    first, second = split(data, "ics")
    assert b"X-WR-TIMEZONE" in first
    assert b"METHOD" not in first
    assert b"X-WR-TIMEZONE" not in second
    assert b"METHOD" in second
    assert b"UID:2" in second


def test_a_component_without_an_end_is_a_fault() -> None:
    """An event without END is a fault, and the event that follows is whole."""
    data = calendar("BEGIN:VEVENT\nUID:1", vevent("2"), "BEGIN:VEVENT\nUID:3\nBEGIN:VALARM")
    first, second, third = split(data, "ics")
    assert fault(first) == (b"BEGIN:VEVENT\nUID:1", "truncated")
    assert isinstance(second, bytes)
    assert b"UID:2" in second
    assert fault(third)[1] == "truncated"


def test_what_a_file_is_cut_off_in_comes_last() -> None:
    """An event that waits for its time zone stands before the one without an END, as in the file."""
    waiting = vevent("1", "DTSTART;TZID=Mars/Base:20260305T100000")
    first, second = split(calendar(waiting, "BEGIN:VEVENT\nUID:2").removesuffix(b"END:VCALENDAR\n"), "ics")
    assert isinstance(first, bytes)
    assert fault(second)[1] == "truncated"


def test_an_alarm_without_an_end_is_closed() -> None:
    """An inner component without END is closed where its event ends."""
    (only,) = split(calendar("BEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nACTION:DISPLAY\nEND:VEVENT"), "ics")
    assert b"END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR" in only


def test_an_empty_calendar_is_one_record() -> None:
    """A calendar without components is a record; a file without a calendar is a fault; an empty file is nothing."""
    (only,) = split(calendar(), "ics")
    assert isinstance(only, bytes)
    assert only.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    (page,) = split(b"<html>not found</html>\n", "ics")
    assert fault(page) == (b"<html>not found</html>", "malformed_ics")
    (cut,) = split(b"BEGIN:VCALENDAR\nVERSION:2.0\n", "ics")
    assert fault(cut)[1] == "truncated"
    assert split(b"\n\n", "ics") == []


def test_an_event_without_a_calendar_is_wrapped() -> None:
    """A bare VEVENT is a record."""
    assert split(vevent("1").encode(), "ics") == [crlf(f"BEGIN:VCALENDAR\n{vevent('1')}\nEND:VCALENDAR\n")]


def test_too_large_a_component_is_a_fault(small_limit: int) -> None:
    """A component above the limit is a fault, by many lines or by one, and its neighbours are whole."""
    many, one = "X-A:b\n" * small_limit + "X:y", "ATTACH:" + "x" * 2 * small_limit
    got = split(calendar(vevent("1"), vevent("2", many), vevent("3", one), vevent("4")), "ics")
    reasons = [fault(frame)[1] if isinstance(frame, BadFrame) else None for frame in got]
    assert reasons == [None, "too_large", "too_large", None]


def test_real_calendars(real_dir: Path) -> None:
    """Of every real calendar as many events come out as begin in it, each balanced."""
    paths = sorted((real_dir / "in_person").glob("ics_*/*.ics"))
    assert len(paths) > 200
    for path in paths:
        data = path.read_bytes()
        got = list(frames(io.BytesIO(data), path.name, "ics"))
        begun = sum(1 for line in data.splitlines() if line.strip() == b"BEGIN:VEVENT" and not line.startswith(b" "))
        if "custom_component" not in path.name:
            events = [one for one in got if not isinstance(one, BadFrame) and b"\r\nBEGIN:VEVENT" in one]
            assert len(events) == begun, path.name


def test_twenty_thousand_events_are_quick() -> None:
    """An export of 12 MB takes less than a second and a half of a processor (about 0.2 s), whatever else the machine does."""
    body = "\n".join(["DTSTART:20260305T100000Z"] + ["DESCRIPTION:" + "x" * 60] * 7)
    data = calendar(*(vevent(str(n), body) for n in range(20_000)))
    began = time.process_time()
    count = sum(1 for _ in frames(io.BytesIO(data), "big", "ics"))
    assert count == 20_000
    assert time.process_time() - began < 1.5


# --- records ----------------------------------------------------------------------------------------------------------


def spec(framing: Framing = "json") -> SourceSpec:
    def explode(frame: bytes, context: Context) -> Iterator[bytes]:
        for part in msgspec.json.decode(frame, type=dict[str, list[msgspec.Raw]])["batch"]:
            yield bytes(part)

    return SourceSpec("s", "S", "app", "1", framing, lambda data, context: Ignored("x"), (), explode)


def test_records_are_what_an_adapter_makes_of_a_frame() -> None:
    """A frame with several records is split; one that cannot be read stays whole for the adapter to reject."""
    data = b'{"batch": [{"a":1}, {"b":2}]}\n{"batch": 3}\nnonsense\n'
    got = list(records(spec(), io.BytesIO(data), Context(name="f")))
    assert got == [b'{"a":1}', b'{"b":2}', b'{"batch": 3}', b"nonsense"]
