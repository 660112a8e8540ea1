"""Folding and linking together: a group holds everything that its touchpoints need."""

from __future__ import annotations

from typing import Any

import pytest
from fold_world import at, chat, email, folder, page, witness
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fold_meeting import some_event
from test_golden import CASES, outcome

from transforms.event import Event, Witness
from transforms.fold_common import components
from transforms.linking import fold_key, link_keys
from transforms.times import MINUTE
from transforms.touchpoint import Folded

START = at("03-05 12:00")
IDS = ("external_id:segment:b1", "external_id:segment:zoe", "anonymous_id:segment:x", "anonymous_id:segment:y")


def groups(witnesses: list[Witness]) -> list[list[Witness]]:
    """Witnesses by connected component of their keys."""
    edges = [(fold_key(one.event), key) for one in witnesses for key in link_keys(one.event)]
    root_of = components([fold_key(one.event) for one in witnesses], edges)
    found: dict[str, list[Witness]] = {}
    for one in witnesses:
        found.setdefault(root_of[fold_key(one.event)], []).append(one)
    return list(found.values())


@st.composite
def any_event(draw: st.DrawFn) -> Event:
    """An event of any family out of a small world."""
    family = draw(st.sampled_from(["meeting", "email", "chat", "app"]))
    if family == "meeting":
        return draw(some_event())
    number, minute = draw(st.integers(0, 9)), draw(st.integers(0, 90))
    when = START + minute * MINUTE
    if family == "email":
        references = tuple(f"{n}@x" for n in draw(st.lists(st.integers(0, 9), max_size=2)))
        provider = draw(st.sampled_from([None, "t1"]))
        author = draw(st.sampled_from(["S1", "B1", "C1"]))
        return email(
            f"{number}@x",
            "03-05 12:00",
            author,
            ["S2"],
            references=references,
            conversation_id=provider,
            occurred_at=when,
        )
    if family == "chat":
        author, conversation = draw(st.sampled_from(["S1", "B1", "B2"])), draw(st.sampled_from(["C1", "C2"]))
        return chat(f"{number}", when, author, conversation, thread_id=draw(st.sampled_from([None, "0", "1"])))
    ids = tuple(draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2, unique=True)))
    return page(f"{number}", when, ids, source=draw(st.sampled_from(["/segment", "/snowplow"])))


def rows(folded: list[Folded], name: str) -> list[Any]:
    return sorted((row for one in folded for row in getattr(one, name)), key=repr)


@settings(max_examples=150)
@given(st.lists(any_event(), max_size=12))
def test_groups_folded_apart_give_what_they_give_together(events: list[Event]) -> None:
    """No touchpoint needs an event of another group: linking is wide enough for every rule of folding."""
    witnesses = [witness(e) for e in {(e.source, e.source_event_id, e.revision): e for e in events}.values()]
    together = [folder().fold(witnesses)]
    apart = [folder().fold(group) for group in groups(witnesses)]
    for name in ("touchpoints", "participants", "events", "accounts", "assets", "resolutions"):
        assert rows(apart, name) == rows(together, name)


@pytest.mark.parametrize("source", sorted({path.parent.name for path in CASES}))
def test_whatever_adapters_accept_folds(source: str) -> None:
    """All events of a source's golden cases fold, and every one that is described and no identity is a witness."""
    found = [outcome(path)[0] for path in CASES if path.parent.name == source and ".accept." in path.name]
    events = [event for one in found if isinstance(one, list) for event in one]
    witnesses = [witness(e) for e in {(e.source, e.source_event_id, e.revision): e for e in events}.values()]
    folded = folder().fold(witnesses)
    described = {(e.source, e.source_event_id) for e in events if e.family != "identity" and not e.is_void}
    expected = {one.event_id for one in witnesses if (one.event.source, one.event.source_event_id) in described}
    assert {row.event_id for row in folded.events} == expected
    assert folder().fold(witnesses[::-1]) == folded
