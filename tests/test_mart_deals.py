"""Marts of deals: people, DART, hindsight and risk (semantics 5.4, 5.6, 5.8)."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from mart_world import World, about, moment, worked_example
from worked_example import ACCOUNT, CLOSED_AT, OPPORTUNITY, at, participant, touchpoint

from schemas.arrow import to_batch
from schemas.registry import TABLES
from transforms.settings import BusinessHours, Coverage, Settings
from warehouse.terms import Parameters, declare


@pytest.fixture(scope="module")
def example() -> World:
    return worked_example()


# semantics 5.4 to 5.6
DEAL = {
    "exec_first_engaged_days": 30.417,
    "exec_first_engaged_share_of_cycle": 0.4345,
    "exec_before_supplier_selection": False,
    "exec_engaged_by_day_30": False,
    "engaged_contacts": 3,
    "cocreation_evidence_count": 1,
    "dart_dialogue": 0.7917,
    "dart_access": 0.8542,
    "dart_risk": 0.25,
    "dart_transparency": 0.2083,
    "dart_index": 0.526,
    "in_person_count": 1,
    "remote_human_count": 9,
    "digital_count": 2,
    "loop_count": 2,
    "visit_count": 7,
    "champion_silence_days": 31.375,
    "is_single_threaded": False,
    "effective_threads": 2.4295,
    "contact_coverage": 0.60,
    "role_coverage": 0.75,
    "champion_active_week_share": 0.40,
    "champion_active_week_share_den": 10,
    "champion_reciprocity": 1.5,
    "champion_inbound_count": 3,
    "champion_evidence_count": 2,
    "enablement_on_time_share": 0.50,
    "enablement_on_time_share_den": 2,
    "dart_dialogue_n_items": 4,
    "dart_transparency_n_items": 4,
    "is_large_deal": True,
    "unresolved_share": 0.0,
    "unclassified_share": 0.111,
    "unclassified_share_num": 1,
}
# semantics 5.8, M16
REVIEW = {
    "single_threaded": False,
    "exec_never_engaged": False,
    "exec_after_supplier_selection": True,
    "competition_sheet_never_sent": False,
    "competition_sheet_late": True,
    "buyer_silent_before_close": True,
    "buyer_silent_days": 31.375,
    "seller_silent_days": 39.552,
    "internal_steps_never_seen": False,
    "validation_never_seen": True,
    "no_mutual_action_plan": True,
    "gap_count_core": 1,
    "gap_count_extended": 5,
    "no_good_reason": True,
}


@pytest.mark.parametrize("column", DEAL)
def test_opportunity_coverage(example: World, column: str) -> None:
    """The deal's figures of semantics 5.4 and 5.6 hold at its close."""
    assert example.one("mart_opportunity_coverage")[column] == about(DEAL[column])


@pytest.mark.parametrize("column", REVIEW)
def test_lost_deal_review(example: World, column: str) -> None:
    """The hindsight table of semantics 5.8 holds."""
    assert example.one("mart_lost_deal_review")[column] == about(REVIEW[column])


def test_good_loss_reason_is_a_good_reason() -> None:
    """A deal lost for its price is not lost for no good reason, whatever its gaps."""
    world = worked_example(built=False)
    world.con.execute("UPDATE dim_opportunity SET loss_reason = 'price'")
    world.build()
    review = world.one("mart_lost_deal_review")
    assert (review["gap_count_extended"], review["no_good_reason"]) == (5, False)


@pytest.mark.parametrize(
    ("reason", "is_good"),
    [("Product Gap", True), ("product-gap ", True), ("BudgetWithdrawn", True), ("No Gap", False), (None, False)],
)
def test_a_loss_reason_is_told_whatever_its_case_and_separators(reason: str | None, is_good: bool) -> None:
    """CRMs write the labels of their pick lists; none given is no good reason."""
    world = worked_example(built=False)
    world.con.execute("UPDATE dim_opportunity SET loss_reason = ?", [reason])
    world.build()
    assert world.one("mart_lost_deal_review")["no_good_reason"] is not is_good
    assert world.con.execute("SELECT loss_reason FROM dim_opportunity").fetchall() == [(reason,)]


def test_a_setting_may_name_loss_reasons_as_the_crm_does() -> None:
    """``good_loss_reasons`` is read without case and separators too."""
    world = worked_example(built=False, settings=Settings(coverage=Coverage(good_loss_reasons=("No Decision",))))
    world.build()
    assert not world.one("mart_lost_deal_review")["no_good_reason"]


def test_review_sees_nothing_after_the_close() -> None:
    """A touchpoint after the close leaves the review as it was."""
    world = worked_example(as_of=at("06-20 00:00"), built=False)
    late = touchpoint("L1", "05-20 10:00", job="validation", actor_party_id="B4")
    world.load([late], {"L1": [participant("L1", 1, "B4", "actor", is_engaged=True)]})
    world.build()
    assert {c: about(v) for c, v in REVIEW.items()} == {c: world.one("mart_lost_deal_review")[c] for c in REVIEW}
    assert world.one("mart_opportunity_coverage")["engaged_contacts"] == 3


def test_a_deal_that_closes_after_the_clock_is_open_then() -> None:
    """As of 04-30 the lost deal of the example is at risk, whatever the CRM knows by now; as of its close it is reviewed."""
    world = worked_example(at("04-30 00:00"))
    assert world.one("mart_deal_risk")["risk_level"] == "medium"
    assert world.rows("mart_lost_deal_review") == []
    assert world.one("mart_opportunity_coverage")["exec_first_engaged_share_of_cycle"] is None
    assert {row["to_state"] for row in world.rows("mart_transition_matrix")} & {"LOST", "OPEN"} == {"OPEN"}
    world.as_of = CLOSED_AT
    world.build(everything=False)
    assert world.rows("mart_deal_risk") == []
    assert {c: about(v) for c, v in REVIEW.items()} == {c: world.one("mart_lost_deal_review")[c] for c in REVIEW}
    assert {c: about(v) for c, v in DEAL.items()} == {c: world.one("mart_opportunity_coverage")[c] for c in DEAL}


def test_a_plan_edited_among_pages_is_a_plan() -> None:
    """A session in which the buyer also looked around shows the mutual action plan all the same."""
    world = worked_example(built=False)
    session = touchpoint(
        "P1", "04-10 10:00", channel="app", direction="self_serve", interaction_kind="session", tags=["plan_update"]
    )
    world.load([session], {"P1": [participant("P1", 1, "B1", "actor", is_engaged=True)]})
    world.build()
    review = world.one("mart_lost_deal_review")
    assert (review["no_mutual_action_plan"], review["internal_steps_never_seen"]) == (False, False)
    assert world.one("mart_opportunity_coverage")["cocreation_evidence_count"] == 2


@pytest.mark.parametrize(("in_the_group", "contacts", "days"), [(False, 3, 30.417), (True, 4, 1.417)])
def test_the_people_of_another_customer_are_no_contacts(in_the_group: bool, contacts: int, days: float) -> None:
    """In a meeting of two customers the other one's executive is not the deal's, unless the buying group names them."""
    world = worked_example(built=False)
    world.dim("dim_person", {"person_id": "C1", "side": "buyer", "account_id": "A2", "is_executive": True})
    if in_the_group:
        group = {"opportunity_id": OPPORTUNITY, "person_id": "C1", "buyer_role": "influencer"}
        world.dim("dim_buying_group_member", group)
    meeting = touchpoint("M1", "03-03 10:00", "03-03 11:00", channel="video", direction="mutual")
    there = [
        participant("M1", n, who, "required", attended=True, is_engaged=who != "S1", is_executive=who == "C1")
        for n, who in enumerate(("S1", "B1", "C1"))
    ]
    world.load([meeting], {"M1": there}, also_in={"M1": ["A2"]})
    world.build()
    coverage = world.one("mart_opportunity_coverage")
    assert (coverage["engaged_contacts"], coverage["exec_first_engaged_days"]) == (contacts, about(days))


@pytest.mark.parametrize(
    ("answers", "is_next_step"),
    [
        ({"S1": None, "B1": None}, True),
        ({"S1": None, "B1": False, "B2": None}, True),
        ({"S1": None, "B1": False, "B2": False}, False),
        ({"S1": False, "B1": None}, False),
        ({"B1": None}, True),
    ],
)
def test_a_meeting_that_one_side_has_declined_is_no_next_step(
    answers: dict[str, bool | None], is_next_step: bool
) -> None:
    """It will not take place; who has not answered may come."""
    world = worked_example(at("04-30 00:00"), closed=False, built=False)
    plan = touchpoint(
        "P1", "05-05 10:00", "05-05 11:00", channel="video", direction="mutual", status="scheduled", is_countable=False
    )
    seats = [participant("P1", n, who, "required", attended=answer) for n, (who, answer) in enumerate(answers.items())]
    world.load([plan], {"P1": seats})
    world.build()
    assert ("no_next_step" not in world.one("mart_deal_risk")["signals"]) is is_next_step


def test_deal_risk() -> None:
    """As of 04-30 the buyer is silent for 20.4 days, nothing is planned and validation is missing: medium."""
    world = worked_example(at("04-30 00:00"), closed=False)
    risk = world.one("mart_deal_risk")
    assert risk["signals"] == ["buyer_silent", "no_next_step", "validation_or_consensus_missing"]
    assert (risk["signal_count"], risk["risk_level"], risk["as_of_date"]) == (3, "medium", date(2026, 4, 30))


def test_planned_meeting_is_a_next_step() -> None:
    """A meeting that the calendar holds for later takes the signal away, for it is a next step though nobody has met."""
    world = worked_example(at("04-30 00:00"), closed=False, built=False)
    plan = touchpoint(
        "P1", "05-06 10:00", "05-06 11:00", channel="video", direction="mutual", status="scheduled", is_countable=False
    )
    world.insert("fact_touchpoint", to_batch(TABLES["fact_touchpoint"], [plan]))
    world.dim("bridge_touchpoint_account", {"touchpoint_id": "P1", "account_id": "A1", "is_primary": True})
    world.build()
    assert world.one("mart_deal_risk")["signals"] == ["buyer_silent", "validation_or_consensus_missing"]
    world.con.execute("UPDATE fact_touchpoint SET account_id = 'A2', opportunity_id = 'O2' WHERE touchpoint_id = 'P1'")
    world.con.execute("UPDATE bridge_touchpoint_account SET is_primary = false WHERE touchpoint_id = 'P1'")
    world.dim("bridge_touchpoint_account", {"touchpoint_id": "P1", "account_id": "A2", "is_primary": True})
    world.build()
    assert world.one("mart_deal_risk")["signals"] == ["buyer_silent", "validation_or_consensus_missing"]


def test_ghosted_and_single_threaded() -> None:
    """Two messages without an answer, the older a week ago, are a signal; so is nobody engaged for 30 days."""
    world = worked_example(at("05-20 00:00"), closed=False, built=False)
    chasing = [touchpoint(f"G{n}", f"05-{10 + n} 10:00", direction="outbound") for n in (1, 2)]
    world.load(chasing, {t.touchpoint_id: [participant(t.touchpoint_id, 1, "S1", "actor")] for t in chasing})
    world.build()
    assert {"ghosted", "single_threaded"} <= set(world.one("mart_deal_risk")["signals"])
    assert world.one("mart_deal_risk")["risk_level"] == "high"


def test_closed_deal_has_no_risk(example: World) -> None:
    """Risk is a question of open deals."""
    assert example.rows("mart_deal_risk") == []
    assert worked_example(at("04-30 00:00"), closed=False).rows("mart_lost_deal_review") == []


@pytest.mark.parametrize(
    ("start", "days", "deadline"),
    [
        ("03-05 15:00", 2, "03-09 15:00"),
        ("03-06 16:30", 5, "03-13 16:30"),
        ("03-07 10:00", 2, "03-11 00:00"),
        ("03-02 09:00", 4, "03-06 09:00"),
        ("03-03 09:00", 4, "03-09 09:00"),
    ],
)
def test_business_deadline(start: str, days: int, deadline: str) -> None:
    """Business days run from Monday to Friday; a weekend's start counts from Monday."""
    assert deadline_of(Settings(), start, days) == moment(at(deadline))


@pytest.mark.parametrize(
    ("start", "days", "deadline"),
    [
        ("03-05 15:00", 2, "03-10 15:00"),
        ("03-06 16:30", 1, "03-10 00:00"),
        ("03-08 10:00", 0, "03-09 00:00"),
        ("03-12 09:00", 1, "03-15 09:00"),
    ],
)
def test_business_days_are_those_of_the_settings(start: str, days: int, deadline: str) -> None:
    """Open from Sunday to Thursday, and not on the holiday, Sunday 03-08: neither that nor Friday and Saturday is a business day."""
    hours = BusinessHours(days=("sun", "mon", "tue", "wed", "thu"), holidays=("2026-03-08",))
    assert deadline_of(Settings(business_hours=hours), start, days) == moment(at(deadline))


def deadline_of(settings: Settings, start: str, days: int) -> datetime:
    world = worked_example(built=False, settings=settings)
    declare(world.con, Parameters.of(world.settings, world.as_of), everything=True)
    ((found,),) = world.con.execute("SELECT business_deadline(make_timestamptz(?), ?)", [at(start), days]).fetchall()
    assert isinstance(found, datetime)
    return found


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Havana", "2023-11-05", "2023-11-05 04:00"),
        ("Atlantic/Azores", "2023-10-29", "2023-10-29 00:00"),
        ("America/Santiago", "2023-09-03", "2023-09-03 04:00"),
        ("Asia/Beirut", "2023-10-29", "2023-10-28 22:00"),
        ("Australia/Lord_Howe", "2023-04-02", "2023-04-01 13:00"),
    ],
)
def test_a_day_begins_with_its_first_moment(zone: str, day: str, begins: str) -> None:
    """Where the clocks go back over midnight it comes twice; where they go forward there is none."""
    world = worked_example(built=False, settings=Settings(coverage=Coverage(reporting_timezone=zone)))
    declare(world.con, Parameters.of(world.settings, world.as_of), everything=True)
    query = """WITH d AS (SELECT start_of_day(?::DATE) AS t)
               SELECT strftime(timezone('UTC', t), '%Y-%m-%d %H:%M'), local_day(t)::VARCHAR,
                      local_day(t - INTERVAL 1 MICROSECOND)::VARCHAR < ? FROM d"""
    assert world.con.execute(query, [day, day]).fetchall() == [(begins, day, True)]


def test_first_touchpoint_has_no_gap() -> None:
    """A buyer whose one gap was 20 days is not silent after 30: twice the median gap is 40."""
    world = worked_example(at("04-30 00:00"), closed=False, built=False)
    world.take_out("A1")
    rows = [touchpoint(f"R{n}", day) for n, day in enumerate(("03-11 00:00", "03-31 00:00"))]
    world.load(rows, {t.touchpoint_id: [participant(t.touchpoint_id, 1, "B1", "actor", is_engaged=True)] for t in rows})
    world.build()
    assert "buyer_silent" not in world.one("mart_deal_risk")["signals"]


def test_closed_deal_without_a_date_has_no_age() -> None:
    """Nobody knows whether a won deal without a date of closing lived for 30 days, whenever one asks."""
    world = worked_example(built=False)
    world.con.execute("UPDATE dim_opportunity SET status = 'won', closed_at = NULL")
    world.build()
    row = world.one("mart_opportunity_coverage")
    assert (row["exec_engaged_by_day_30"], row["engaged_contacts"], row["champion_silence_days"]) == (None, 0, None)


def test_deal_counts_its_own_accounts_people() -> None:
    """Of a meeting with two customers the deal counts the people of its own account, not the other's executive, nor a stranger whose
    address is at the other's; one whose address says nothing may be of either."""
    world = worked_example(built=False)
    world.dim("dim_account", {"account_id": "A2", "name": "Two", "domains": []})
    world.dim(
        "dim_person",
        {"person_id": "X1", "full_name": "X1", "side": "buyer", "account_id": "A2", "is_executive": True},
    )
    both = touchpoint(
        "M1", "03-03 10:00", "03-03 11:00", channel="video", direction="mutual", interaction_kind="meeting"
    )
    seats = [
        participant("M1", 1, "S1", "organizer", attended=True),
        participant("M1", 2, "B1", "required", attended=True, is_engaged=True),
        participant("M1", 3, "X1", "required", attended=True, is_engaged=True, is_executive=True),
    ]
    strangers = [
        participant("M1", 4, "u:theirs", "required", attended=True, is_engaged=True, home_account_id="A2"),
        participant("M1", 5, "u:nobody's", "required", attended=True, is_engaged=True),
    ]
    world.load([both], {"M1": [*seats, *strangers]}, also_in={"M1": ["A2"]})
    world.build()
    row = world.one("mart_opportunity_coverage")
    assert (row["engaged_contacts"], row["exec_first_engaged_days"]) == (4, about(30.417))
    contacts = {
        r["account_id"]: r["engaged_contacts"] for r in world.rows("mart_account_period", "period_grain = 'lifetime'")
    }
    assert contacts == {"A1": 4, "A2": 3}


def test_open_deal_is_single_threaded_by_its_last_30_days() -> None:
    """Three people were engaged, but only one of them in the 30 days before as_of."""
    world = worked_example(at("05-08 12:00"), closed=False)
    row = world.one("mart_opportunity_coverage")
    assert (row["engaged_contacts"], row["is_single_threaded"]) == (3, True)
    assert (
        worked_example(at("05-07 08:00"), closed=False).one("mart_opportunity_coverage")["is_single_threaded"] is False
    )


def test_a_report_of_an_internal_step_is_evidence_of_the_champion() -> None:
    """A champion who tells of an internal step adds to the evidence; one who brings a new person in copy does too."""
    world = worked_example(built=False)
    tells = touchpoint("L1", "04-20 10:00", tags=["internal_step"])
    brings = touchpoint("L2", "04-21 10:00")
    seats = {
        "L1": [participant("L1", 1, "B1", "actor", is_engaged=True)],
        "L2": [participant("L2", 1, "B1", "actor", is_engaged=True), participant("L2", 2, "B4", "cc")],
    }
    world.load([tells, brings], seats)
    assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == 4


def test_a_step_that_another_told_of_is_no_report_of_the_champion() -> None:
    """The champion sits in a meeting about an internal step: it is a report of whoever called it, as ``fact_internal_step`` has it."""
    meeting = {"channel": "video", "direction": "mutual", "interaction_kind": "meeting", "tags": ["internal_step"]}
    for caller, side, evidence in (("S1", "seller", 2), ("B2", "buyer", 2), ("B1", "buyer", 3)):
        world = worked_example(built=False)
        held = touchpoint("L1", "04-20 10:00", "04-20 11:00", **meeting, actor_party_id=caller, actor_side=side)
        seats = [
            participant("L1", n, person, "organizer" if person == caller else "attendee", attended=True, is_engaged=person != "S1")
            for n, person in enumerate(("B1", "B2", "S1"), 1)
        ]  # fmt: skip
        world.load([held], {"L1": seats})
        assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == evidence
        assert world.one("fact_internal_step")["told_by_party_id"] == caller


def test_whom_a_meeting_did_not_see_the_champion_did_not_bring() -> None:
    """A person who was asked to a meeting with the champion and stayed away is first seen, and brought, when they come."""
    world = worked_example(built=False)
    held = {"channel": "video", "direction": "mutual", "interaction_kind": "meeting"}
    missed = touchpoint("L1", "04-20 10:00", "04-20 11:00", **held)
    seats = {
        "L1": [
            participant("L1", 1, "B1", "required", attended=True, is_engaged=True),
            participant("L1", 2, "B4", "required", attended=False),
        ],
        "L2": [
            participant("L2", 1, "B1", "required", attended=True, is_engaged=True),
            participant("L2", 2, "B4", "required", attended=True, is_engaged=True),
        ],
    }
    world.load([missed], seats)
    assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == 2
    world.load([touchpoint("L2", "04-21 10:00", "04-21 11:00", **held)], seats)
    assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == 3


def test_amounts_in_other_currencies_are_not_compared() -> None:
    """Large is said of US dollars, from the settings' amount."""
    world = worked_example(settings=Settings(coverage=Coverage(large_deal_amount=640_000.01)))
    assert world.one("mart_opportunity_coverage")["is_large_deal"] is False
    world.con.execute("UPDATE dim_opportunity SET currency = 'EUR'")
    assert world.build().one("mart_opportunity_coverage")["is_large_deal"] is None


@pytest.mark.parametrize(("replied", "index"), [("05-10 10:00", True), ("05-11 00:30", False)])
def test_an_answer_after_the_close_came_too_late_for_the_deal(replied: str, index: bool) -> None:
    """A question of the last day: what its answer brings to DART counts up to the close, and is no hindsight afterwards."""
    world = worked_example(at("06-30 00:00"), built=False)
    asked = touchpoint("X1", "05-09 10:00", thread_id="x", is_question=True, channel="chat")
    reply = touchpoint("X2", replied, direction="outbound", thread_id="x", channel="chat")
    if not index:  # nothing is attached to a deal that is closed
        reply = touchpoint("X2", replied, direction="outbound", thread_id="x", channel="chat", opportunity_id=None)
    seats = {
        "X1": [participant("X1", 0, "B2", "actor", is_engaged=True), participant("X1", 1, "S1", "to")],
        "X2": [participant("X2", 0, "S1", "actor"), participant("X2", 1, "B2", "to")],
    }
    world.load([asked, reply], seats)
    world.build()
    without = worked_example(at("06-30 00:00"), built=False)
    without.load([asked], seats)
    without.build()
    deal, unanswered = world.one("mart_opportunity_coverage"), without.one("mart_opportunity_coverage")
    names = ("dart_dialogue", "dart_access", "dart_risk", "dart_transparency", "dart_index")
    assert ([deal[name] for name in names] == [unanswered[name] for name in names]) is not index


def test_an_executive_engaged_before_the_opening_was_so_from_the_start() -> None:
    """The days are told as they are; the share of the cycle is none below 0."""
    world = worked_example(built=False)
    early = touchpoint("X1", "02-20 10:00", thread_id="x")
    world.load(
        [early], {"X1": [participant("X1", 0, "B3", "actor", is_engaged=True), participant("X1", 1, "S1", "to")]}
    )
    deal = world.build().one("mart_opportunity_coverage")
    assert deal["exec_first_engaged_days"] < 0
    assert deal["exec_first_engaged_share_of_cycle"] == 0


def test_a_closed_deal_without_an_executive_has_no_share_of_the_cycle() -> None:
    """NULL if never, and not 0, which would be from the very start."""
    world = worked_example(built=False)
    world.con.execute("UPDATE fact_touchpoint_participant SET is_executive = false")
    deal = world.build().one("mart_opportunity_coverage")
    assert (deal["exec_first_engaged_at"], deal["exec_first_engaged_share_of_cycle"]) == (None, None)


def test_a_partners_messages_are_none_of_ours() -> None:
    """Neither our answers nor our silence, nor what we delivered."""
    before = worked_example()
    world = worked_example(built=False)
    told = {"direction": "outbound", "actor_side": "partner", "actor_party_id": "P1"}
    asset = {"asset_type": "pricing_proposal", "asset_types": ["pricing_proposal"]}
    mails = [
        touchpoint("X1", "05-02 10:00", thread_id="th9", **told),
        touchpoint("X2", "05-04 10:00", thread_id="th9", **told, **asset),
    ]
    seats = [
        [
            participant(name, 0, "P1", "actor", side="partner"),
            participant(name, 1, "B1", "to", buyer_roles=["champion"]),
        ]
        for name in ("X1", "X2")
    ]
    world.load(mails, {mail.touchpoint_id: people for mail, people in zip(mails, seats, strict=True)})
    world.build()
    for mart, columns in {
        "mart_opportunity_coverage": ("champion_reciprocity", "dart_dialogue", "dart_transparency"),
        "mart_dart_account_period": ("dart_dialogue", "dart_transparency"),
        "mart_lost_deal_review": ("seller_silent_days",),
        "mart_relationship": ("dialogue_ratio", "delivered_asset_count"),
    }.items():
        where = "period_grain = 'lifetime'" if mart == "mart_dart_account_period" else "true"
        was, now = before.one(mart, where), world.one(mart, where)
        assert [now[column] for column in columns] == [was[column] for column in columns], mart


def test_ghosting_is_ours_to_suffer() -> None:
    """Two messages of a partner's that stay unanswered are no two of ours."""
    told = {"direction": "outbound", "actor_party_id": "P1"}
    for side, is_ghosted in (("seller", True), ("partner", False)):
        world = worked_example(at("05-08 12:00"), closed=False, built=False)
        world.load(
            [
                touchpoint(name, f"04-{day} 10:00", thread_id="th9", actor_side=side, **told)
                for name, day in (("X1", 20), ("X2", 22))
            ],
            {},
        )
        assert ("ghosted" in world.build().one("mart_deal_risk")["signals"]) is is_ghosted


def test_a_meeting_that_goes_on_at_the_close_leaves_no_negative_silence() -> None:
    world = worked_example(built=False)
    running = touchpoint(
        "X1", "05-10 23:00", "05-11 01:00", channel="video", direction="mutual", interaction_kind="meeting"
    )
    seats = [
        participant("X1", 1, "S1", "organizer", attended=True),
        participant("X1", 2, "B1", "required", attended=True, is_engaged=True),
    ]
    world.load([running], {"X1": seats})
    review = world.build().one("mart_lost_deal_review")
    assert (review["buyer_silent_days"], review["seller_silent_days"]) == (0, 0)
    assert world.one("mart_opportunity_coverage")["champion_silence_days"] == 0


@pytest.mark.parametrize(("known_from", "brought"), [("02-10 10:00", 0), ("04-25 10:00", 1)])
def test_whom_the_account_knew_before_is_not_new(known_from: str, brought: int) -> None:
    """Somebody who wrote before the deal, in no deal, is not brought to it by the champion who meets us with them."""
    world = worked_example(built=False)
    alone = touchpoint("L0", known_from, opportunity_id=None)
    together = touchpoint("L1", "04-21 10:00", "04-21 11:00", channel="video", direction="mutual")
    seats = {
        "L0": [participant("L0", 1, "B4", "actor", is_engaged=True)],
        "L1": [
            participant("L1", 1, "B1", "required", attended=True, is_engaged=True),
            participant("L1", 2, "B4", "required", attended=True, is_engaged=True),
        ],
    }
    world.load([alone, together], seats)
    assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == 2 + brought


def test_another_customers_reader_is_nobody_the_champion_brought() -> None:
    """In copy of the champion's mail somebody of another customer reads along: the deal gains no contact by that."""
    for home, brought in (("A2", 0), (ACCOUNT, 1)):
        world = worked_example(built=False)
        world.dim("dim_person", {"person_id": "C3", "side": "buyer", "account_id": home})
        seats = [participant("L1", 1, "B1", "actor", is_engaged=True), participant("L1", 2, "C3", "cc")]
        world.load([touchpoint("L1", "04-21 10:00")], {"L1": seats})
        assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == 2 + brought


def test_a_champion_may_bring_another() -> None:
    """Who is first seen in copy of a champion's mail was brought, a champion or not; two who first meet us together were not."""
    both = ["champion"]
    for role, is_engaged, brought in (("cc", False, 1), ("required", True, 0)):
        world = worked_example(built=False)
        shown = {"channel": "video", "direction": "mutual"} if is_engaged else {}
        seats = [
            participant("L1", 1, "B1", "actor", is_engaged=True, attended=is_engaged or None, buyer_roles=both),
            participant("L1", 2, "B4", role, is_engaged=is_engaged, attended=is_engaged or None, buyer_roles=both),
        ]
        world.load([touchpoint("L1", "04-21 10:00", "04-21 11:00", **shown)], {"L1": seats})
        assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == 2 + brought


def test_a_need_that_is_not_overdue_is_not_unmet() -> None:
    """Forty business hours after Monday 09:00 are over on Friday 17:00, and until Monday 09:00 none has passed beyond them."""
    told = {"tags": ["competitor"], "is_question": True, "thread_id": "th9"}
    for as_of, outcome, is_unmet in (("05-11 00:00", "open", False), ("05-11 09:01", "late", True)):
        world = worked_example(at(as_of), closed=False, built=False)
        seats = [participant("X1", 0, "B1", "actor", is_engaged=True), participant("X1", 1, "S1", "to")]
        world.load([touchpoint("X1", "05-04 09:00", **told)], {"X1": seats})
        world.build()
        (need,) = world.rows("fact_enablement_need", "asked_touchpoint_id = 'X1'")
        assert need["outcome"] == outcome
        assert ("unmet_need" in world.one("mart_deal_risk")["signals"]) is is_unmet


def test_who_has_left_an_open_deal_is_no_member_any_more() -> None:
    world = worked_example(at("05-08 12:00"), closed=False, built=False)
    world.con.execute(
        f"UPDATE dim_buying_group_member SET valid_to = make_timestamptz({at('05-08 12:00')}) WHERE person_id = 'B1'"
    )
    assert world.build().one("mart_opportunity_coverage")["contact_coverage_den"] == 4


def test_a_membership_that_ends_with_the_deal_is_known_at_its_close() -> None:
    """Who was in the group until the very close is one of its members; who left a moment before is not."""
    world = worked_example(built=False)
    world.con.execute(
        f"UPDATE dim_buying_group_member SET valid_to = make_timestamptz({CLOSED_AT}) WHERE person_id = 'B1'"
    )
    assert world.build().one("mart_opportunity_coverage")["contact_coverage_den"] == 5
    world.con.execute(
        f"UPDATE dim_buying_group_member SET valid_to = make_timestamptz({CLOSED_AT - 1}) WHERE person_id = 'B1'"
    )
    assert world.build().one("mart_opportunity_coverage")["contact_coverage_den"] == 4


def test_a_business_deadline_keeps_the_time_of_day() -> None:
    """In the reporting time zone: two business days after Thursday 16:00 in New York are Monday 16:00 there, summer time or not."""
    settings = Settings(coverage=Coverage(reporting_timezone="America/New_York"))
    assert deadline_of(settings, "03-05 21:00", 2) == moment(at("03-09 20:00"))
