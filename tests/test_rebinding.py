"""Profiles that arrive after what their people said: whoever they make somebody else is derived again, and nobody else."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_directory import IDENTITY, directories, party
from workspaces import contents, example, increment, payloads, put, snapshot

from transforms.crm.directory import Directory
from transforms.crm.rows import Account, Crm, Person
from transforms.event import hash_id

BEA, TOM, INES, NEW = (f"{one}@northfield.example" for one in ("bea.winter", "tom.arden", "ines.calder", "ned.new"))
TAGGED, PLAIN = "ned.new+sales@gmail.com", "nednew@gmail.com"
Item = tuple[str, bytes]
_ids = st.sampled_from(("email:x@acme.test", "email:x@group.test", "email:x@gmail.com", "email:x+1@gmail.com", "email:y@beta.test",
                        "external_id:slack:1", "external_id:slack:2", "external_id:teams:9", "phone:+493012345678"))  # fmt: skip
_told = _ids | st.sampled_from(("account:A1", "account:A2", "account:nobody's"))
_bindings = st.lists(st.lists(_told, min_size=1, max_size=3).map(tuple), max_size=4)


@given(directories(), _bindings, st.lists(st.lists(_ids, min_size=1, max_size=3).map(tuple), min_size=1, max_size=30))
@settings(max_examples=200)
def test_what_other_bindings_change_is_named(
    given_rows: tuple[Crm, list[tuple[str, ...]]], more: list[tuple[str, ...]], parties: list[tuple[str, ...]]
) -> None:
    """Parties without an identifier that differs are who they were; so are the links and conflicts of all others."""
    rows, bindings = given_rows
    before, now = Directory.build(rows, IDENTITY, bindings), Directory.build(rows, IDENTITY, bindings + more)
    differing = now.differing(before)
    for ids in parties:
        if not differing.concerns(ids):
            assert now.profile_account([party(*ids)]) == before.profile_account([party(*ids)])
            for hint in (None, "A2"):
                assert now.party(party(*ids), account_hint=hint) == before.party(party(*ids), account_hint=hint)
    for one, other in ((before.links(), now.links()), (before.conflicts(), now.conflicts())):
        kept = [[row for row in rows if row.identifier_hash not in differing.identifiers] for rows in (one, other)]  # type: ignore[attr-defined]
        assert kept[0] == kept[1]
    assert before.differing(now) == differing
    assert not now.differing(now)


def slack(number: int, user: str, text: str, channel: str = "C9") -> Item:
    ts = f"{1772900000 + number * 86_400}.000000"
    event = {
        "type": "message",
        "channel": channel,
        "channel_type": "channel",
        "user": user,
        "text": text,
        "ts": ts,
        "team": "T9",
    }
    return _slack(f"m{number}", 1772900000 + number * 86_400, event)  # fmt: skip


def profile(user: str, number: int, **told: str) -> Item:
    when = 1772900000 + number
    return _slack(
        f"{user}-{number}", when, {"type": "user_change", "user": {"id": user, "updated": when, "profile": told}}
    )


def _slack(name: str, when: int, event: dict[str, Any]) -> Item:
    envelope = {"type": "event_callback", "team_id": "T9", "event_id": f"Ev{name}", "event_time": when, "event": event}
    return f"slack/{name}.json", json.dumps(envelope).encode()


def contact(native: str, number: int, **told: Any) -> Item:
    item = {"type": "contact", "id": native, "updated_at": 1772900000 + number, **told}
    told_of = {"type": "notification_event", "app_id": "w", "topic": "contact.user.created", "data": {"item": item}}
    return f"intercom/{native}-{number}.json", json.dumps(told_of).encode()


def conversation(number: int, native: str, email: str | None = None) -> Item:
    when = 1773000000 + number * 86_400
    author = {"type": "user", "id": native} | ({"email": email} if email else {})
    item = {
        "type": "conversation",
        "id": f"conv{number}",
        "created_at": when,
        "updated_at": when,
        "source": {"type": "conversation", "id": f"s{number}", "body": "<p>What does it cost?</p>", "author": author},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": native}]},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": []},
    }
    told = {"type": "notification_event", "app_id": "w", "topic": "conversation.user.created", "data": {"item": item}}
    return f"intercom/conv{number}.json", json.dumps(told).encode()


def mail(number: int, sender: str) -> Item:
    text = f"""From: {sender}\r\nTo: sam.ortiz@vendor.example\r\nSubject: Terms\r\nMessage-ID: <m{number}@x.example>
Date: Mon, {number} Mar 2026 10:00:00 +0000\r\n\r\nCould you send the terms?\r\n"""
    return f"email/{number}.eml", text.encode()


def _with_another_account(folder: Path) -> Path:
    root = example(folder)
    with (root / "inbox" / "crm" / "accounts.csv").open("a") as accounts:
        accounts.write("A2,Halden Mills,halden.example,S1,US\n")
    return root


def of_companies(*companies: str) -> dict[str, Any]:
    return {"type": "company.list", "companies": [{"type": "company", "company_id": one} for one in companies]}


SAID = [
    slack(1, "U7", "How does it compare?"),
    slack(2, "U8", "And what about security?"),
    slack(3, "U0BEA", "We liked the demo"),
    conversation(4, "c7"),
    conversation(5, "c8", NEW),
    mail(9, NEW),
    mail(10, TAGGED),
    mail(11, BEA),
]
PROFILES = [
    profile("U7", 1, email=TOM),
    profile("U7", 9, email=INES),  # two profiles name two people: bound to nobody
    profile("U8", 2, email=NEW),
    profile("U8", 3, email=BEA),
    profile("U0BEA", 4, email=TOM),  # the directory says another
    contact("c7", 5, email=PLAIN),
    contact("c7", 6, email=PLAIN, phone="+4930123456"),
    contact("c8", 7, email=NEW, phone="+4930123456"),
    contact("c9", 8, email=PLAIN, external_id="bea-17"),
    contact("c7", 10, companies=of_companies("A1")),
    contact("c8", 11, companies=of_companies("A1")),
    contact("c8", 12, companies=of_companies("A2")),  # two accounts at two times: none
]


@pytest.mark.parametrize("seed", range(6))
def test_profiles_before_and_after_give_the_same(tmp_path: Path, seed: int, request: pytest.FixtureRequest) -> None:
    """Whatever comes first, and in how many increments: the tables are those of one run over all of it, marts in some."""
    if seed > 1:
        request.getfixturevalue("no_marts")
    dice = random.Random(seed)
    items = [*dice.sample(SAID, dice.randint(4, len(SAID))), *dice.sample(PROFILES, dice.randint(3, len(PROFILES)))]
    found = []
    for name, parts in (("whole", 1), ("split", 5)):
        root = _with_another_account(tmp_path / name)
        put(root, payloads()[::3])
        dice.shuffle(items)
        for part in range(parts):
            put(root, items[part::parts])
            increment(root)
        with snapshot(root, published=False) as connection:
            found.append(contents(connection))
    for table, rows in found[0].items():
        assert found[1][table] == rows, table


def test_a_profile_concerns_its_own_events_only(tmp_path: Path) -> None:
    """A user who was unknown becomes a person we know: of all touchpoints, theirs are derived again."""
    root = example(tmp_path)
    put(root, [*payloads(), *SAID])
    before = increment(root).touchpoints
    put(root, [profile("U7", 1, email=TOM)])
    summary = increment(root)
    assert 0 < summary.touchpoints < before / 2
    with snapshot(root, published=False) as connection:
        said = connection.execute(
            """SELECT account_id, is_resolved FROM (
                 SELECT t.account_id, p.person_id = 'B2' AS is_resolved FROM fact_touchpoint t JOIN fact_touchpoint_participant p
                 USING (touchpoint_id) WHERE p.identifier_hash = ? AND p.participation_role = 'actor')""",
            [hash_id("external_id:slack:U7")],
        ).fetchall()
    assert said == [("A1", True)]
    put(root, [profile("U99", 2, email="nobody@elsewhere.example")])
    assert increment(root).touchpoints == 0
    put(root, [profile("U99", 3, email="nobody@elsewhere.example")])
    assert increment(root).touchpoints == 0


def _after(root: Path, query: str, *items: Item) -> list[tuple[Any, ...]]:
    """What the tables answer once these have landed, too."""
    put(root, list(items))
    increment(root)
    with snapshot(root, published=False) as connection:
        return connection.execute(query).fetchall()


def test_a_contact_of_one_company_tells_the_account(tmp_path: Path) -> None:
    """A1: of a conversation whose author nobody knows by address, before or after it; as long as there is one account only."""
    root = _with_another_account(tmp_path)
    who = hash_id("external_id:intercom:c7")
    authors = f"""SELECT t.account_id, t.account_resolution, t.actor_side, p.person_id FROM fact_touchpoint t
                  JOIN fact_touchpoint_participant p USING (touchpoint_id)
                  WHERE p.identifier_hash = '{who}' AND p.participation_role = 'actor'"""
    told = partial(_after, root, authors)
    assert told(conversation(4, "c7")) == [(None, "unresolved", "buyer", None)]
    assert told(contact("c7", 1, companies=of_companies("somewhere else"))) == [(None, "unresolved", "buyer", None)]
    assert told(contact("c7", 2, companies=of_companies("A1"))) == [("A1", "explicit", "buyer", None)]
    assert told(contact("c7", 3, companies=of_companies("A1", "somewhere else"))) == [("A1", "explicit", "buyer", None)]
    assert told(contact("c8", 4, companies=of_companies("A2"))) == [("A1", "explicit", "buyer", None)]
    assert told(contact("c7", 5, companies=of_companies("A2"))) == [(None, "unresolved", "buyer", None)]


def test_what_no_longer_holds_is_taken_out(tmp_path: Path) -> None:
    """A second profile names another person: the user is nobody's, with no link left, and the conflict says why."""
    root = example(tmp_path)
    who = hash_id("external_id:slack:U7")
    links = f"SELECT person_id FROM identity_link WHERE identifier_hash = '{who}'"
    conflicts = f"SELECT detail FROM identity_conflict WHERE identifier_hash = '{who}'"
    told = partial(_after, root, f"{links} UNION ALL {conflicts}")
    assert told(*SAID) == []
    assert told(profile("U7", 1, email=TOM)) == [("B2",)]
    assert told(profile("U7", 9, email=INES)) == [("its profiles name B2 and B3, so it is bound to nobody",)]


def test_a_profile_may_tell_of_a_conflict_otherwise() -> None:
    """Of two rows about the same people, one that the directory tells and one that a profile does, both are named as differing."""
    shared = "email:x@acme.test"
    people = [
        Person(person_id="C1", side="buyer", emails=(shared, "email:x@group.test"), account_id="A2"),
        Person(person_id="C2", side="buyer", emails=(shared,), account_id="A1"),
    ]
    rows = Crm(accounts=[Account(account_id="A1", domains=("acme.test",)), Account(account_id="A2")], people=people)
    before = Directory.build(rows, IDENTITY, [(shared,)])
    now = Directory.build(rows, IDENTITY, [(shared,), (shared, "email:x@group.test")])
    assert len({one.conflict_id for one in now.conflicts()}) == len(now.conflicts()) == len(before.conflicts()) + 1
    assert hash_id(shared) in now.differing(before).identifiers
