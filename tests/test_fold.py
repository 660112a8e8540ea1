"""Folding as a whole: the worked example of semantics 4.7 from native-looking events to touchpoints."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from fold_world import (
    AS_OF,
    ASSETS,
    CRM,
    RULES,
    SETTINGS,
    at,
    chat,
    email,
    fold,
    folder,
    only,
    page,
    party,
    people,
    plan,
    report,
    was,
    witness,
)

from transforms.crm.directory import Directory
from transforms.crm.rows import Account, Opportunity, Person, StageChange
from transforms.crm.stages import StageBook
from transforms.event import Event, Party
from transforms.folding.group import Folder
from transforms.jobs.rules import Rulebook
from transforms.journeys.reach import is_answer
from transforms.times import MINUTE
from transforms.touchpoint import Folded, Touchpoint

PI, SE, RB, SS, CC = (
    "problem_identification",
    "solution_exploration",
    "requirements_building",
    "supplier_selection",
    "consensus_creation",
)
SEGMENT_B1, SEGMENT_B2 = ("external_id:segment:b1",), ("external_id:segment:b2",)

STORY: dict[str, list[Event]] = {
    "T01": [page("e1", "03-02 09:10", SEGMENT_B1, "/cost-of-delay"), page("e2", "03-02 09:22", SEGMENT_B1, "/about")],
    "T02": [email("1@acme.example", "03-02 11:00", "B1", ["S1"], subject_text="What options do we have?")],
    "T03": [
        email(
            "2@ours.example",
            "03-02 15:30",
            "S1",
            ["B1"],
            subject_text="Re: What options do we have?",
            references=("1@acme.example",),
            links=("https://ours.example/files/overview.pdf?utm=x",),
        )
    ],
    "T04": [
        plan(
            "ical4",
            "03-05 14:00",
            "03-05 15:00",
            ["S1", "B1", "B2"],
            subject_text="Product demo",
            join_keys=("zoom:44",),
        ),
        report(
            "z4",
            "03-05 13:58",
            "03-05 15:02",
            [
                was("S1", "03-05 13:58", "03-05 15:02"),
                was("B1", "03-05 14:00", "03-05 15:00"),
                was("B2", "03-05 14:05", "03-05 15:00"),
            ],
            join_keys=("zoom:44",),
        ),
    ],
    "T05": [
        chat("1", "03-06 16:30", "B2", first_line="How do you compare with the others?", has_question=True),
        chat("2", "03-06 16:32", "B2"),
        chat("3", "03-06 16:34", "B2"),
    ],
    "T06": [chat("4", "03-09 09:30", "S1"), chat("5", "03-09 09:31", "S1")],
    "T07": [
        plan(
            "ical7",
            "03-11 10:00",
            "03-11 12:00",
            ["S1", "B1", "B2"],
            subject_text="Workshop",
            channel="in_person",
            place="Acme, room 4",
        )
    ],
    "T08": [
        email("8@acme.example", "03-12 13:00", "B1", ["S1"], subject_text="Could we have the comparison in writing?")
    ],
    "T09": [
        email(
            "9@ours.example",
            "03-31 10:00",
            "S1",
            ["B1"],
            subject_text="Re: Could we have the comparison in writing?",
            references=("8@acme.example",),
            attachments=("Comparison-2026.pdf",),
        )
    ],
    "T10": [
        report(
            "z10",
            "04-01 10:00",
            "04-01 10:45",
            [
                was("S1", "04-01 10:00", "04-01 10:45", "organizer"),
                was("B1", "04-01 10:00", "04-01 10:45"),
                was("B3", "04-01 10:00", "04-01 10:45"),
            ],
            subject_text="Business case with CFO",
        )
    ],
    "T11": [
        page("e3", "04-07 08:45", SEGMENT_B2, "/docs/integration"),
        page("e4", "04-07 09:05", SEGMENT_B2, "/about"),
    ],
    "T12": [email("12@acme.example", "04-09 15:00", "B1", ["S1"], subject_text="Thanks, back to you next week")],
}

EXPECTED = {
    "T01": ("app", "self_serve", "session", PI, 12.0, "09:10", "09:22"),
    "T02": ("email", "inbound", "message", SE, 5.0, "11:00", "11:00"),
    "T03": ("email", "outbound", "reply", SE, 2.5, "15:30", "15:30"),
    "T04": ("video", "mutual", "demo", SE, 60.0, "14:00", "15:00"),
    "T05": ("chat", "inbound", "message", SS, 3.0, "16:30", "16:34"),
    "T06": ("chat", "outbound", "reply", SS, 2.0, "09:30", "09:31"),
    "T07": ("in_person", "mutual", "workshop", RB, 120.0, "10:00", "12:00"),
    "T08": ("email", "inbound", "message", SS, 5.0, "13:00", "13:00"),
    "T09": ("email", "outbound", "reply", SS, 2.5, "10:00", "10:00"),
    "T10": ("video", "mutual", "meeting", CC, 45.0, "10:00", "10:45"),
    "T11": ("app", "self_serve", "session", RB, 20.0, "08:45", "09:05"),
    "T12": ("email", "inbound", "message", "unclassified", 5.0, "15:00", "15:00"),
}
DAY_OF = {
    "T01": "03-02",
    "T02": "03-02",
    "T03": "03-02",
    "T04": "03-05",
    "T05": "03-06",
    "T06": "03-09",
    "T07": "03-11",
    "T08": "03-12",
    "T09": "03-31",
    "T10": "04-01",
    "T11": "04-07",
    "T12": "04-09",
}


@pytest.fixture(scope="module")
def story() -> tuple[Folded, dict[str, Touchpoint]]:
    folded = fold(*(event for events in STORY.values() for event in events))
    assert len(folded.touchpoints) == 12
    return folded, dict(zip(STORY, folded.touchpoints, strict=True))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_worked_example_comes_out_of_its_events(name: str, story: tuple[Folded, dict[str, Touchpoint]]) -> None:
    """Channel, direction, kind, job, buyer minutes and interval of each touchpoint are those of 4.7."""
    row = story[1][name]
    channel, direction, kind, job, minutes, start, end = EXPECTED[name]
    assert (row.channel, row.direction, row.interaction_kind, row.buying_job) == (channel, direction, kind, job)
    assert row.buyer_minutes == minutes
    assert (row.occurred_at, row.ended_at) == (at(f"{DAY_OF[name]} {start}"), at(f"{DAY_OF[name]} {end}"))
    assert (row.account_id, row.opportunity_id, row.owner_seller_id) == ("A1", "O1", "S1")
    assert row.is_countable


def test_minutes_by_modality_are_those_of_m5m(story: tuple[Folded, dict[str, Touchpoint]]) -> None:
    """Digital 32, remote 130, in person 120 of 282 buyer minutes."""
    minutes: dict[str, float] = {}
    for row in story[0].touchpoints:
        minutes[row.modality] = minutes.get(row.modality, 0) + row.buyer_minutes
    assert minutes == {"digital_self_serve": 32.0, "remote_human": 130.0, "in_person": 120.0}


def test_questions_acks_and_tags_are_those_of_the_example(story: tuple[Folded, dict[str, Touchpoint]]) -> None:
    """T02, T05 and T08 ask, T12 only thanks; T05 and T08 name a competitor."""
    rows = story[1]
    assert {name for name, row in rows.items() if row.is_question} == {"T02", "T05", "T08"}
    assert {name for name, row in rows.items() if row.is_ack} == {"T12"}
    assert {name for name, row in rows.items() if "competitor" in row.tags and row.direction == "inbound"} == {
        "T05",
        "T08",
    }
    assert rows["T12"].tags == ["ack"]


def test_tiers_are_those_of_the_example(story: tuple[Folded, dict[str, Touchpoint]]) -> None:
    """The evidence behind each job: page, subject, asset, kind, thread."""
    confidence = {name: row.buying_job_confidence for name, row in story[1].items()}
    assert confidence == {
        "T01": 0.8,
        "T02": 0.6,
        "T03": 0.9,
        "T04": 0.7,
        "T05": 0.6,
        "T06": 0.5,
        "T07": 0.7,
        "T08": 0.6,
        "T09": 0.9,
        "T10": 0.7,
        "T11": 0.8,
        "T12": None,
    }


def test_who_is_engaged_are_the_actors_and_those_who_attended(story: tuple[Folded, dict[str, Touchpoint]]) -> None:
    """Evidence per buyer person is 7, 4 and 1, as M10 counts it; a recipient is only reached."""
    folded, rows = story
    engaged: dict[str, int] = {}
    for row in rows.values():
        for who, seat in people(folded, row).items():
            engaged[who] = engaged.get(who, 0) + seat.is_engaged
    assert {who: n for who, n in engaged.items() if n} == {"B1": 7, "B2": 4, "B3": 1}
    assert people(folded, rows["T10"])["B3"].is_executive is True
    assert people(folded, rows["T10"])["B3"].buyer_roles == ["economic_buyer"]
    assert not people(folded, rows["T03"])["B1"].is_engaged


def test_replies_name_their_parent_and_thread(story: tuple[Folded, dict[str, Touchpoint]]) -> None:
    """T03 answers T02, T06 answers T05, T09 answers T08, each in one thread with it."""
    rows = story[1]
    for reply, parent in (("T03", "T02"), ("T06", "T05"), ("T09", "T08")):
        assert rows[reply].in_reply_to == rows[parent].touchpoint_id
        assert rows[reply].thread_id == rows[parent].thread_id
    assert rows["T12"].in_reply_to is None


def test_every_event_is_a_witness_of_exactly_one_touchpoint(story: tuple[Folded, dict[str, Touchpoint]]) -> None:
    """The bridge holds all events of the story, once."""
    witnessed = sorted(row.event_id for row in story[0].events)
    assert witnessed == sorted(witness(event).event_id for events in STORY.values() for event in events)


def test_neither_order_nor_repetition_changes_a_row() -> None:
    """Any permutation of the witnesses, with duplicates, gives equal tables."""
    witnesses = [witness(event) for events in STORY.values() for event in events]
    expected = msgspec.json.encode(folder().fold(witnesses))
    shuffler = random.Random(7)
    for _ in range(20):
        again = witnesses + shuffler.choices(witnesses, k=8)
        shuffler.shuffle(again)
        assert msgspec.json.encode(folder().fold(again)) == expected


def test_a_group_of_nothing_gives_nothing() -> None:
    """No witness, no row."""
    assert folder().fold([]) == Folded()


def test_a_late_witness_makes_a_late_touchpoint() -> None:
    """Received more than 72 hours after it happened; the first witness to arrive decides."""
    event = email("a@x.example", "03-02 11:00", "B1", ["S1"])
    copy = msgspec.structs.replace(event, source="/gmail/s1")
    late, early = witness(event, at("03-06 11:00")), witness(copy, at("03-02 12:00"))
    assert folder().fold([late]).touchpoints[0].is_late
    assert not folder().fold([late, early]).touchpoints[0].is_late
    assert folder().fold([late, early]).touchpoints[0].received_at == at("03-02 12:00")


def test_partner_mail_comes_in_but_an_internal_one_does_not_count() -> None:
    """A partner is an outside party; a mail among ourselves is internal."""
    partner = fold(email("p@x.example", "03-02 11:00", "P1", ["S1"])).touchpoints[0]
    assert (partner.direction, partner.is_internal, partner.actor_side) == ("inbound", False, "partner")
    internal = fold(email("i@x.example", "03-02 11:00", "S1", ["S2"])).touchpoints[0]
    assert internal.is_internal
    assert not internal.is_countable


def seats(author: str, to: list[str], cc: list[str]) -> tuple[Party, ...]:
    return (party(author, "actor"), *(party(one, "to") for one in to), *(party(one, "cc") for one in cc))


def test_a_partner_who_writes_before_the_customer_is_no_buyer() -> None:
    """To the customer, or to us with the customer in copy: it is not the customer's doing, and nobody of ours has answered."""
    to_them = fold(email("t@x.example", "03-02 11:00", "P1", ["B1"], parties=seats("P1", ["B1"], ["S1"]))).touchpoints[
        0
    ]
    before_them = fold(
        email("c@x.example", "03-02 11:00", "P1", ["S1"], parties=seats("P1", ["S1"], ["B1"]))
    ).touchpoints[0]
    assert (to_them.direction, before_them.direction) == ("outbound", "outbound")
    assert to_them.account_id == "A1"
    assert not is_answer(to_them)
    assert is_answer(fold(email("s@x.example", "03-02 11:00", "S1", ["B1"])).touchpoints[0])


def test_every_author_of_a_mail_is_engaged() -> None:
    """The first of two in From is the actor; a recipient in copy is not engaged."""
    authors = (party("B1", "actor"), party("B2", "actor"), party("S1", "to"), party("B3", "cc"))
    folded = fold(email("two@x.example", "03-02 11:00", "B1", ["S1"], parties=authors))
    assert {seat.party_id for seat in folded.participants if seat.is_engaged} == {"B1", "B2"}


def test_the_people_of_a_mail_stand_as_it_names_them() -> None:
    """The author, then those in To in its order: among them the first one named is who was addressed."""
    folded = fold(email("o@x.example", "03-02 11:00", "B1", ["S2", "S1"]))
    assert [(one.participation_role, one.party_id) for one in folded.participants] == [
        ("actor", "B1"), ("to", "S2"), ("to", "S1"),
    ]  # fmt: skip


def test_our_robot_writes_outbound_and_a_foreign_one_inbound() -> None:
    """Automatic senders are judged by their domain, and never count."""
    ours = fold(email("o@x.example", "03-02 11:00", "crm-no_reply@ours.example", ["B1"])).touchpoints[0]
    foreign = fold(email("f@x.example", "03-02 11:00", "no-reply@vendor.example", ["S1"])).touchpoints[0]
    assert ours.direction == "outbound"
    assert foreign.direction == "inbound"
    assert ours.is_automated
    assert foreign.is_automated
    assert not ours.is_countable


def test_an_unknown_account_number_is_no_account() -> None:
    """A hint that the directory does not know falls back to the people; one that it knows wins."""
    unknown = fold(email("h@x.example", "03-02 11:00", "B1", ["S1"], account_hint="crm-999")).touchpoints[0]
    known = fold(email("k@x.example", "03-02 11:00", "B1", ["S1"], account_hint="A2")).touchpoints[0]
    assert (unknown.account_id, unknown.account_resolution) == ("A1", "person")
    assert (known.account_id, known.account_resolution) == ("A2", "explicit")


def test_whose_account_is_in_conflict_has_no_side() -> None:
    """P5: a domain of two accounts makes a buyer only where one of them is settled on, here by the thread."""
    accounts = [*CRM.accounts, *(Account(account_id=one, domains=("group.example",)) for one in ("G1", "G2"))]
    people = [*CRM.people, Person(person_id="G", side="buyer", emails=("email:g@other.example",), account_id="G2")]
    crm = msgspec.structs.replace(CRM, accounts=accounts, people=people)
    book = Folder(Directory.build(crm, SETTINGS.identity), ASSETS, RULES, SETTINGS, AS_OF)
    ask = email("1@x.example", "03-02 11:00", "x@group.example", ["S1"])
    reply = email("2@x.example", "03-02 12:00", "g@other.example", ["S1"], references=("1@x.example",))
    sides = {}
    for name, events in (("alone", [ask]), ("with G", [ask, reply])):
        folded = book.fold([witness(one) for one in events])
        row = folded.touchpoints[0]
        (asker,) = [
            one for one in folded.participants if one.touchpoint_id == row.touchpoint_id and one.side != "seller"
        ]
        sides[name] = (row.account_id, row.account_resolution, row.direction, asker.side, asker.is_engaged)
    assert sides == {
        "alone": (None, "conflict", "inbound", "unknown", False),
        "with G": ("G2", "domain", "inbound", "buyer", True),
    }


def test_a_reader_whose_account_the_thread_tells_is_in_the_bridge() -> None:
    """A4: Acme's question with somebody of two customers in copy is a touchpoint of the one that the thread is with, too."""
    accounts = [*CRM.accounts, *(Account(account_id=one, domains=("group.example",)) for one in ("G1", "G2"))]
    people = [*CRM.people, Person(person_id="G", side="buyer", emails=("email:g@other.example",), account_id="G2")]
    crm = msgspec.structs.replace(CRM, accounts=accounts, people=people)
    book = Folder(Directory.build(crm, SETTINGS.identity), ASSETS, RULES, SETTINGS, AS_OF)
    ask = email("1@x.example", "03-02 11:00", "B1", ["S1", "x@group.example"])
    reply = email("2@x.example", "03-02 12:00", "g@other.example", ["S1"], references=("1@x.example",))
    folded = book.fold([witness(one) for one in (ask, reply)])
    first = folded.touchpoints[0].touchpoint_id
    bridged = {one.account_id: one.is_primary for one in folded.accounts if one.touchpoint_id == first}
    assert bridged == {"A1": True, "G2": False}
    (reader,) = [one for one in folded.participants if one.touchpoint_id == first and one.person_id is None]
    assert (reader.side, reader.home_account_id) == ("buyer", "G2")


def fold_with_deals(
    deals: list[Opportunity], rules: Rulebook, *events: Event, changes: Sequence[StageChange] = ()
) -> list[Touchpoint]:
    """Touchpoints in the small company with other deals and rules."""
    crm = msgspec.structs.replace(CRM, opportunities=deals)
    directory = Directory.build(crm, SETTINGS.identity)
    folder = Folder(directory, ASSETS, rules, SETTINGS, AS_OF, stages=StageBook.of(deals, changes))
    return folder.fold([witness(one) for one in events]).touchpoints


def test_the_deals_stage_counts_once_the_threshold_lets_it() -> None:
    """The lowest tier reads the stage of the touchpoint's own deal; at the default threshold nobody asks for it."""
    deals = [msgspec.structs.replace(CRM.opportunities[0], stage="Proposal sent")]
    events = [
        email("early@x.example", "02-01 11:00", "B1", ["S1"], subject_text="Hello"),
        email("hello@x.example", "03-03 11:00", "B1", ["S1"], subject_text="Hello"),
        page("v", "03-03 12:00", SEGMENT_B1, "/about"),
    ]
    found: dict[float, list[Any]] = {}
    for threshold in (0.4, 0.5):
        rows = fold_with_deals(deals, Rulebook.load(min_confidence=threshold), *events)
        found[threshold] = [(row.buying_job, row.buying_job_rule_id, row.buying_job_confidence) for row in rows]
    staged, nothing = (SS, "stage.proposal", 0.4), ("unclassified", None, None)
    assert found == {0.4: [nothing, staged, staged], 0.5: [nothing, nothing, nothing]}


def test_the_stage_is_that_of_the_time() -> None:
    """What the deal has come to since says nothing of what was talked about before; ahead of its history the first stage holds."""
    deals = [msgspec.structs.replace(CRM.opportunities[0], stage="Negotiation")]
    changes = [
        StageChange(opportunity_id="O1", stage=stage, entered_at=at(when))
        for when, stage in (("03-04 00:00", "Discovery"), ("03-10 11:00", "Proposal"), ("03-20 00:00", "Negotiation"))
    ]
    moments = ["03-03 11:00", "03-10 10:59", "03-10 11:00", "03-21 11:00"]
    events = [email(f"{n}@x.example", when, "B1", ["S1"], subject_text="Hello") for n, when in enumerate(moments)]
    rows = fold_with_deals(deals, Rulebook.load(min_confidence=0.4), *events, changes=changes)
    assert [row.buying_job_rule_id for row in rows] == [
        "stage.discovery",
        "stage.discovery",
        "stage.proposal",
        "stage.negotiation",
    ]


def test_a_closed_deal_without_a_date_is_not_open() -> None:
    """Of two accounts with as many people the one with an open deal is primary; when a lost one ended, nobody knows."""
    deals = [
        Opportunity(opportunity_id="O9", account_id="A2", opened_at=at("03-02 00:00"), status="lost"),
        Opportunity(opportunity_id="O8", account_id="A2", opened_at=at("03-20 00:00"), status="open"),
    ]
    events = [email(f"{day}@x.example", f"03-{day} 11:00", "S1", ["B1", "C1"]) for day in ("10", "21")]
    assert [row.account_id for row in fold_with_deals(deals, RULES, *events)] == ["A1", "A2"]


def test_seller_minutes_follow_the_published_example() -> None:
    """3 of ours with 2 of theirs for 30 minutes are 90 seller minutes and 30 buyer minutes."""
    names = ["S1", "S2", "S3", "B1", "B2"]
    folded = fold(report("m", "03-05 10:00", "03-05 10:30", [was(one, "03-05 10:00", "03-05 10:30") for one in names]))
    row = folded.touchpoints[0]
    assert (row.seller_minutes, row.buyer_minutes) == (90.0, 30.0)
    assert (row.seller_participant_count, row.buyer_participant_count) == (3, 2)


def test_as_of_decides_which_visits_have_taken_place() -> None:
    """The same calendar entry is a plan before its end and a held visit after it."""
    visit = plan("v", "03-11 10:00", "03-11 12:00", ["S1", party("B1", "required")], channel="in_person")
    assert fold(visit, as_of=at("03-11 11:59")).touchpoints[0].status == "scheduled"
    assert fold(visit, as_of=AS_OF).touchpoints[0].status == "held"


@pytest.mark.parametrize("is_private_first", [True, False])
@pytest.mark.parametrize("family", ["meeting", "chat", "app"])
def test_of_two_addresses_that_one_person_shows_the_one_with_an_account_counts(
    family: str, is_private_first: bool
) -> None:
    """A3, whichever witness shows which: of the plan and the report of a meeting, the messages of a burst, the pages of a session."""
    person = Person(person_id="B9", side="buyer", emails=("email:x@acme.example", "email:a@gmail.com"))
    known = Directory.build(msgspec.structs.replace(CRM, people=[*CRM.people, person]), SETTINGS.identity)
    one, other = ("a@gmail.com", "x@acme.example") if is_private_first else ("x@acme.example", "a@gmail.com")
    start, end = "03-05 10:00", "03-05 10:30"
    events = {
        "meeting": [plan("a", start, end, ["S1", one]), report("u", start, end, [was("S1", start, end), was(other, start, end)])],
        "chat": [chat("1", start, one), chat("2", at(start) + MINUTE, other)],
        "app": [page("1", start, (f"email:{one}",)), page("2", at(start) + MINUTE, (f"email:{other}",))],
    }[family]  # fmt: skip
    folded = Folder(known, ASSETS, RULES, SETTINGS, AS_OF).fold([witness(event) for event in events])
    row = only(folded)
    assert (row.account_id, row.account_resolution, row.is_countable) == ("A1", "domain", True)
