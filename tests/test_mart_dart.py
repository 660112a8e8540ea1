"""DART of an account by period (semantics 5.6), by hand from the twelve touchpoints; the lifetime is the deal's."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from mart_world import World, about, worked_example
from worked_example import CLOSED_AT, at, participant, touchpoint

from transforms.settings import BusinessHours, Settings

PERIODS = {
    "W10": ("week", "2026-03-02"),
    "W11": ("week", "2026-03-09"),
    "W12": ("week", "2026-03-16"),
    "Mar": ("month", "2026-03-01"),
    "Apr": ("month", "2026-04-01"),
    "lifetime": ("lifetime", "1970-01-01"),
}
ITEMS = {  # in the order of PERIODS
    "dialogue_ratio": (0.5, 1.0, None, 1.0, 0, 0.75),  # W10: T02, T05 in, T03 out
    "response_rate": (1.0, 0, None, 2 / 3, None, 2 / 3),  # T08 of W11 waits for 101 h
    "reciprocated_thread_share": (0.5, 0, None, 1.0, 0, 0.75),  # T05 is answered in W11
    "question_answered_share": (1.0, 1.0, None, 1.0, None, 1.0),
    "buyer_channel_answer_coverage": (2 / 3, 0, None, 2 / 3, 0, 2 / 3),
    "hands_on_offered": (True, True, False, True, False, True),  # T04, T07
    "role_coverage": (0.5, 0.5, 0, 0.5, 0.75, 0.75),  # B1, B2; in April B3 as well
    "needed_asset_delivered_share": (1.0, None, None, 1.0, None, 1.0),  # both needs were first asked in W10
    "risk_asset_share": (0, 0, 0, 0, 0, 0),
    "buyer_validated": (False,) * 6,
    "trade_offs_disclosed": (False, False, False, True, False, True),  # T09
    "risk_item_buyer_owned_share": (None,) * 6,
    "price_disclosed": (False,) * 6,  # visits of selection start in W10 and W11; nor is it where none does
    "mutual_action_plan_score": (0, 0, 0, 0, 0, 0),
    "enablement_on_time_share": (0.5, None, None, 0.5, None, 0.5),
    "mutual_followup_share": (1.0, 0, None, 0.5, 0, 1 / 3),  # T04 by T06 on Monday, in the week after
    "dart_dialogue": (0.75, 0.5, None, 0.9167, 0, 0.7917),
    "dart_access": (0.7917, 0.5, 0, 0.7917, 0.25, 0.8542),
    "dart_risk": (0, 0, 0, 0.25, 0, 0.25),
    "dart_transparency": (0.375, 0, 0, 0.25, 0, 0.2083),
    "dart_index": (0.4792, 0.25, None, 0.5521, 0.0625, 0.526),
    "dart_dialogue_n_items": (4, 4, 0, 4, 2, 4),
    "dart_access_n_items": (4, 3, 2, 4, 3, 4),
    "dart_risk_n_items": (4, 4, 4, 4, 4, 4),
    "dart_transparency_n_items": (4, 3, 2, 4, 3, 4),
}


@pytest.fixture(scope="module")
def example() -> World:
    return worked_example()


def row(world: World, period: str, account: str = "A1") -> dict[str, Any]:
    grain, start = PERIODS[period]
    return world.one(
        "mart_dart_account_period",
        f"account_id = '{account}' AND period_grain = '{grain}' AND period_start = DATE '{start}'",
    )


@pytest.mark.parametrize("column", ITEMS)
def test_items_by_period(example: World, column: str) -> None:
    """What happened in the period; an answer, a delivery or a follow-up may come after it."""
    for period, expected in zip(PERIODS, ITEMS[column], strict=True):
        assert row(example, period)[column] == about(expected), period


def test_the_lifetime_of_one_deal_is_the_deals(example: World) -> None:
    """Where an account has one deal and nothing besides, its lifetime has the deal's figures, to the last bit."""
    account, deal = row(example, "lifetime"), example.one("mart_opportunity_coverage")
    shared = [name for name in deal if name in account and name != "account_id"]
    assert len(shared) >= 15
    assert {name: account[name] for name in shared} == {name: deal[name] for name in shared}


def test_it_has_the_rows_and_metrics_of_account_period(example: World) -> None:
    """A row for each of its rows, quiet weeks included, with the same M2, M8r, M9 and M9t."""
    names = (
        "period_grain", "period_start", "dialogue_ratio", "response_rate", "reciprocated_thread_share", "buyer_channel_answer_coverage", "is_final",
    )  # fmt: skip
    ours, theirs = example.rows("mart_dart_account_period"), example.rows("mart_account_period")
    assert [[r[n] for n in names] for r in ours] == [[r[n] for n in names] for r in theirs]


@pytest.mark.parametrize(
    ("sent", "disclosed"),
    [
        ("03-02 09:00", {"W10": True, "W11": True, "W12": False, "Mar": True, "Apr": False, "lifetime": True}),
        ("03-13 16:30", {"W10": True, "W11": True, "W12": False, "Mar": True, "Apr": False, "lifetime": True}),
        ("03-16 09:00", {"W10": False, "W11": True, "W12": True, "Mar": False, "Apr": False, "lifetime": False}),
        ("04-02 09:00", {"W10": False, "W11": False, "W12": False, "Mar": False, "Apr": True, "lifetime": False}),
    ],
)
def test_a_price_by_five_business_days(sent: str, disclosed: dict[str, bool]) -> None:
    """Selection began on Friday 03-06 16:30 and again on 03-12: the price may come in another period, but by the Friday or Thursday after."""
    world = worked_example(built=False)
    price = touchpoint("X1", sent, direction="outbound", asset_types=["pricing_proposal"], thread_id="x")
    world.load([price], {"X1": [participant("X1", 0, "S1", "actor"), participant("X1", 1, "B1", "to")]})
    world.build()
    assert {period: row(world, period)["price_disclosed"] for period in disclosed} == disclosed
    assert world.one("mart_opportunity_coverage")["dart_transparency"] == row(world, "lifetime")["dart_transparency"]


def test_a_holiday_is_no_business_day() -> None:
    """With Friday 03-13 off, a price on Monday the 16th is in time for a selection that began on Friday the 6th."""
    world = worked_example(built=False, settings=Settings(business_hours=BusinessHours(holidays=("2026-03-13",))))
    price = touchpoint("X1", "03-16 09:00", direction="outbound", asset_types=["pricing_proposal"], thread_id="x")
    world.load([price], {"X1": [participant("X1", 0, "S1", "actor"), participant("X1", 1, "B1", "to")]})
    world.build()
    assert world.one("mart_dart_account_period", "period_grain = 'lifetime'")["price_disclosed"] is True


@pytest.mark.parametrize(
    ("to", "when", "share"),
    [
        ("B2", "03-13 12:00", 2 / 3),  # two business days after the workshop of Wednesday, to the minute
        ("B2", "03-13 12:01", 1 / 3),
        ("B2", "03-11 11:59", 1 / 3),  # while it lasts
        ("B4", "03-12 09:00", 1 / 3),  # who was not there
    ],
)
def test_a_follow_up_goes_to_somebody_who_was_there(to: str, when: str, share: float) -> None:
    """An outbound message to an attendee, from the end of the meeting until 2 business days later."""
    world = worked_example(built=False)
    note = touchpoint("X1", when, direction="outbound", thread_id="x")
    world.load([note], {"X1": [participant("X1", 0, "S1", "actor"), participant("X1", 1, to, "to")]})
    world.build()
    assert row(world, "lifetime")["mutual_followup_share"] == about(share)


def test_a_partner_does_not_follow_up_for_us() -> None:
    """What a partner writes to the buyer on the day after the workshop is outbound, and no message of ours."""
    world = worked_example(built=False)
    note = touchpoint(
        "X1", "03-12 12:00", direction="outbound", actor_side="partner", actor_party_id="P1", thread_id="x"
    )
    seats = [participant("X1", 0, "P1", "actor", side="partner"), participant("X1", 1, "B2", "to")]
    world.load([note], {"X1": seats})
    world.build()
    assert row(world, "lifetime")["mutual_followup_share"] == about(1 / 3)
    assert world.one("mart_opportunity_coverage")["dart_transparency"] == about(0.2083)


def test_an_account_has_more_than_its_deal() -> None:
    """Research before any deal is the account's; a meeting shared with another customer is in both accounts, with their own people."""
    world = worked_example(built=False)
    world.dim("dim_person", {"person_id": "C1", "side": "buyer", "account_id": "A2"})
    world.dim("dim_opportunity", {"opportunity_id": "O2", "account_id": "A2", "status": "open"})
    world.dim("dim_buying_group_member", {"opportunity_id": "O2", "person_id": "C1", "buyer_role": "user"})
    early = touchpoint("X1", "02-02 10:00", opportunity_id=None, job="validation")
    both = touchpoint("X2", "03-03 10:00", "03-03 11:00", channel="video", direction="mutual", interaction_kind="demo")
    seats = {
        "X1": [participant("X1", 0, "B5", "actor", is_engaged=True, buyer_roles=[])],
        "X2": [
            participant("X2", n, who, "required", attended=True, is_engaged=who != "S1", buyer_roles=["user"] if who == "C1" else [])
            for n, who in enumerate(("S1", "B1", "C1"))
        ],
    }  # fmt: skip
    world.load([early, both], seats, also_in={"X2": ["A2"]})
    world.build()
    assert row(world, "lifetime")["buyer_validated"] is True
    assert world.one("mart_opportunity_coverage", "opportunity_id = 'O1'")["dart_risk"] == about(0.25)
    assert row(world, "lifetime")["role_coverage"] == about(0.75)  # the other customer's user is not theirs
    other = row(world, "W10", "A2")
    assert (other["hands_on_offered"], other["role_coverage"], other["mutual_followup_share"]) == (True, 0.25, 0)


def test_a_role_is_who_holds_it_at_the_end() -> None:
    """Whoever was engaged before their role was entered has it from then on; whoever had it once has it no more."""
    world = worked_example(built=False)
    world.con.execute(
        "UPDATE dim_buying_group_member SET valid_from = TIMESTAMPTZ '2026-03-20 00:00:00+00' WHERE person_id = 'B1'"
    )
    world.con.execute(
        "UPDATE dim_buying_group_member SET valid_to = TIMESTAMPTZ '2026-03-20 00:00:00+00' WHERE person_id = 'B2'"
    )
    world.build()
    found = {period: row(world, period)["role_coverage_num"] for period in ("W10", "W11", "Mar", "lifetime")}
    assert found == {"W10": 1, "W11": 1, "Mar": 1, "lifetime": 2}  # B2; B2; B1; B1 and B3
    assert world.one("mart_opportunity_coverage")["role_coverage_num"] == 2


@pytest.mark.parametrize(("moved", "roles"), [(0, 4), (1, 3)], ids=["at the close", "after it"])
def test_who_takes_a_role_with_the_close_holds_it(moved: int, roles: int) -> None:
    """As M10 counts members (semantics 5.4): B1 has been engaged, and is the user from the very close on."""
    world = worked_example(built=False)
    role = {"opportunity_id": "O1", "person_id": "B1", "buyer_role": "user", "valid_from": CLOSED_AT + moved}
    world.dim("dim_buying_group_member", role)
    world.build()
    assert world.one("mart_opportunity_coverage")["role_coverage_num"] == roles


def test_without_a_source_of_buying_groups_no_role_is_uncovered() -> None:
    """An item is NULL if its source is not connected: a directory that has no buying group at all tells of no role."""
    world = worked_example(built=False)
    world.con.execute("DELETE FROM dim_buying_group_member")
    world.build()
    for mart in (row(world, "lifetime"), world.one("mart_opportunity_coverage")):
        assert [mart["role_coverage"], mart["role_coverage_num"], mart["role_coverage_den"]] == [None, 0, 0]
        assert (mart["dart_access"], mart["dart_access_n_items"]) == (about((2 / 3 + 1 + 1) / 3), 3)


def test_is_final_follows_the_clock() -> None:
    """March is final once 72 hours have passed, in an increment that touches nothing."""
    world = worked_example(at("04-04 00:00"), closed=False)
    assert row(world, "Mar")["is_final"] is False
    world.as_of = at("04-04 00:01")
    world.build(everything=False)
    assert row(world, "Mar")["is_final"] is True
    assert row(world, "Mar")["period_start"] == date(2026, 3, 1)
