"""Slack: what the golden cases cannot say."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_mutations import broken, verdict_is_sound
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Ignored, Reject
from transforms.sources import Context, parse_record
from transforms.sources.slack import SOURCE

FOLDERS = (
    "slack_bolt",
    "slack_events_sdk",
    "slack_export_viewer",
    "slack_webapi_perceval",
    "slack_webapi_sdk",
    "slack_interactive_sdk",
    "slack_rtm_clojurians",
)

# Block Kit fragments and option lists that an app sends to Slack, which lie in the folder by accident; templates whose
# every value is the empty string; and Web API samples cut down to a user without ``updated``, which Slack always sends.
EXPECTED_REJECTS = {
    ("slack_bolt", "unknown_type", "$.type"),
    ("slack_bolt", "missing_field", "$.type"),
    ("slack_events_sdk", "missing_field", "$.event.ts"),
    ("slack_events_sdk", "missing_field", "$.event.message.ts"),
    ("slack_events_sdk", "missing_field", "$.event.deleted_ts"),
    ("slack_events_sdk", "missing_field", "$.event.user.id"),
    ("slack_webapi_perceval", "missing_field", "$.user.updated"),
}


def frames(path: Path) -> Iterator[bytes]:
    text = path.read_text(encoding="utf-8")
    try:
        value = json.loads(text)
    except ValueError:
        yield from (line.encode() for line in text.splitlines() if line.strip())
    else:
        yield from (json.dumps(one).encode() for one in (value if isinstance(value, list) else [value]))


def records(path: Path, context: Context) -> Iterator[bytes]:
    assert SOURCE.explode is not None
    for frame in frames(path):
        yield from SOURCE.explode(frame, context)


def events_of(record: dict[str, object], name: str = "x") -> list[Event]:
    parsed = parse_record(SOURCE, json.dumps(record).encode(), Context(name=name))
    assert isinstance(parsed, list), parsed
    return parsed


def message(ts: str = "1772442000.000100", **fields: object) -> dict[str, object]:
    return {"type": "message", "user": "U0ANN0001", "text": "Hello", "ts": ts, **fields}


def envelope(event: dict[str, object]) -> dict[str, object]:
    return {"type": "event_callback", "team_id": "T0SELLER1", "event": event}


def test_history_is_split_into_its_messages() -> None:
    """A response of conversations.history is as many records as it has messages."""
    frame = json.dumps({"ok": True, "messages": [message("1772442000.000100"), message("1772442001.000100")]}).encode()
    context = Context(name="history/C0DEAL0001.json")
    assert SOURCE.explode is not None
    parts = list(SOURCE.explode(frame, context))
    parsed = [parse_record(SOURCE, part, context) for part in parts]
    assert [event.source_event_id for one in parsed if isinstance(one, list) for event in one] == [
        "C0DEAL0001/1772442000.000100",
        "C0DEAL0001/1772442001.000100",
    ]


@pytest.mark.parametrize("odd", [b"null", b"5", b'"U1"', b"[]"])
@pytest.mark.parametrize("name", [b"messages", b"members"])
def test_an_odd_element_of_a_response_fails_alone(name: bytes, odd: bytes) -> None:
    """As in an export's array: what stands beside it is read, and the odd one is rejected, not ignored."""
    good = json.dumps(message(channel="C0DEAL0001")).encode()
    frame = b'{"ok": true, "%s": [%s, %s, %s]}' % (name, good, odd, good)
    assert SOURCE.explode is not None
    assert list(SOURCE.explode(frame, Context(name="x"))) == [good, odd, good]
    assert list(SOURCE.explode(b'{"ok": true, "messages": [null]}', Context(name="x"))) == [b"null"]
    with pytest.raises(Reject, match="Expected `object`"):
        parse_record(SOURCE, odd, Context(name="x"))


@pytest.mark.parametrize(
    "frame",
    [
        b'{"ok": true, "messages": []}',
        b'{"ok": true, "members": ["U1", "U2"]}',
        b'{"ok": false, "messages": [{}]}',
        b'{"ok": true, "messages": 5}',
        b'{"ok": true, "messages": [',
        json.dumps(envelope(message(text='"ok" "messages"', channel="C0DEAL0001"))).encode(),
    ],
)
def test_other_frames_stay_whole(frame: bytes) -> None:
    """A frame that holds no list of records is one record, whatever it says."""
    assert SOURCE.explode is not None
    assert list(SOURCE.explode(frame, Context(name="x"))) == [frame]


@pytest.mark.parametrize(
    ("text", "first_line"),
    [
        ("<@U0SAM0001> thanks!", "thanks!"),
        ("<!here> <!subteam^S1|@sales>: Got it", "Got it"),
        ("<@U0SAM0001|sam>\nHi Sam,\nis <https://example.com/a|this> it?", "is this it?"),
        ("Thanks <@U0SAM0001>", "Thanks @U0SAM0001"),
        ("<#C0DEAL0001|deal> is done", "#deal is done"),
        ("<@U0SAM0001>", "@U0SAM0001"),
        ("Any news? <@U0SAM0001> <!here>", "Any news?"),
        ("<@U0SAM0001> any news? <@U0SUE0001>\nWe wait", "any news?"),
        ("Is it you? <@U0SAM0001> said so", "Is it you? @U0SAM0001 said so"),
    ],
)
def test_whom_a_message_calls_is_none_of_its_first_words(text: str, first_line: str) -> None:
    """A mention says to whom thanks or a question go, and takes nothing from their being that; the subject shows it."""
    event = events_of(message(text=text, channel="C0DEAL0001"))[0]
    assert event.first_line == first_line
    assert event.subject_text is not None
    assert event.subject_text.startswith(("@", "#", "Thanks", "Any news? @", "Is it you?"))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("*Is it done?*", "Is it done?"),
        ("*_Is it done?_*", "Is it done?"),
        ("*Agenda*: ~none~ _pricing_, <https://example.com/_a_|*this*>", "Agenda: none pricing, this"),
        ("_see my_file.txt_", "see my_file.txt"),
        ("5*3*2, a_b_c, **kwargs, __init__.py, 2 * 3 * 4, *nix and *bsd", None),
        ("see `*.py*`, `_a_` and https://example.com/_a_/b", None),
        ("* one", None),
    ],
)
def test_marks_of_bold_and_italic_are_no_words(text: str, plain: str | None) -> None:
    """A question in bold ends in its question mark; a mark inside a word, a path or code, or without its end, is one of the text's."""
    event = events_of(message(text=text, channel="C0DEAL0001"))[0]
    assert event.first_line == event.subject_text == (plain or text)
    assert event.content_chars == len(plain or text)


@pytest.mark.parametrize("piece", ["*a ", "*", " _a_a", "(*a*", "~ "])
def test_many_marks_cost_no_more_than_as_many_letters(piece: str) -> None:
    """A message may be 40,000 characters of openings that nothing closes."""
    started = time.process_time()
    events_of(message(text=piece * (40_000 // len(piece)), channel="C0DEAL0001"))
    assert time.process_time() - started < 2


def test_event_and_export_agree() -> None:
    """A message is the same event from the Events API and from an export whose folders are team and channel ids."""
    (live,) = events_of(envelope(message(channel="C0DEAL0001")))
    (dumped,) = events_of(message(), "T0SELLER1/C0DEAL0001/2026-03-02.json")
    assert dumped == live


def test_edit_is_the_same_from_event_and_export() -> None:
    """An edited message carries the same revision whether the edit was heard or found later."""
    edited = message(text="Hello again", edited={"user": "U0ANN0001", "ts": "1772442099.000000"})
    changed = {"type": "message", "subtype": "message_changed", "channel": "C0DEAL0001", "message": edited}
    (heard,) = events_of(envelope(changed))
    (found,) = events_of(edited, "T0SELLER1/C0DEAL0001/2026-03-02.json")
    assert heard == found
    assert heard.revision == 1_772_442_099


def test_export_keeps_one_conversation_in_one_source() -> None:
    """In an export of a shared channel, guests' messages stay in the conversation although their ``team`` differs."""
    (ours,) = events_of(message(team="T0SELLER1"), "deal-acme/2026-03-02.json")
    (theirs,) = events_of(message(team="T0BUYER001"), "deal-acme/2026-03-02.json")
    assert (ours.source, ours.conversation_id) == (theirs.source, theirs.conversation_id) == ("/slack", "deal-acme")


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Any bytes become events, Ignored or a Reject."""
    verdict_is_sound(SOURCE, data)


@settings(max_examples=150)
@given(broken("slack"))
def test_broken_payloads(data: bytes) -> None:
    """Payloads with fields dropped or of other types become events, Ignored or a Reject."""
    verdict_is_sound(SOURCE, data)


def test_deep_nesting_is_a_reject() -> None:
    """Nesting beyond the recursion limit is a reject, also where an event is only skipped over."""
    verdict_is_sound(SOURCE, b'{"type":"event_callback","event":{"type":"message","x":' + b"[" * 100_000)
    verdict_is_sound(SOURCE, b'{"ok":true,"messages":' + b"[" * 100_000)


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_payloads(real_dir: Path, folder: str) -> None:
    """Real payloads are read, and those that are rejected are known not to be Slack's or to lack what they must say."""
    root = real_dir / "chat" / folder
    if not root.is_dir():
        pytest.skip(f"no folder of real payloads at {root} (set TOUCHLOOP_REAL)")
    outcomes: Counter[str] = Counter()
    rejects: set[tuple[str, str, str | None]] = set()
    for path in sorted(p for p in root.iterdir() if p.suffix in {".json", ".txt"}):
        context = Context(name=f"{folder}/{path.name}")
        for record in records(path, context):
            try:
                parsed = parse_record(SOURCE, record, context)
            except Reject as reject:
                rejects.add((folder, reject.reason_code, reject.field_path))
            else:
                outcomes["ignored" if isinstance(parsed, Ignored) else parsed[0].family] += 1
    assert rejects == {known for known in EXPECTED_REJECTS if known[0] == folder}
    least = {"slack_bolt": 30, "slack_export_viewer": 147, "slack_webapi_perceval": 12, "slack_rtm_clojurians": 6606}
    assert outcomes["chat"] >= least.get(folder, 0), outcomes
