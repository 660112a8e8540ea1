"""Folding and linking together: a group holds everything that its touchpoints need."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fold_world import AS_OF, ASSETS, CRM, DIRECTORY, RULES, SETTINGS, at, chat, email, page, witness
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fold_meeting import some_event
from test_golden import CASES, outcome

from transforms.crm.directory import Directory
from transforms.event import Event, Party, Witness
from transforms.folding.common import components
from transforms.folding.group import Folder
from transforms.folding.linking import OF_ONE_DAY, fold_key, link_keys, person_key, user_key
from transforms.times import MINUTE
from transforms.touchpoint import Folded

START = at("03-05 12:00")
IDS = ("external_id:segment:b1", "external_id:segment:zoe", "anonymous_id:segment:x", "anonymous_id:segment:y")

ALSO = {
    "email:b1@acme.example": ("external_id:slack:B1", "external_id:zoom:one", "email:b.one@gmail.com", "email:bo.ne+x@gmail.com"),
    "email:s1@ours.example": ("external_id:slack:S1", "email:shared@ours.example"),
    "email:s2@ours.example": ("external_id:slack:S2", "email:shared@ours.example"),
    "email:b2@acme.example": ("external_id:zoom:stranger", "email:stranger@acme.example"),
    "external_id:segment:b1": ("email:b1@acme.example", "external_id:slack:B1", "email:bone@gmail.com"),
    "external_id:segment:zoe": ("external_id:zoom:stranger", "email:stranger@acme.example"),
}  # fmt: skip
"""By what else somebody may be named; two sellers share an address, and of a stranger a profile tells it."""
OTHERS = ((Party((), "attendee", name="iPhone", attended=True),), (Party(("email:fred@fireflies.ai",), "attendee"),))
"""Who is nobody that two meetings could have in common."""
MORE = {"B1": "email:b.one@gmail.com", "S1": "email:shared@ours.example", "S2": "email:shared@ours.example"}
PROFILES = (
    ("external_id:zoom:one", "email:b1@acme.example"),
    ("external_id:zoom:stranger", "email:stranger@acme.example"),
)
PEOPLE = [
    msgspec.structs.replace(one, emails=(*one.emails, MORE[one.person_id])) if one.person_id in MORE else one
    for one in CRM.people
]
KNOWING = Directory.build(msgspec.structs.replace(CRM, people=PEOPLE), SETTINGS.identity, PROFILES)


def folder(directory: Directory = DIRECTORY) -> Folder:
    return Folder(directory, ASSETS, RULES, SETTINGS, AS_OF)


def ties(keys: set[str], directory: Directory) -> list[tuple[str, str]]:
    """Which of the keys the directory ties, as ``pipelines.deriving.kin`` tells it of their hashes."""
    found = []
    days = [(key[:2], *key[2:].rpartition("@")[::2], key) for key in keys if key.startswith(OF_ONE_DAY)]
    for whose, names in directory.several_names().items():
        found += [(user_key(app, one), person_key(app, whose)) for app in ("/segment", "/snowplow") for one in names]
        found += [(key, f"{kind}{whose}@{day}") for kind, who, day, key in days if who in names]
    return found


def groups(witnesses: list[Witness], directory: Directory = DIRECTORY) -> list[list[Witness]]:
    """Witnesses by connected component of their keys."""
    edges = [(fold_key(one.event), key) for one in witnesses for key in link_keys(one.event)]
    edges += ties({key for edge in edges for key in edge}, directory)
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


@st.composite
def of_many_names(draw: st.DrawFn) -> Event:
    """An event whose people are named by any of their identifiers."""
    event = draw(any_event())

    def respelled(party: Party) -> Party:
        return msgspec.structs.replace(
            party, ids=tuple(draw(st.sampled_from((one, *ALSO.get(one, ())))) for one in party.ids)
        )

    others = draw(st.sampled_from(((), (), *OTHERS))) if event.family in ("schedule", "attendance") else ()
    organizer = event.organizer and draw(st.sampled_from((event.organizer, *ALSO.get(event.organizer, ()))))
    hint = draw(st.sampled_from((None, None, "A1")))
    return msgspec.structs.replace(
        event, parties=(*map(respelled, event.parties), *others), organizer=organizer, account_hint=hint
    )


@settings(max_examples=150)
@given(st.lists(of_many_names(), max_size=12))
def test_people_of_several_names_are_looked_for_by_all_of_them(events: list[Event]) -> None:
    """Whichever of somebody's identifiers each event has, no touchpoint needs an event of another group."""
    witnesses = [witness(e) for e in {(e.source, e.source_event_id, e.revision): e for e in events}.values()]
    together = [folder(KNOWING).fold(witnesses)]
    apart = [folder(KNOWING).fold(group) for group in groups(witnesses, KNOWING)]
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
