"""One person's app session, whichever of the identifiers that the directory knows them by each event has (semantics 1.3)."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest
from workspaces import contents, example, increment, put, snapshot

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
