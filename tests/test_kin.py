"""One person's app sessions, visits and calls, whichever of the identifiers that they are known by each event has (semantics 1.3, 1.5)."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest
from test_rebinding import profile
from test_series import calendar
from workspaces import contents, example, increment, put, snapshot

from pipelines.workspace import Workspace
from warehouse.store import Store

Item = tuple[str, bytes]


def page(number: int, when: str, **said: object) -> Item:
    told = {"type": "page", "messageId": f"m{number}", "timestamp": f"2026-03-20T{when}:00Z", "properties": {}}
    told["context"] = {"page": {"path": "/x"}, **said.pop("context", {})}  # type: ignore[dict-item]
    return f"segment/{number}.json", json.dumps(told | said).encode()


BY_ADDRESS = {"context": {"traits": {"email": "bea.winter@northfield.example"}}}
ITEMS = [
    page(1, "09:00", userId="bea-17"),
    page(2, "09:10", userId="bea-mobile"),
    page(3, "09:20", userId="bea-17"),
    page(4, "09:30", anonymousId="tablet", **BY_ADDRESS),
    page(5, "09:40", userId="bea.winter+work@northfield.example"),
    page(6, "09:15", userId="somebody-else"),
]


def known(root: Path, ids: str) -> None:
    """Bea's ids in the directory."""
    people = root / "inbox" / "crm" / "people.csv"
    people.write_text(people.read_text().replace("segment:bea-17;slack:U0BEA;", f"{ids};slack:U0BEA;"))


def sessions(root: Path) -> list[tuple[str, int]]:
    """(who, how many events) of each."""
    with snapshot(root, published=False) as connection:
        return connection.execute(
            """SELECT coalesce(p.person_id, 'nobody'), count(*) FROM fact_touchpoint t JOIN bridge_touchpoint_event USING (touchpoint_id)
               JOIN fact_touchpoint_participant p USING (touchpoint_id) WHERE participant_seq = 0 OR participation_role = 'actor'
               GROUP BY t.touchpoint_id, 1 ORDER BY ALL"""
        ).fetchall()


@pytest.mark.parametrize("order", [*permutations(range(3))][::2])
def test_a_session_of_one_person_by_several_ids(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Whatever is landed when, and in one run."""
    whole, split = example(tmp_path / "whole"), example(tmp_path / "split")
    for root in (whole, split):
        known(root, "segment:bea-17;segment:bea-mobile")
    put(whole, ITEMS)
    increment(whole)
    assert sessions(whole) == [("B1", 5), ("nobody", 1)]
    for part in order:
        put(split, ITEMS[part::3])
        increment(split)
    with snapshot(whole, published=False) as at_once, snapshot(split, published=False) as by_turns:
        assert contents(at_once) == contents(by_turns)


def test_an_alias_may_name_a_device_of_no_system(tmp_path: Path) -> None:
    """An anonymous id that ``aliases.csv`` gives to Bea, without saying whose cookie it is."""
    root = example(tmp_path)
    with (root / "inbox" / "crm" / "aliases.csv").open("a") as file:
        file.write("anonymous_id,phone-9,B1\n")
    put(root, [page(1, "09:00", userId="bea-17"), page(2, "09:10", anonymousId="phone-9")])
    increment(root)
    assert sessions(root) == [("B1", 2)]


def test_the_directory_may_learn_and_forget_an_id(tmp_path: Path) -> None:
    """Then all sessions are folded again by what it says now."""
    root = example(tmp_path)
    put(root, ITEMS)
    increment(root)
    assert sessions(root) == [("B1", 4), ("nobody", 1), ("nobody", 1)]
    known(root, "segment:bea-17;segment:bea-mobile")
    increment(root)
    assert sessions(root) == [("B1", 5), ("nobody", 1)]
    people = root / "inbox" / "crm" / "people.csv"
    people.write_text(people.read_text().replace("segment:bea-mobile;", ""))
    increment(root)
    assert sessions(root) == [("B1", 4), ("nobody", 1), ("nobody", 1)]


SAM, BEA, ALIAS, UNLISTED = (
    "sam.reyes@vendor.example",
    *(f"{one}@northfield.example" for one in ("bea.winter", "bwinter", "bea")),
)
CLOCK = "20260310T{}00Z"


def visit(uid: str, start: str, end: str, address: str) -> Item:
    """A plan for a place on one day; who plans it is nobody's neighbour."""
    people = (f"ORGANIZER:mailto:{uid}@vendor.example", f"ATTENDEE:mailto:{address}")
    text = calendar(f"DTSTART:{CLOCK.format(start)}", f"DTEND:{CLOCK.format(end)}", people=people)
    return f"ics/{uid}.ics", text.replace(b"UID:weekly", f"UID:{uid}".encode())


def visits(address: str) -> list[Item]:
    """Two of Bea's, half an hour from each other."""
    return [visit("first", "1000", "1100", BEA), visit("second", "1130", "1200", address)]


def held(root: Path) -> int:
    with snapshot(root, published=False) as connection:
        return len(connection.execute("SELECT 1 FROM fact_touchpoint WHERE status = 'held'").fetchall())


def same(one: Path, other: Path) -> bool:
    with snapshot(one, published=False) as ours, snapshot(other, published=False) as theirs:
        return contents(ours) == contents(theirs)


@pytest.mark.usefixtures("no_marts")
def test_visits_of_one_buyer_by_two_addresses_are_one(tmp_path: Path) -> None:
    """In whichever order they are landed, as long as the directory says so."""
    whole = example(tmp_path / "whole")
    put(whole, visits(ALIAS))
    increment(whole)
    assert held(whole) == 1
    for name, order in (("on", visits(ALIAS)), ("back", visits(ALIAS)[::-1])):
        root = example(tmp_path / name)
        for item in order:
            put(root, [item])
            increment(root)
        assert same(root, whole)
    aliases = whole / "inbox" / "crm" / "aliases.csv"
    known = aliases.read_text()
    for text, count in ((known.replace(ALIAS, "other@northfield.example"), 2), (known, 1)):
        aliases.write_text(text)
        increment(whole)
        assert held(whole) == count


@pytest.mark.usefixtures("no_marts")
@pytest.mark.parametrize(("listed", "told"), [("bea.w", "beaw"), ("bea.w", "b.ea.w+x"), ("beaw", "be.aw")])
def test_spellings_of_one_mailbox_are_one_buyer(tmp_path: Path, listed: str, told: str) -> None:
    """Gmail does not read dots, nor what follows a plus: in visits as in the app."""
    root = example(tmp_path)
    people = root / "inbox" / "crm" / "people.csv"
    people.write_text(people.read_text().replace(BEA, f"{BEA};{listed}@gmail.com"))
    by_told = {"context": {"traits": {"email": f"{told}@gmail.com"}}}
    put(
        root,
        [*visits(f"{told}@gmail.com"), page(1, "09:00", userId="bea-17"), page(2, "09:10", userId="new", **by_told)],
    )
    increment(root)
    assert (held(root), sessions(root)) == (2, [("B1", 2)])


def call(user: str, *people: tuple[str, dict[str, str]]) -> list[Item]:
    """A report by Zoom of a call from ten past ten on, in which it knows some by its own ids."""
    found = []
    for number, (name, known_by) in enumerate(people):
        for act, minute in (("joined", "10"), ("left", "50")):
            who = {"user_id": name, "participant_uuid": name, "user_name": name, "email": "", "id": ""} | known_by
            who["join_time" if act == "joined" else "leave_time"] = f"2026-03-10T10:{minute}:00Z"
            about = {
                "uuid": f"{user}==",
                "id": "1",
                "topic": "Call",
                "start_time": "2026-03-10T10:10:00Z",
                "participant": who,
            }
            event = {
                "event": f"meeting.participant_{act}",
                "event_ts": 1773137400000 + number,
                "payload": {"object": about},
            }
            found.append((f"zoom/{user}-{number}-{act}.json", json.dumps(event).encode()))
    return found


@pytest.mark.usefixtures("no_marts")
def test_a_plan_by_addresses_is_the_call_of_the_same_two_by_native_ids(tmp_path: Path) -> None:
    """The directory knows both of each; nothing else ties the two."""
    root = example(tmp_path)
    people = root / "inbox" / "crm" / "people.csv"
    people.write_text(
        people.read_text().replace("slack:U0BEA", "slack:U0BEA;zoom:zB").replace("slack:U0SAM", "slack:U0SAM;zoom:zS")
    )
    plan = calendar(
        f"DTSTART:{CLOCK.format(1000)}",
        f"DTEND:{CLOCK.format(1100)}",
        people=(f"ORGANIZER:mailto:{SAM}", f"ATTENDEE:mailto:{BEA}"),
    ).replace(b"Northfield plant 2\\, 12 Mill Road", b"Microsoft Teams")
    put(root, [("ics/plan.ics", plan), *call("u", ("Sam", {"id": "zS"}), ("Bea", {"id": "zB"}))])
    increment(root)
    with snapshot(root, published=False) as connection:
        rows = connection.execute("SELECT status, account_id, subject_text FROM fact_touchpoint").fetchall()
    assert rows == [("held", "A1", "Call")]


@pytest.mark.usefixtures("no_marts")
def test_a_profile_may_tie_and_a_second_one_part(tmp_path: Path) -> None:
    """An address that a profile tells of Bea is hers, in visits and in the app, until another says that it is Tom's; each time as in one run."""
    by_address = {"context": {"traits": {"email": UNLISTED}}}
    steps = [
        [*visits(UNLISTED), page(1, "09:00", userId="bea-17"), page(2, "09:10", userId="new", **by_address), page(3, "09:20", userId="bea-17")],
        [profile("U0BEA", 1, email=UNLISTED)],
        [profile("U0TOM", 2, email=UNLISTED)],
    ]  # fmt: skip
    root, landed = example(tmp_path / "split"), []
    for number, (items, count) in enumerate(zip(steps, (2 + 2, 1 + 1, 2 + 2), strict=True)):
        landed += items
        put(root, items)
        increment(root)
        whole = example(tmp_path / f"whole{number}")
        put(whole, landed)
        increment(whole)
        assert held(root) == held(whole) == count
        assert same(root, whole)


@pytest.mark.usefixtures("no_marts")
def test_meetings_with_an_older_versions_keys_are_linked_again(tmp_path: Path) -> None:
    """What is landed after an upgrade meets what was landed before it."""
    root, whole = example(tmp_path / "upgraded"), example(tmp_path / "whole")
    first, second = visits(ALIAS)
    put(root, [first])
    increment(root)
    workspace = Workspace(root)
    with Store(workspace.warehouse, workspace.vault, workspace.fresh_scratch()) as store:
        store.connection.execute("UPDATE vault.edge SET b = hash(b)")
        store.set_mark("keys", None)
    put(root, [second])
    increment(root)
    put(whole, [first, second])
    increment(whole)
    assert held(root) == 1
    assert same(root, whole)
