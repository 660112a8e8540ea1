"""Intercom: what the golden cases cannot say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from chat_mutations import broken, verdict_is_sound
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Ignored, Reject
from transforms.markup import html_plain
from transforms.records import records_in
from transforms.sources import Context, parse_record
from transforms.sources.intercom import SOURCE

BUYER = {"type": "user", "id": "57179c30", "name": "Ann Example", "email": "ann@example.com"}
SELLER = {"type": "admin", "id": "246810", "name": "Sam Seller", "email": "sam@seller.example"}
FIRST = {"id": "900", "body": "<p>Hello</p>", "author": BUYER}


def part(number: int, author: dict[str, str], **fields: object) -> dict[str, object]:
    return {
        "type": "conversation_part",
        "id": str(number),
        "part_type": "comment",
        "body": f"<p>part {number}</p>",
        "created_at": 1_772_442_000 + number,
        "author": author,
        **fields,
    }


def conversation(*parts: dict[str, object], first: str = "source", **fields: object) -> dict[str, object]:
    return {
        "type": "conversation",
        "id": "42",
        "created_at": 1_772_442_000,
        first: FIRST,
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "57179c30"}]},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": list(parts)},
        **fields,
    }


def webhook(item: dict[str, object]) -> dict[str, object]:
    return {"type": "notification_event", "app_id": "ws1", "topic": "conversation.user.replied", "data": {"item": item}}


def events_of(record: dict[str, object]) -> list[Event]:
    parsed = parse_record(SOURCE, json.dumps(record).encode(), Context(name="x"))
    assert isinstance(parsed, list), parsed
    return parsed


def exploded(record: dict[str, object]) -> list[bytes]:
    assert SOURCE.explode is not None
    return list(SOURCE.explode(json.dumps(record).encode(), Context(name="x")))


def test_the_operator_is_no_colleague() -> None:
    """The workspace's bot writes as an admin, with an address of Intercom's own."""
    bot = {"type": "admin", "id": "991", "name": "Operator", "email": "operator+abcd1234@intercom.io"}
    ann = {"type": "admin", "id": "992", "name": "Ann", "email": "ann@vendor.example"}
    sides = [told.parties[0].side for told in events_of(conversation(part(1, bot), part(2, ann)))[-2:]]
    assert sides == ["system", "seller"]


def test_lists_are_split() -> None:
    """A page of conversations or contacts is as many records as it has elements."""
    assert len(exploded({"type": "conversation.list", "conversations": [conversation(), conversation()]})) == 2
    assert len(exploded({"type": "list", "data": [BUYER, BUYER, BUYER]})) == 3


def test_a_conversation_is_not_split() -> None:
    """The lists inside a conversation do not make it a list."""
    record = conversation(part(1, SELLER))
    assert exploded(record) == [json.dumps(record).encode()]


def test_repeated_parts_are_equal() -> None:
    """A part says the same in every webhook and in the API, so that its repeats are duplicates."""
    one, two = events_of(webhook(conversation(part(1, SELLER)))), events_of(webhook(conversation(part(2, BUYER))))
    whole = events_of(conversation(part(1, SELLER), part(2, BUYER)))
    assert one[0] == two[0] == whole[0]
    assert [one[1], two[1]] == whole[1:]


def test_old_and_new_name_of_the_first_part_agree() -> None:
    """``conversation_message`` of the first API and ``source`` of the second are one message."""
    assert events_of(conversation(first="conversation_message")) == events_of(conversation(first="source"))


def test_first_message_precedes_parts_of_the_same_second() -> None:
    """Within one second the first message has the lowest sequence, whatever the ids."""
    first, second = events_of(conversation(part(1, SELLER, created_at=1_772_442_000)))
    assert first.occurred_at == second.occurred_at
    assert first.sequence is not None
    assert second.sequence is not None
    assert first.sequence < second.sequence


@pytest.mark.parametrize(
    ("body", "text", "links"),
    [
        ("<p>Plain</p>", "Plain", ()),
        ("<p>One</p>\n<p>Two &amp; three</p>", "One\n\n\nTwo & three", ()),
        ('<p><a href="https://a.example/x?y=1">https://a.example/x?y=1</a></p>', "https://a.example/x", ("https://a.example/x?y=1",)),
        ("<p>See https://a.example/x?y=1.</p>", "See https://a.example/x.", ("https://a.example/x?y=1",)),
        ("<p>Read it? https://a.example/x</p>", "Read it? https://a.example/x", ("https://a.example/x",)),
        ("<blockquote>Why?</blockquote><p>Because</p>", "Because", ()),
        ("<style>p{}</style><img src='https://img.example/1?w=2'>", "", ()),
        ("<![broken<p>text", "<![broken text", ()),
    ],
)  # fmt: skip
def test_html(body: str, text: str, links: tuple[str, ...]) -> None:
    """Bodies become their own text and their links; no query of a URL is left to look like a question."""
    assert html_plain(body) == (text, links)


@settings(max_examples=100)
@given(st.text(st.sampled_from("<>![]-/?&;#x\"'= apbdivscrtlockqu:h\n\x00"), max_size=80))
def test_any_html(body: str) -> None:
    """Any body is read, however broken its HTML."""
    text, links = html_plain(body)
    assert text is not None
    assert all("://" in link for link in links)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Any bytes become events, Ignored or a Reject."""
    verdict_is_sound(SOURCE, data)


@settings(max_examples=150)
@given(broken("intercom"))
def test_broken_payloads(data: bytes) -> None:
    """Payloads with fields dropped or of other types become events, Ignored or a Reject."""
    verdict_is_sound(SOURCE, data)


def test_deep_nesting_is_a_reject() -> None:
    """Nesting beyond the recursion limit is a reject, also inside a list of records."""
    verdict_is_sound(SOURCE, b'{"type":"conversation","x":' + b"[" * 100_000)
    verdict_is_sound(SOURCE, b'{"type":"list","data":' + b"[" * 100_000)


@pytest.mark.parametrize(("folder", "chat", "identity"), [("intercom_webhooks", 9, 7), ("intercom_openapi", 14, 4)])
def test_real_payloads(real_dir: Path, folder: str, chat: int, identity: int) -> None:
    """Every real payload is read; none is rejected."""
    root = real_dir / "chat" / folder
    if not root.is_dir():
        pytest.skip(f"no folder of real payloads at {root} (set TOUCHLOOP_REAL)")
    outcomes: Counter[str] = Counter()
    for path in sorted(root.iterdir()):
        for record in exploded(json.loads(path.read_text(encoding="utf-8"))):
            parsed = parse_record(SOURCE, record, Context(name=path.name))
            outcomes["ignored" if isinstance(parsed, Ignored) else parsed[0].family] += 1
    assert (outcomes["chat"], outcomes["identity"]) == (chat, identity), outcomes


def test_a_merge_is_no_repeat_of_an_update() -> None:
    """An update of the same contact in the same second does not make the merge a duplicate, which alone names the id that is gone."""
    contact = {"type": "contact", "id": "c-1", "email": "ann@buyer.example", "updated_at": 1_772_600_000}
    (update,) = events_of(contact)
    (merge,) = events_of({**contact, "merged_from": {"type": "contact", "id": "lead-1"}})
    assert update.source_event_id != merge.source_event_id
    assert "external_id:intercom:lead-1" in merge.parties[0].ids


def test_a_ticket_that_a_conversation_became_is_not_read_in_its_place() -> None:
    """Only ``ticket.closed`` wraps a ticket; in a conversation, whatever stands there is of no interest."""
    record = {**conversation(part(1, SELLER)), "ticket": {"type": "ticket", "id": 7, "category": {"odd": True}}}
    assert events_of(record) == events_of(conversation(part(1, SELLER)))


def test_a_bad_part_spoils_no_other() -> None:
    """Of a conversation's parts each fails alone: the others and the first message stay one record, with the same events."""
    bad = part(2, SELLER, created_at="garbage")
    for around in (webhook, lambda item: item):
        whole = around(conversation(part(1, SELLER), bad, part(3, BUYER)))
        good, alone = records_in(SOURCE, json.dumps(whole).encode(), Context(name="x"))
        assert isinstance(good, bytes)
        assert isinstance(alone, bytes)
        found = parse_record(SOURCE, good, Context(name="x"))
        assert found == events_of(around(conversation(part(1, SELLER), part(3, BUYER))))
        with pytest.raises(Reject, match="garbage"):
            parse_record(SOURCE, alone, Context(name="x"))
        assert b"part 2" in alone
        assert b"part 1" not in alone


def test_a_conversation_stays_whole_where_no_part_is_to_blame() -> None:
    """Neither one that can be read nor one whose own fields cannot; a time without a zone is a matter of the settings."""
    for item in (
        conversation(part(1, SELLER), part(2, BUYER)),
        conversation(part(1, SELLER), id=None),
        conversation(part(1, SELLER, created_at="2026-03-02T09:00:00"), part(2, BUYER)),
    ):
        data = json.dumps(webhook(item)).encode()
        assert list(records_in(SOURCE, data, Context(name="x"))) == [data]
