"""Meetings and visits: which reports are one meeting, who was there, and when it counts as held."""

from __future__ import annotations

import msgspec
import pytest
from fold_world import SETTINGS, at, fold, folder, mail, only, party, people, plan, report, rules_of, was, witness
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.event import Event, Party
from transforms.folding.linking import fold_key, link_keys
from transforms.folding.presence import JOIN, LEAVE, pair_up
from transforms.settings import Coverage
from transforms.times import MINUTE


def hour(name: str, start: str = "10:00", end: str = "11:00", role: str = "attendee", day: str = "03-05") -> object:
    return was(name, f"{day} {start}", f"{day} {end}", role)


def step(name: str, when: str, joined: bool, key: str = "u1") -> Event:
    """One participant's join or leave, as a webhook tells it."""
    moment = at(when)
    who = party(
        name, "attendee", attended=True, joined_at=moment if joined else None, left_at=None if joined else moment
    )
    return Event(
        family="attendance",
        source="/zoom",
        source_event_id=f"{key}/{name}/{when}/{joined}",
        dedupe_key=f"meeting:{key}",
        channel="video",
        occurred_at=moment,
        parties=(who,),
    )


# one meeting, several witnesses


def test_a_calendar_entry_a_report_and_a_crm_activity_are_one_meeting() -> None:
    """Joined by key and by people; attendance gives the times, and every witness is kept with its rule."""
    calendar = plan("ical", "03-05 10:00", "03-05 11:00", ["S1", "B1"], join_keys=("zoom:1",), subject_text="Weekly")
    zoom = report(
        "uuid",
        "03-05 10:03",
        "03-05 10:50",
        [hour("S1", "10:03", "10:50"), hour("B1", "10:05", "10:45")],
        join_keys=("zoom:1",),
    )
    crm = plan("crm", "03-05 10:00", "03-05 10:30", ["S1", "B1"], source="/salesforce", status="held")
    folded = fold(crm, calendar, zoom)
    row = only(folded)
    assert (row.status, row.source, row.dedupe_key, row.subject_text) == ("held", "/zoom", "meeting:uuid", "Weekly")
    assert (row.occurred_at, row.ended_at, row.time_quality) == (at("03-05 10:05"), at("03-05 10:45"), "source")
    assert rules_of(folded, row) == {"dedupe_key": 1, "join_key": 1, "overlap": 1}


def test_a_recurring_room_keeps_its_occurrences_apart() -> None:
    """Two entries and two reports under one join key on one day: each report finds its nearest entry."""
    events = [
        plan("a", "03-05 10:00", "03-05 10:30", ["S1", "B1"], join_keys=("zoom:1",), subject_text="first"),
        plan("b", "03-05 13:00", "03-05 13:30", ["S1", "B1"], join_keys=("zoom:1",), subject_text="second"),
        report(
            "u1",
            "03-05 10:40",
            "03-05 11:10",
            [hour("S1", "10:40", "11:10"), hour("B1", "10:40", "11:10")],
            join_keys=("zoom:1",),
        ),
        report(
            "u2",
            "03-05 12:58",
            "03-05 13:20",
            [hour("S1", "12:58", "13:20"), hour("B1", "12:58", "13:20")],
            join_keys=("zoom:1",),
        ),
    ]
    folded = fold(*events)
    assert [(row.subject_text, row.dedupe_key) for row in folded.touchpoints] == [
        ("first", "meeting:u1"),
        ("second", "meeting:u2"),
    ]


@pytest.mark.parametrize("between", ["two_reports", "two_plans", "a_visit_and_a_call", "two_accounts"])
def test_one_room_for_meeting_after_meeting(between: str) -> None:
    """Under a key that one of them carries, what was held or planned at other times is another meeting; whatever tells of it."""
    share = {"join_keys": ("zoom:1",)}
    call = [hour("S1", "10:00", "10:30"), hour("B1", "10:00", "10:30")]
    first = report("u1", "03-05 10:00", "03-05 10:30", call, source="/zoom/acc", **share)
    second = {
        "two_reports": report(
            "u2", "03-05 12:00", "03-05 12:30", [hour("S1", "12:00", "12:30"), hour("B1", "12:00", "12:30")], source="/zoom", **share
        ),
        "two_plans": plan("b", "03-05 12:00", "03-05 12:30", ["S1", "B1"], source="/ics", **share),
        "a_visit_and_a_call": plan(
            "b", "03-05 14:00", "03-05 15:00", ["S1", "B1"], source="/ics", channel="in_person", medium="onsite_visit", **share
        ),
        "two_accounts": plan("b", "03-05 14:00", "03-05 15:00", ["S1", "C1"], source="/ics", **share),
    }[between]  # fmt: skip
    if between == "two_plans":
        first = plan("a", "03-05 10:00", "03-05 10:30", ["S1", "B1"], source="/google_calendar", **share)
    assert [row.occurred_at for row in fold(first, second).touchpoints] == [at("03-05 10:00"), second.occurred_at]


def test_a_meeting_held_at_another_time_than_planned_is_one() -> None:
    """The plan and the report of one meeting under one key, though they do not overlap; and what a CRM was told afterwards."""
    entry = plan("a", "03-05 10:00", "03-05 10:30", ["S1", "B1"], join_keys=("zoom:1",))
    held = report(
        "u1", "03-05 12:00", "03-05 12:30", [hour("S1", "12:00", "12:30"), hour("B1", "12:00", "12:30")], join_keys=("zoom:1",)
    )  # fmt: skip
    told = plan("c", "03-05 15:00", "03-05 15:30", ["S1", "B1"], source="/hubspot", join_keys=("zoom:1",))
    assert only(fold(entry, held, told)).occurred_at == at("03-05 12:00")


def test_of_a_plans_copies_the_newest_version_holds() -> None:
    """SEQUENCE and the time of writing tell, and not the numbers that each source gives its own revisions."""
    key = {"dedupe_key": "meeting:ical:u"}
    stale = plan(
        "g", "03-05 10:00", "03-05 11:00", ["S1", "B1"], source="/google_calendar", revision=1_770_000_000, recorded_at=at("02-01 10:00"), **key
    )  # fmt: skip
    moved = plan(
        "i", "03-05 14:00", "03-05 15:00", ["S1", "B1"], source="/ics", revision=7, plan_sequence=1, recorded_at=at("02-02 10:00"), **key
    )  # fmt: skip
    row = only(fold(stale, moved))
    assert (row.occurred_at, row.source) == (at("03-05 14:00"), "/ics")
    newer = msgspec.structs.replace(stale, plan_sequence=1, recorded_at=at("02-03 10:00"))
    assert only(fold(newer, moved)).occurred_at == at("03-05 10:00")


@pytest.mark.parametrize("is_described", [False, True], ids=["deletion_alone", "entry_and_deletion"])
def test_a_cancellation_ends_the_copies_of_before_it(is_described: bool) -> None:
    """Also where nothing else was heard of the entry in that calendar; it is kept as a witness. A later version stands."""
    key = {"dedupe_key": "meeting:ical:u"}
    copy = plan(
        "g",
        "03-05 10:00",
        "03-05 11:00",
        ["S1", "B1"],
        source="/google_calendar",
        revision=9,
        recorded_at=at("02-01 10:00"),
        **key,
    )
    entry = plan("i", "03-05 10:00", "03-05 11:00", ["S1", "B1"], source="/ics", recorded_at=at("02-01 10:00"), **key)
    void = msgspec.structs.replace(entry, is_void=True, revision=3, plan_sequence=1, recorded_at=at("02-02 10:00"))
    events = [copy, void, *([entry] if is_described else [])]
    folded = fold(*events)
    row = only(folded)
    assert (row.is_voided, row.status) == (True, "cancelled")
    assert len(folded.events) == len(events)
    again = msgspec.structs.replace(copy, plan_sequence=2, recorded_at=at("02-03 10:00"))
    row = only(fold(again, *events[1:]))
    assert (row.is_voided, row.status) == (False, "scheduled")


def test_a_deletion_alone_is_no_touchpoint() -> None:
    entry = plan("i", "03-05 10:00", "03-05 11:00", ["S1", "B1"], is_void=True)
    other = plan("j", "03-05 10:00", "03-05 11:00", ["S1", "B1"], source="/ics")
    assert fold(entry).touchpoints == []
    assert only(fold(entry, other)).is_voided is False


def test_a_room_that_was_open_tells_nothing_of_a_visit() -> None:
    """An entry for a place with a link in it, and a call that nobody is known to have been in: the visit lasted as planned."""
    entry = plan(
        "a", "03-05 13:00", "03-05 15:00", ["S1", "B1"], channel="in_person", medium="onsite_visit", join_keys=("zoom:1",)
    )  # fmt: skip
    room = report("u1", "03-05 12:55", "03-05 13:20", [], join_keys=("zoom:1",))
    row = only(fold(entry, room))
    assert (row.channel, row.occurred_at, row.ended_at) == ("in_person", at("03-05 13:00"), at("03-05 15:00"))


def test_an_organiser_who_declined_did_not_act() -> None:
    """A visit that a colleague made: who called it and stayed away gets no credit."""
    entry = plan("a", "03-05 13:00", "03-05 15:00", ["S2", "S1", "B1"], channel="in_person", medium="onsite_visit")
    first, *others = entry.parties
    entry.parties = (msgspec.structs.replace(first, attended=False), *others)
    folded = fold(entry)
    assert (only(folded).status, only(folded).actor_party_id) == ("held", None)
    assert {one.party_id: one.attended for one in folded.participants}["S2"] is False


@pytest.mark.parametrize(
    ("start", "end"), [("10:00", "11:00"), ("11:30", "12:30"), ("12:30", "13:30"), ("12:00", "12:30")]
)
def test_an_entry_with_a_date_alone_tells_no_time_of_a_visit_that_has_one(start: str, end: str) -> None:
    """Noon, where a day is placed, neither stretches the visit nor takes its minutes away."""
    visit = plan("b", f"03-05 {start}", f"03-05 {end}", ["S1", "B1"], channel="in_person")
    length = at(f"03-05 {end}") - at(f"03-05 {start}")
    for key in ("a", "c"):
        day = plan(key, "03-05 12:00", "03-05 12:00", ["S1", "B1"], channel="in_person", time_quality="date_only")
        row = only(fold(visit, day))
        assert (row.occurred_at, row.ended_at) == (visit.occurred_at, visit.ended_at)
        assert (row.time_quality, row.buyer_minutes) == ("estimated", length // MINUTE)


def test_visits_that_one_between_them_ties_are_one() -> None:
    """B and C share a buyer, A and C do: all three are one visit, though A and B share nobody."""
    visits = [
        plan(key, f"03-05 {start}", f"03-05 {end}", ["S1", *who], channel="in_person", medium="onsite_visit")
        for key, start, end, who in (
            ("a", "09:00", "10:00", ["B1"]),
            ("b", "09:00", "10:00", ["B2"]),
            ("c", "10:30", "11:30", ["B1", "B2"]),
        )
    ]
    row = only(fold(*visits))
    assert (row.occurred_at, row.ended_at) == (at("03-05 09:00"), at("03-05 11:30"))


def test_a_visit_to_two_accounts_is_one_with_that_to_the_second() -> None:
    """The first is with two customers, and goes on with the one that it is not counted under first."""
    both = plan("a", "03-05 09:00", "03-05 10:00", ["S1", "B1", "C1", "C2"], channel="in_person", medium="onsite_visit")
    for who in ("B1", "C1"):
        then = plan("b", "03-05 10:30", "03-05 11:30", ["S1", who], channel="in_person", medium="onsite_visit")
        assert only(fold(both, then)).ended_at == at("03-05 11:30")


def test_the_same_two_people_at_the_same_time_are_one_meeting() -> None:
    """Rule 3 without any shared key: overlap of at least half of the shorter one."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"])
    half = report("u", "03-05 10:30", "03-05 11:30", [hour("S1", "10:30", "11:30"), hour("B1", "10:30", "11:30")])
    less = report("u", "03-05 10:31", "03-05 11:31", [hour("S1", "10:31", "11:31"), hour("B1", "10:31", "11:31")])
    assert len(fold(calendar, half).touchpoints) == 1
    assert len(fold(calendar, less).touchpoints) == 2


def test_rule_three_never_crosses_accounts_nor_takes_in_an_internal_meeting() -> None:
    """One seller's double booking with two customers, or with a colleague, stays two meetings."""
    acme = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"])
    beta = plan("b", "03-05 10:00", "03-05 11:00", ["S1", "C1"], source="/graph")
    internal = plan("i", "03-05 10:00", "03-05 11:00", ["S1", "S2"], source="/ics")
    assert len(fold(acme, beta).touchpoints) == 2
    assert len(fold(acme, internal).touchpoints) == 2


def test_a_call_among_ourselves_is_a_customers_meeting_only_where_all_in_it_were_to_be_there() -> None:
    """A colleague whom the plan does not name shows that it is another call, as preparations are; without one the customer stayed away."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "S2", "B1"])
    missed = report("u", "03-05 10:00", "03-05 10:30", [hour("S1"), hour("S2")], organizer=mail("S1"))
    row = only(fold(calendar, missed))
    assert (row.status, row.is_internal) == ("no_show", False)
    prepared = report("u", "03-05 10:00", "03-05 10:30", [hour("S1"), hour("S3")], organizer=mail("S1"))
    both = {row.is_internal: row.status for row in fold(calendar, prepared).touchpoints}
    assert both == {False: "scheduled", True: "held"}


@pytest.mark.parametrize("keys", [(), ("zoom:1",)])
def test_a_call_of_weeks_takes_in_no_meeting_between_its_first_join_and_its_last_leave(keys: tuple[str, ...]) -> None:
    """Nothing ties them but a group that they share by chance: which records those are in, another version of one may decide."""
    marks = [
        msgspec.structs.replace(step(who, f"{day} {when}", joined), join_keys=keys)
        for who in ("S1", "B1")
        for day, when, joined in (("03-02", "10:00", True), ("03-24", "11:00", False))
    ]
    between = [
        plan(f"p{day}", f"{day} 10:00", f"{day} 11:00", ["S1", "B1"], join_keys=keys) for day in ("03-10", "03-24")
    ]
    folded = fold(*marks, *between)
    assert {row.dedupe_key for row in folded.touchpoints} == {"meeting:u1", "meeting:p03-10"}


def test_same_organiser_and_nearly_same_start_is_one_meeting_across_sources() -> None:
    """Start within 10 minutes and a common participant, though the intervals barely overlap."""
    calendar = plan("a", "03-05 10:00", "03-05 10:10", ["S1", "B1", "B2"])
    crm = plan("b", "03-05 10:09", "03-05 11:00", ["S1", "B1"], source="/hubspot", organizer=mail("S1"))
    folded = fold(calendar, crm)
    assert rules_of(folded, only(folded)) == {"dedupe_key": 1, "organizer_start": 1}
    assert len(fold(calendar, msgspec.structs.replace(crm, occurred_at=at("03-05 10:11"))).touchpoints) == 2


def test_reports_of_one_system_with_other_people_in_each_are_two_meetings() -> None:
    """An account that calls everybody's meetings; where somebody was in both, the second is the first begun again."""
    first = report("u", "03-05 09:00", "03-05 09:30", [hour("S1", "09:00", "09:30"), hour("B1", "09:00", "09:30")])
    second = report("v", "03-05 09:10", "03-05 09:40", [hour("S2", "09:10", "09:40"), hour("B2", "09:10", "09:40")])
    again = report("v", "03-05 09:10", "03-05 09:40", [hour("S2", "09:10", "09:40"), hour("B1", "09:10", "09:40")])
    called = [msgspec.structs.replace(one, organizer=mail("S3")) for one in (first, second, again)]
    assert len(fold(called[0], called[1]).touchpoints) == 2
    assert len(fold(called[0], called[2]).touchpoints) == 1


@pytest.mark.parametrize("revision", [1, 3])
def test_a_copy_that_leaves_out_guests_takes_nobody_out_of_a_plan(revision: int) -> None:
    """Where guests may not see each other each one's calendar names its own; whoever it tells of, it is the newest to tell."""
    place: dict[str, object] = {"channel": "in_person", "medium": "onsite_visit", "place": "Hall 4"}
    whole = plan("gcal", "03-05 10:00", "03-05 11:00", ["S1", "B1", "B2"], revision=2, **place)
    away = party("B2", "required", attended=False)
    own = plan("gcal", "03-05 10:00", "03-05 11:00", ["S1", away], revision=revision, left_out=("parties",), **place)
    folded = fold(own, whole)
    assert set(people(folded, only(folded))) == {"S1", "B1", "B2"}
    assert people(folded, only(folded))["B2"].attended is (revision < 2)
    other = plan("gcal", "03-05 10:00", "03-05 11:00", ["S1", "S2"], revision=4, left_out=("parties",), **place)
    folded = fold(own, other)  # nobody tells of all
    assert set(people(folded, only(folded))) == {"S1", "S2", "B2"}


def test_a_cancelled_entry_is_a_voided_touchpoint_and_a_moved_one_is_one() -> None:
    """A void keeps its witnesses; a reschedule is a revision."""
    entry = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"])
    void = msgspec.structs.replace(entry, is_void=True, revision=3)
    row = only(fold(entry, void))
    assert (row.is_voided, row.status, row.is_countable) == (True, "cancelled", False)
    moved = msgspec.structs.replace(entry, occurred_at=at("03-06 10:00"), ended_at=at("03-06 11:00"), revision=2)
    assert only(fold(entry, moved)).occurred_at == at("03-06 10:00")


def test_the_time_of_a_cancelled_plan_is_the_schedules() -> None:
    """Nobody saw it take place: its time is ``estimated``, as that of every other plan; a day alone stays one."""
    entry = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"])
    void = msgspec.structs.replace(entry, is_void=True, revision=3)
    assert only(fold(entry, void)).time_quality == "estimated"
    day = msgspec.structs.replace(entry, time_quality="date_only")
    assert only(fold(day, msgspec.structs.replace(day, is_void=True, revision=3))).time_quality == "date_only"


def test_a_cancelled_entry_does_not_swallow_the_meeting_that_replaced_it() -> None:
    """Same people, same time, another entry: the cancelled one stays a touchpoint of its own."""
    old = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"])
    new = plan("b", "03-05 10:00", "03-05 11:00", ["S1", "B1"], source="/graph")
    folded = fold(old, msgspec.structs.replace(old, is_void=True, revision=2), new)
    assert sorted(row.is_voided for row in folded.touchpoints) == [False, True]


# who was there


def test_a_meeting_is_held_from_120_seconds_of_both_sides_together() -> None:
    """119 seconds are a no-show at the planned time; 120 are a meeting of 120 seconds."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], join_keys=("zoom:1",))

    def meeting(until: int) -> Event:
        seller = party("S1", "attendee", attended=True, joined_at=at("03-05 10:00"), left_at=at("03-05 10:30"))
        buyer = party("B1", "attendee", attended=True, joined_at=at("03-05 10:05"), left_at=at("03-05 10:05") + until)
        return report("u", "03-05 10:00", "03-05 10:30", [seller, buyer], join_keys=("zoom:1",))

    held = only(fold(calendar, meeting(120_000_000)))
    assert (held.status, held.duration_seconds, held.occurred_at) == ("held", 120, at("03-05 10:05"))
    missed = only(fold(calendar, meeting(119_000_000)))
    assert (missed.status, missed.occurred_at, missed.buyer_minutes) == ("no_show", at("03-05 10:00"), 0.0)


def test_rejoins_are_united_and_the_interval_is_first_to_last_together() -> None:
    """A buyer who leaves and returns is one participant; the meeting runs from first to last moment of both sides."""
    folded = fold(
        step("S1", "03-05 09:58", True),
        step("B1", "03-05 10:00", True),
        step("B1", "03-05 10:10", False),
        step("B1", "03-05 10:20", True),
        step("B1", "03-05 10:40", False),
        step("S1", "03-05 10:45", False),
    )
    row = only(folded)
    assert (row.occurred_at, row.ended_at) == (at("03-05 10:00"), at("03-05 10:40"))
    buyer = people(folded, row)["B1"]
    assert (buyer.attended_seconds, buyer.joined_at, buyer.left_at) == (1800, at("03-05 10:00"), at("03-05 10:40"))
    assert buyer.is_engaged


def test_a_buyer_who_was_invited_and_did_not_come_makes_a_no_show() -> None:
    """Our people alone in a customer's meeting: not held, nobody engaged, and not internal either."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], join_keys=("zoom:1",))
    folded = fold(
        calendar, report("u", "03-05 10:00", "03-05 10:20", [hour("S1", "10:00", "10:20")], join_keys=("zoom:1",))
    )
    row = only(folded)
    assert (row.status, row.is_internal, row.is_countable) == ("no_show", False, False)
    assert people(folded, row)["B1"].attended is False
    assert (row.occurred_at, row.time_quality) == (at("03-05 10:00"), "estimated")  # as planned, not as attended


def test_a_partner_does_not_stand_in_for_the_customer() -> None:
    """Our person and a partner, while the invited buyer stays away: nobody of the customer's was met."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1", "P1"], join_keys=("zoom:1",))
    missed = report("u", "03-05 10:00", "03-05 10:20", [hour("S1"), hour("P1")], join_keys=("zoom:1",))
    row = only(fold(calendar, missed))
    assert (row.status, row.account_id, row.is_countable) == ("no_show", "A1", False)
    among_us = only(fold(msgspec.structs.replace(missed, join_keys=())))
    assert (among_us.status, among_us.is_internal, among_us.is_countable) == ("held", False, False)
    declined = party("B1", "required", attended=False)
    visit = plan("a", "03-05 10:00", "03-05 11:00", ["S1", declined, "P1"], channel="in_person")
    assert only(fold(visit)).status == "scheduled"


def test_a_note_taker_does_not_stand_in_for_the_customer() -> None:
    """P4: with a recording program beside our person the invited buyer was still not met, and beside both it counts for nobody."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], join_keys=("zoom:1",))
    machine = msgspec.structs.replace(hour("S1"), ids=(), name="Fireflies.ai Notetaker")
    missed = report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), machine], join_keys=("zoom:1",))
    assert only(fold(calendar, missed)).status == "no_show"
    row = only(fold(report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("B1"), machine])))
    assert (row.status, row.is_countable, row.is_automated) == ("held", True, False)
    assert (row.buyer_participant_count, row.seller_participant_count, row.seller_minutes) == (1, 1, 60.0)


FRED = Party(("email:fred@fireflies.ai",), "required")
IPHONE = Party((), "attendee", name="iPhone", attended=True, joined_at=at("03-05 10:00"), left_at=at("03-05 11:00"))


@pytest.mark.parametrize("other", [FRED, IPHONE])
def test_neither_a_program_nor_a_bare_name_makes_two_reports_one(other: Party) -> None:
    """One account called both; the note-taker, or somebody's phone, in each is no common participant."""
    pairs = (("u", "S1", "B1"), ("v", "S2", "B2"))
    both = [
        report(key, "03-05 10:00", "03-05 11:00", [hour(ours), hour(theirs), other], organizer=mail("S3"))
        for key, ours, theirs in pairs
    ]
    folded = fold(*both)
    assert [(row.status, row.buyer_participant_count > 0) for row in folded.touchpoints] == [("held", True)] * 2
    again = report("v", "03-05 10:00", "03-05 11:00", [hour("S2"), hour("B1"), other], organizer=mail("S3"))
    assert len(fold(both[0], again).touchpoints) == 1


@pytest.mark.parametrize("other", [FRED, Party((), "required", name="Front desk", side="seller")])
def test_neither_a_program_nor_a_bare_name_is_our_side(other: Party) -> None:
    """Rule 3 asks for the same two people: a colleague's call with the buyer whom somebody else visits is a call of its own."""
    visit = plan("a", "03-05 09:00", "03-05 17:00", ["S1", "B1", other], channel="in_person")
    call = plan("b", "03-05 10:00", "03-05 10:30", ["S2", "B1", other])
    assert [row.status for row in fold(visit, call).touchpoints] == ["held", "scheduled"]
    same = plan("b", "03-05 10:00", "03-05 10:30", ["S2", "S1", "B1", other])
    assert len(fold(visit, same).touchpoints) == 1


def test_a_report_that_only_we_and_a_program_turned_up_is_of_the_customers_meeting() -> None:
    """The program is nobody who would make it another meeting than the one planned."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"])
    machine = msgspec.structs.replace(IPHONE, ids=FRED.ids, name=None)
    missed = report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), machine], organizer=mail("S1"))
    assert only(fold(calendar, missed)).status == "no_show"


def test_a_bare_name_is_no_buyer_whom_two_visits_share() -> None:
    """Each to the same customer, half an hour from the other; with one buyer in both they are one."""
    guest = Party((), "required", name="Guest", attended=True)
    first = plan("a", "03-05 09:00", "03-05 10:00", ["S1", "B1", guest], channel="in_person", medium="onsite_visit")
    for who, count in (("B2", 2), ("B1", 1)):
        then = plan("b", "03-05 10:30", "03-05 11:30", ["S2", who, guest], channel="in_person", medium="onsite_visit")
        assert len(fold(first, then).touchpoints) == count


def test_our_people_among_themselves_are_internal() -> None:
    """No buyer anywhere: internal, whatever was said about attendance."""
    row = only(fold(report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("S2")])))
    assert row.is_internal
    assert not row.is_countable


def test_an_organiser_who_stayed_away_did_not_act() -> None:
    """A colleague or a booking tool that calls a meeting of others stays its organiser, but is no actor of it; one who came is."""
    for organiser in ("S2", "no-reply@booking.example"):
        calendar = plan("a", "03-05 10:00", "03-05 11:00", [organiser, "S1", "B1"], join_keys=("zoom:1",))
        folded = fold(
            calendar, report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("B1")], join_keys=("zoom:1",))
        )
        row = only(folded)
        assert (row.actor_party_id, row.actor_side, row.direction, row.is_countable) == (None, None, "mutual", True)
    came = report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("B1"), hour("S2")], join_keys=("zoom:1",))
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S2", "S1", "B1"], join_keys=("zoom:1",))
    assert only(fold(calendar, came)).actor_party_id == "S2"


@pytest.mark.parametrize("organiser", ["noreply@booking.example", "noreply@ours.example", "S1"])
def test_a_visit_is_of_people_whatever_address_had_it_booked(organiser: str) -> None:
    """A calendar of the booking tool's makes the meeting of two people no automatic one."""
    row = only(fold(plan("a", "03-05 10:00", "03-05 11:00", [organiser, "S1", "B1"], channel="in_person")))
    assert (row.status, row.direction, row.is_automated, row.is_countable) == ("held", "mutual", False, True)


def test_an_invitee_who_stayed_away_is_not_counted() -> None:
    """Counts and minutes are of those who attended; the absent stay as participants."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "S2", "B1", "B2"], join_keys=("zoom:1",))
    folded = fold(calendar, report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("B1")], join_keys=("zoom:1",)))
    row = only(folded)
    assert (row.buyer_participant_count, row.seller_participant_count, row.seller_minutes) == (1, 1, 60.0)
    assert people(folded, row)["B2"].is_engaged is False


def test_a_phone_call_has_its_own_channel_where_the_settings_say_so() -> None:
    """Read as a live remote call it is video; as the sixth channel it keeps its medium."""
    entry = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], medium="phone_call", status="held")
    assert (only(fold(entry)).channel, only(fold(entry)).medium) == ("video", "phone_call")
    own = msgspec.structs.replace(
        SETTINGS, folding=msgspec.structs.replace(SETTINGS.folding, phone_call_channel="phone_call")
    )
    row = only(fold(entry, settings=own))
    assert (row.channel, row.medium, row.modality) == ("phone_call", "phone_call", "remote_human")


def test_a_participant_whom_a_webhook_knows_by_id_alone_is_whom_the_report_names() -> None:
    """One native id in one call is one person, at their own side: our host does not meet himself, and nobody counts twice."""
    webhooks = [
        Event(
            family="attendance",
            source="/zoom/acc",
            source_event_id=f"u1/{who}/{when}",
            dedupe_key="meeting:u1",
            channel="video",
            occurred_at=at(when),
            parties=(Party((f"external_id:zoom:{who}",), "attendee", attended=True, **{side: at(when)}),),
        )
        for who, when, side in (
            ("z-s1", "03-05 10:00", "joined_at"), ("z-s1", "03-05 11:00", "left_at"), ("z-b1", "03-05 10:02", "joined_at"),
        )
    ]  # fmt: skip
    whole = {
        name: msgspec.structs.replace(
            was(name, "03-05 10:02", "03-05 10:50"), ids=(f"external_id:zoom:z-{name.lower()}", mail(name))
        )
        for name in ("S1", "B1", "B2")
    }
    alone = only(fold(*webhooks[:2], report("u1", "03-05 10:02", "03-05 10:50", [whole["S1"]])))
    assert (alone.is_internal, alone.account_id) == (True, None)
    met = fold(*webhooks, report("u1", "03-05 10:02", "03-05 10:50", [whole["S1"], whole["B1"]]))
    row = only(met)
    assert (row.buyer_participant_count, row.seller_participant_count) == (1, 1)
    assert (row.buyer_minutes, row.seller_minutes) == (48.0, 48.0)
    assert set(people(met, row)) == {"S1", "B1"}
    shared = msgspec.structs.replace(whole["B2"], ids=("external_id:zoom:z-b1", mail("B2")))
    several = fold(
        *webhooks, report("u1", "03-05 10:02", "03-05 10:50", [*(whole[name] for name in ("S1", "B1")), shared])
    )
    assert set(people(several, only(several))) == {
        "S1",
        "B1",
        "B2",
        "?",
    }  # an id of two people says of neither that it was they


def test_a_calendar_alone_is_only_a_plan() -> None:
    """A video entry stays scheduled after its time; a stated outcome settles it."""
    entry = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"])
    row = only(fold(entry))
    assert (row.status, row.time_quality, row.is_countable) == ("scheduled", "estimated", False)
    held = only(fold(msgspec.structs.replace(entry, status="held")))
    assert (held.status, held.time_quality, held.is_countable) == ("held", "source", True)
    assert only(fold(msgspec.structs.replace(entry, status="no_show"))).status == "no_show"


def test_an_ended_webhook_without_participants_proves_no_attendance() -> None:
    """It gives the interval, and the calendar gives the people; the status stays scheduled."""
    calendar = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], join_keys=("zoom:1",))
    ended = report("u", "03-05 10:02", "03-05 10:47", [], join_keys=("zoom:1",))
    row = only(fold(calendar, ended))
    assert (row.status, row.occurred_at, row.ended_at) == ("scheduled", at("03-05 10:02"), at("03-05 10:47"))


# at a place


def test_a_visit_that_a_side_declined_did_not_take_place() -> None:
    """At a place a passed entry counts as held, unless nobody of one side was coming."""
    declined = party("B2", "required", attended=False)
    assert (
        only(fold(plan("a", "03-05 10:00", "03-05 11:00", ["S1", declined], channel="in_person"))).status == "scheduled"
    )
    held = only(fold(plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1", declined], channel="in_person")))
    assert (held.status, held.time_quality, held.medium, held.interaction_kind) == (
        "held",
        "estimated",
        "onsite_visit",
        "visit",
    )


def test_a_tentative_visit_stays_a_plan() -> None:
    """What its only witness calls scheduled is not taken as held when its time has passed."""
    visit = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], channel="in_person", status="scheduled")
    assert only(fold(visit)).status == "scheduled"


def test_a_place_that_was_only_tentative_makes_no_visit_of_a_call() -> None:
    """A tentative entry is no visit: those who met, met in the call, for as long as it says. A report of the place still wins."""
    entry = plan(
        "a", "03-05 10:00", "03-05 12:00", ["S1", "B2"],
        channel="in_person", medium="onsite_visit", join_keys=("zoom:1",), status="scheduled",
    )  # fmt: skip
    call = report(
        "u",
        "03-05 10:00",
        "03-05 10:20",
        [hour("S1", "10:00", "10:20"), hour("B1", "10:00", "10:20")],
        join_keys=("zoom:1",),
    )
    row = only(fold(entry, call))
    assert (row.channel, row.medium, row.modality, row.status) == ("video", "video_call", "remote_human", "held")
    assert (row.time_quality, row.ended_at, row.buyer_minutes) == ("source", at("03-05 10:20"), 20)
    there = [hour("S1", "10:00", "12:00"), hour("B2", "10:00", "12:00")]
    app = report("v", "03-05 10:00", "03-05 12:00", there, channel="in_person", source="/visits", join_keys=("zoom:1",))
    assert only(fold(entry, call, app)).channel == "in_person"


def test_co_located_people_make_it_in_person_even_if_others_dialled_in() -> None:
    """The place wins over the dial-in, and the dial-in's people are participants."""
    room = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], channel="in_person", join_keys=("zoom:1",))
    folded = fold(room, report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("B2")], join_keys=("zoom:1",)))
    row = only(folded)
    assert (row.channel, row.modality) == ("in_person", "in_person")
    assert set(people(folded, row)) == {"S1", "B1", "B2"}


def test_nobody_stands_in_at_a_place_for_a_customer_who_declined_it() -> None:
    """Neither a partner, nor our person whose other address declined: they met in the call, for as long as that was."""
    stays = [hour("S1", "10:00", "10:01"), hour("B1", "10:00", "10:20"), hour("P1", "10:00", "10:20")]
    call = report("u", "03-05 10:00", "03-05 10:20", stays, join_keys=("zoom:1",))
    gone = party("B1", "required", attended=False)
    room = plan("a", "03-05 10:00", "03-05 11:00", ["S1", gone, "P1"], channel="in_person", join_keys=("zoom:1",))
    row = only(fold(room, call))
    assert (row.channel, row.status, row.is_countable) == ("video", "no_show", False)
    slack = Party(("external_id:slack:S1",), "required", attended=False)
    room = plan("a", "03-05 10:00", "03-05 11:00", ["S1", slack, "B1"], channel="in_person", join_keys=("zoom:1",))
    assert only(fold(room, call)).channel == "video"


@pytest.mark.parametrize("online", [["S1"], ["B2"], ["S2", "B2"], ["S1", "B1"]])
def test_a_call_beside_a_visit_does_not_end_it(online: list[str]) -> None:
    """Who dialled in says nothing of those who were there: it is held, by the calendar's times, with all who had not declined."""
    away = party("B3", "required", attended=False)
    room = plan("a", "03-05 09:00", "03-05 17:00", ["S1", "B1", away], channel="in_person", join_keys=("zoom:1",))
    call = report(
        "u", "03-05 11:00", "03-05 11:30", [hour(one, "11:00", "11:30") for one in online], join_keys=("zoom:1",)
    )
    folded = fold(room, call)
    row = only(folded)
    assert (row.channel, row.status, row.time_quality, row.is_countable) == ("in_person", "held", "estimated", True)
    assert (row.occurred_at, row.ended_at) == (at("03-05 09:00"), at("03-05 17:00"))
    here = people(folded, row)
    assert {name for name, seat in here.items() if seat.attended} == {"S1", "B1", *online}
    assert {here[one].attended_seconds for one in online} == {1800}
    tentative = msgspec.structs.replace(room, status="scheduled")
    assert only(fold(tentative, call)).status == ("held" if len(online) == 2 else "no_show")


def test_a_report_at_the_place_tells_who_was_there() -> None:
    """A visit app knows better than the calendar, whoever dialled in."""
    room = plan("a", "03-05 09:00", "03-05 17:00", ["S1", "B1", "B2"], channel="in_person", join_keys=("zoom:1",))
    call = report("u", "03-05 11:00", "03-05 11:30", [hour("S2", "11:00", "11:30")], join_keys=("zoom:1",))
    app = report(
        "v", "03-05 10:00", "03-05 12:00", [hour("S1", "10:00", "12:00"), hour("B1", "10:00", "12:00")],
        channel="in_person", source="/visits", join_keys=("zoom:1",),
    )  # fmt: skip
    folded = fold(room, call, app)
    row = only(folded)
    assert (row.status, row.occurred_at, row.ended_at) == ("held", at("03-05 10:00"), at("03-05 12:00"))
    assert {name for name, seat in people(folded, row).items() if seat.attended} == {"S1", "S2", "B1"}


def test_days_at_a_place_are_no_hours() -> None:
    """Of an entry with dates and no times nobody knows how long people met."""
    fair = plan("a", "03-05 12:00", "03-07 12:00", ["S1", "B1"], channel="in_person", time_quality="date_only")
    row = only(fold(fair))
    assert (row.status, row.time_quality) == ("held", "date_only")
    assert (row.buyer_minutes, row.seller_minutes) == (0, 0)


def test_a_report_of_the_whole_stay_needs_no_lost_leave() -> None:
    """A join whose leave was lost lasts to the end only where nothing else tells of that person's stay."""
    whole = report("u1", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("B1", "10:00", "10:10")])
    assert only(fold(step("B1", "03-05 10:00", joined=True), whole)).ended_at == at("03-05 10:10")
    other = report("u1", "03-05 10:00", "03-05 11:00", [hour("S1")])
    assert only(fold(step("B1", "03-05 10:00", joined=True), other)).ended_at == at("03-05 11:00")


@pytest.mark.parametrize(("start", "who", "count"), [("12:00", "B1", 1), ("12:01", "B1", 2), ("12:00", "B2", 2)])
def test_two_visits_an_hour_apart_with_a_common_buyer_are_one(start: str, who: str, count: int) -> None:
    """At most 60 minutes apart and a shared buyer; else two."""
    morning = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1"], channel="in_person", subject_text="Workshop")
    later = plan("b", f"03-05 {start}", "03-05 13:00", ["S2", who], channel="in_person", source="/visits")
    folded = fold(morning, later)
    assert len(folded.touchpoints) == count
    if count == 1:
        row = only(folded)
        assert (row.occurred_at, row.ended_at) == (at("03-05 10:00"), at("03-05 13:00"))
        assert (row.interaction_kind, rules_of(folded, row)) == ("workshop", {"dedupe_key": 1, "same_day_visit": 1})
        assert set(people(folded, row)) == {"S1", "S2", "B1"}


def test_a_day_of_visits_is_one_where_reports_are_made() -> None:
    """An evening in New York begins on one day of UTC and ends on the next; midnight there parts two visits."""
    here = msgspec.structs.replace(SETTINGS, coverage=Coverage(reporting_timezone="America/New_York"))
    first = plan("a", "03-05 22:30", "03-05 23:40", ["S1", "B1"], channel="in_person")
    later = plan("b", "03-06 00:20", "03-06 01:00", ["S1", "B1"], channel="in_person")
    assert len(fold(first, later, settings=here).touchpoints) == 1
    assert len(fold(first, later).touchpoints) == 2
    night = plan("a", "03-05 04:00", "03-05 04:50", ["S1", "B1"], channel="in_person")
    after = plan("b", "03-05 05:10", "03-05 06:00", ["S1", "B1"], channel="in_person")
    assert len(fold(night, after, settings=here).touchpoints) == 2
    assert len(fold(night, after).touchpoints) == 1
    scans = scan("1", "03-05 14:00", "S1", "B1"), scan("2", "03-06 01:00", "S1", "B2")
    assert len(fold(*scans, settings=here).touchpoints) == 1
    assert len(fold(*scans).touchpoints) == 2
    for one, other in ((first, later), scans):
        assert {fold_key(one), *link_keys(one)} & {fold_key(other), *link_keys(other)}


def test_two_visits_that_only_a_partner_shares_stay_two() -> None:
    """What makes two visits one is a person of the customer's."""
    morning = plan("a", "03-05 10:00", "03-05 11:00", ["S1", "B1", "P1"], channel="in_person")
    later = plan("b", "03-05 11:30", "03-05 12:00", ["S1", "B2", "P1"], channel="in_person")
    assert len(fold(morning, later).touchpoints) == 2


def scan(key: str, when: str, *names: str) -> Event:
    """A badge scan at our stand."""
    people_there = [party(one, "attendee", attended=True) for one in names]
    return report(key, when, when, people_there, channel="in_person", medium="trade_event", source="/badges")


def test_a_trade_event_is_one_touchpoint_by_account_and_day() -> None:
    """Two scans of one account on a day are one; another account and another day are their own."""
    folded = fold(
        scan("1", "03-05 10:00", "S1", "B1"),
        scan("2", "03-05 15:00", "S1", "B2"),
        scan("3", "03-05 16:00", "S1", "C1"),
        scan("4", "03-06 10:00", "S1", "B1"),
    )
    assert [(row.account_id, row.interaction_kind) for row in folded.touchpoints] == [
        ("A1", "event_contact"),
        ("A2", "event_contact"),
        ("A1", "event_contact"),
    ]
    assert set(people(folded, folded.touchpoints[0])) == {"S1", "B1", "B2"}


def test_a_trade_event_of_several_days_is_one_touchpoint_a_day() -> None:
    """An entry of three days is three, and a scan of one of them is that day's and tells its time; of dates alone each is at noon."""
    stand = plan(
        "fair",
        "03-05 12:00",
        "03-07 12:00",
        ["S1", "B1"],
        channel="in_person",
        medium="trade_event",
        time_quality="date_only",
    )
    folded = fold(stand, scan("1", "03-06 15:00", "S1", "B2"))
    first, second, third = sorted(folded.touchpoints, key=lambda row: row.occurred_at)
    assert [row.occurred_at for row in (first, second, third)] == [
        at("03-05 12:00"),
        at("03-06 15:00"),
        at("03-07 12:00"),
    ]
    assert [row.time_quality for row in (first, second, third)] == ["date_only", "source", "date_only"]
    assert (first.dedupe_key, third.dedupe_key) == ("meeting:fair", "meeting:fair@2026-03-07")
    assert [set(people(folded, row)) for row in (first, second, third)] == [
        {"S1", "B1"},
        {"S1", "B1", "B2"},
        {"S1", "B1"},
    ]
    assert {row.account_id for row in folded.touchpoints} == {"A1"}
    assert sum(row.duration_seconds or 0 for row in (first, second, third)) == 0


def test_the_days_of_a_fair_with_times() -> None:
    """Cut at the midnights of the reporting time zone; one that ends at midnight has no part of the next day."""
    here = msgspec.structs.replace(SETTINGS, coverage=Coverage(reporting_timezone="Europe/Berlin"))
    stand = plan("fair", "03-05 08:00", "03-06 23:00", ["S1", "B1"], channel="in_person", medium="trade_event")
    rows = sorted(fold(stand, settings=here).touchpoints, key=lambda row: row.occurred_at)
    assert [(row.occurred_at, row.ended_at) for row in rows] == [
        (at("03-05 08:00"), at("03-05 23:00")), (at("03-05 23:00"), at("03-06 23:00")),
    ]  # fmt: skip
    assert len(fold(stand).touchpoints) == 2
    months = plan("long", "01-01 08:00", "03-06 20:00", ["S1", "B1"], channel="in_person", medium="trade_event")
    assert len(fold(months).touchpoints) == 1


def test_one_trade_event_with_two_accounts_is_one_touchpoint_in_each() -> None:
    """Split by account, with our people in both, and the event a witness of both."""
    folded = fold(scan("1", "03-05 10:00", "S1", "B1", "C1"))
    assert {row.account_id: set(people(folded, row)) for row in folded.touchpoints} == {
        "A1": {"S1", "B1"},
        "A2": {"S1", "C1"},
    }
    assert {row.account_resolution for row in folded.touchpoints} == {"person"}  # no payload names an account
    assert len(folded.events) == 2


def test_a_meeting_with_two_customers_is_one_touchpoint_in_both_accounts() -> None:
    """Primary is the account with most attended people; the bridge holds both."""
    folded = fold(report("u", "03-05 10:00", "03-05 11:00", [hour("S1"), hour("C1"), hour("B1"), hour("B2")]))
    assert only(folded).account_id == "A1"
    assert [(row.account_id, row.is_primary) for row in folded.accounts] == [("A1", True), ("A2", False)]


# pairing joins and leaves


def test_pairing_survives_lost_and_doubled_marks() -> None:
    """A lost leave lasts to the end, a lost join from the start, two devices until both are gone."""
    assert pair_up([(5, JOIN)], 0, 60) == [(5, 60)]
    assert pair_up([(5, LEAVE)], 0, 60) == [(0, 5)]
    assert pair_up([(5, JOIN), (6, JOIN), (10, LEAVE), (20, LEAVE)], 0, 60) == [(5, 20)]
    assert pair_up([(5, JOIN), (10, LEAVE), (12, LEAVE), (20, JOIN)], 0, 60) == [(5, 10), (20, 60)]


PEOPLE = st.lists(st.sampled_from(["S1", "S2", "B1", "B2", "C1"]), min_size=1, max_size=4, unique=True)


@st.composite
def some_event(draw: st.DrawFn) -> Event:
    """A report or a plan of one afternoon, with few rooms, people and places, so that rules collide."""
    start = at("03-05 12:00") + draw(st.integers(0, 24)) * 10 * MINUTE
    end = start + draw(st.integers(0, 12)) * 10 * MINUTE
    names = draw(PEOPLE)
    keys = draw(st.sampled_from([(), ("zoom:1",), ("zoom:1", "ical:2")]))
    number, source = str(draw(st.integers(0, 5))), draw(st.sampled_from(["/gcal", "/zoom", "/salesforce"]))
    channel = draw(st.sampled_from(["video", "in_person"]))
    medium = draw(st.sampled_from([None, "trade_event"])) if channel == "in_person" else None
    common = {"source": source, "source_event_id": f"{source}{number}", "channel": channel, "medium": medium}
    if draw(st.booleans()):
        there = [party(one, "attendee", attended=True, joined_at=start, left_at=end) for one in names]
        return report(
            number,
            "03-05 10:00",
            "03-05 11:00",
            there,
            **common,
            join_keys=keys,
            occurred_at=start,
            ended_at=end,
            revision=draw(st.integers(1, 3)),
        )
    return plan(
        number,
        "03-05 10:00",
        "03-05 11:00",
        names,
        **common,
        join_keys=keys,
        occurred_at=start,
        ended_at=end,
        revision=draw(st.integers(1, 3)),
        is_void=draw(st.sampled_from([False, False, True])),
    )


@settings(max_examples=150)
@given(st.lists(some_event(), max_size=8), st.randoms(use_true_random=False))
def test_meetings_do_not_depend_on_order(events: list[Event], random: object) -> None:
    """Whatever rules meet: any order, with repetitions, gives equal rows, and every described record is witnessed."""
    unique = list({(e.source, e.source_event_id, e.revision): e for e in events}.values())
    witnesses = [witness(event) for event in unique]
    folded = folder().fold(witnesses)
    assert len({row.touchpoint_id for row in folded.touchpoints}) == len(folded.touchpoints)
    described = {(e.source, e.source_event_id) for e in unique if not e.is_void}
    keys = {e.dedupe_key for e in unique if not e.is_void}
    # a deletion of a plan, too, of what another source describes
    described |= {(e.source, e.source_event_id) for e in unique if e.family == "schedule" and e.dedupe_key in keys}
    expected = {one.event_id for one in witnesses if (one.event.source, one.event.source_event_id) in described}
    assert {row.event_id for row in folded.events} == expected
    shuffled = witnesses + witnesses[:3]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert folder().fold(shuffled) == folded
