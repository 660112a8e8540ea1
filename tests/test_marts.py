"""Coverage marts: every figure of semantics 5.1 to 5.5, rollups, the spine, and increments that equal full builds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from mart_world import World, about, moment, worked_example
from worked_example import ACCOUNT, at, participant, touchpoint

from schemas.arrow import to_batch
from schemas.registry import TABLES
from transforms.settings import Coverage, Folding, Relationship, Settings
from warehouse.marts import BY_DEAL, COVERAGE, WHOLE

MARTS = (*COVERAGE, *BY_DEAL, *WHOLE)
PERIODS = {
    "W10": ("week", "2026-03-02"),
    "W11": ("week", "2026-03-09"),
    "W14": ("week", "2026-03-30"),
    "W15": ("week", "2026-04-06"),
    "Mar": ("month", "2026-03-01"),
    "Apr": ("month", "2026-04-01"),
    "lifetime": ("lifetime", "1970-01-01"),
}
# semantics 5.1, in the order of PERIODS
TABLE = {
    "channel_coverage": (0.40, 0.40, 0.40, 0, 0.80, 0.20, 0.80),
    "buyer_channel_answer_coverage": (0.667, 0, None, 0, 0.667, 0, 0.667),
    "channel_balance": (0.431, 0.431, 0.431, None, 0.828, 0, 0.826),
    "channel_fit": (0.50, 0.50, 0.50, None, 0.833, 0.333, 0.778),
    "hybrid_score": (0.467, 0.633, 0.633, None, 0.767, 0.344, 0.748),
    "is_hybrid": (None, None, None, None, True, None, True),
    "dialogue_ratio": (0.50, 1.0, 0, 0, 1.0, 0, 0.75),
    "contact_coverage": (0.40, 0.40, 0.40, 0.40, 0.40, 0.60, 0.60),
    "job_coverage": (0.50, 0.333, 0.167, 0.167, 0.667, 0.333, 0.833),
}
# semantics 5.2, 5.3 and 5.5, lifetime
LIFETIME = {
    "seller_touch_count": 6,
    "buyer_evidence_count": 9,
    "inbound_count": 4,
    "outbound_count": 3,
    "mutual_count": 3,
    "self_serve_count": 2,
    "touch_followup_share": 0.60,
    "touch_followup_share_num": 3,
    "touch_followup_share_den": 5,
    "digital_share": 0.167,
    "digital_share_num": 2,
    "digital_share_den": 12,
    "remote_human_share": 0.75,
    "remote_human_share_num": 9,
    "remote_human_share_den": 12,
    "in_person_share": 0.083,
    "in_person_share_num": 1,
    "in_person_share_den": 12,
    "digital_minutes_share": 0.113,
    "digital_minutes_share_num": 32_000_000,
    "digital_minutes_share_den": 282_000_000,
    "remote_human_minutes_share": 0.461,
    "remote_human_minutes_share_num": 130_000_000,
    "remote_human_minutes_share_den": 282_000_000,
    "in_person_minutes_share": 0.426,
    "in_person_minutes_share_num": 120_000_000,
    "in_person_minutes_share_den": 282_000_000,
    "thirds_balance_count": 0.375,
    "thirds_balance_minutes": 0.670,
    "modality_reach": 0.667,
    "modality_reach_num": 2,
    "modality_reach_den": 3,
    "hybrid_score": 0.748,
    "is_hybrid": True,
    "response_median_business_seconds": 4.5 * 3600,
    "response_p90_business_seconds": None,
    "response_rate": 0.667,
    "response_rate_num": 2,
    "response_rate_den": 3,
    "longest_open_wait_business_seconds": None,
    "mutual_share": 0.30,
    "mutual_share_num": 3,
    "mutual_share_den": 10,
    "reciprocated_thread_share": 0.75,
    "reciprocated_thread_share_num": 3,
    "reciprocated_thread_share_den": 4,
    "contact_coverage": 0.60,
    "contact_coverage_num": 3,
    "contact_coverage_den": 5,
    "engaged_contacts": 3,
    "job_coverage_num": 5,
    "job_coverage_den": 6,
    "job_support_share": 0.80,
    "unclassified_share": 0.111,
    "unclassified_share_num": 1,
    "unclassified_share_den": 9,
    "unresolved_share": 0.0,
    "unresolved_share_den": 12,
    "channel_coverage_num": 4,
    "channel_coverage_den": 5,
    "buyer_channel_answer_coverage_num": 2,
    "buyer_channel_answer_coverage_den": 3,
}
ENTITY = {
    "mart_seller_account_period": "seller_id = 'S1' AND account_id = 'A1'",
    "mart_account_period": "account_id = 'A1'",
    "mart_seller_period": "seller_id = 'S1'",
    "mart_team_period": "team_id = 'T1'",
}


@pytest.fixture(scope="module")
def example() -> World:
    return worked_example()


def row(world: World, mart: str, period: str, entity: str | None = None) -> dict[str, Any]:
    grain, start = PERIODS[period]
    return world.one(mart, f"{entity or ENTITY[mart]} AND period_grain = '{grain}' AND period_start = DATE '{start}'")


@pytest.mark.parametrize("mart", ENTITY)
@pytest.mark.parametrize("metric", TABLE)
def test_worked_example_by_period(example: World, mart: str, metric: str) -> None:
    """The table of semantics 5.1 holds; with one seller, one account and one team it holds for every rollup."""
    for period, expected in zip(PERIODS, TABLE[metric], strict=True):
        assert row(example, mart, period)[metric] == about(expected), (period, metric)


@pytest.mark.parametrize("mart", ENTITY)
@pytest.mark.parametrize("metric", LIFETIME)
def test_worked_example_lifetime(example: World, mart: str, metric: str) -> None:
    """The figures of semantics 5.2 to 5.5 hold over the account's lifetime."""
    assert row(example, mart, "lifetime")[metric] == about(LIFETIME[metric])


def test_channel_sets(example: World) -> None:
    """The buyer began on app, chat and email and was answered on chat and email: app is the ignored channel."""
    pair = row(example, "mart_seller_account_period", "lifetime")
    assert pair["seller_channels"] == ["chat", "email", "in_person", "video"]
    assert pair["buyer_channels"] == ["app", "chat", "email"]
    assert pair["answered_channels"] == ["chat", "email"]
    assert row(example, "mart_seller_period", "lifetime")["channels_used"] == pair["seller_channels"]


def test_neglect_is_a_row_of_zeros(example: World) -> None:
    """An assigned pair has a row in a week without any touch, with counts of 0 and shares of NULL."""
    quiet = example.one("mart_seller_account_period", "period_grain = 'week' AND period_start = DATE '2026-03-16'")
    assert (quiet["seller_touch_count"], quiet["channel_coverage"], quiet["seller_channels"]) == (0, 0.0, [])
    assert (quiet["channel_fit"], quiet["mutual_share"], quiet["response_rate"], quiet["digital_share"]) == (None,) * 4


def test_hybrid_over_13_weeks(example: World) -> None:
    """is_hybrid_13w looks back 13 weeks from the period's end, so April is hybrid through March's workshop."""
    april = row(example, "mart_seller_account_period", "Apr")
    assert (april["is_hybrid"], april["is_hybrid_13w"]) == (None, True)


def test_final_after_72_hours() -> None:
    """A period is final once as_of is more than 72 hours past its end; a lifetime never is."""
    world = worked_example(at("04-04 00:00"), closed=False)
    assert row(world, "mart_seller_account_period", "Mar")["is_final"] is False  # 72 hours exactly
    world = worked_example(at("04-04 00:01"), closed=False)
    assert row(world, "mart_seller_account_period", "Mar")["is_final"] is True
    assert row(world, "mart_seller_account_period", "lifetime")["is_final"] is False


def test_spine_starts_with_the_assignment() -> None:
    """A seller assigned later and without a touch has rows from the day of assignment to the day before its end."""
    world = worked_example(built=False)
    world.dim(
        "dim_assignment",
        {
            "account_id": ACCOUNT,
            "seller_id": "S2",
            "role": "team",
            "valid_from": at("03-18 00:00"),
            "valid_to": at("04-06 00:00"),
        },
    )
    world.build()
    weeks = world.rows("mart_seller_account_period", "seller_id = 'S2' AND period_grain = 'week'")
    assert [w["period_start"] for w in weeks] == [date(2026, 3, 16), date(2026, 3, 23), date(2026, 3, 30)]
    assert all(w["seller_touch_count"] == 0 for w in weeks)
    assert len(world.rows("mart_seller_account_period", "seller_id = 'S2' AND period_grain = 'lifetime'")) == 1


def test_assignment_without_a_touchpoint() -> None:
    """An account that nobody has touched is neglected in every period of the calendar: rows of zeros (semantics 5.1)."""
    world = worked_example(built=False)
    world.dim("dim_account", {"account_id": "A9", "name": "Nine", "domains": [], "owner_seller_id": "S1"})
    world.build()
    rows = world.rows("mart_seller_account_period", "account_id = 'A9' AND seller_id = 'S1'")
    assert {r["seller_touch_count"] for r in rows} == {0}
    grains = [r["period_grain"] for r in rows]
    assert {g: grains.count(g) for g in grains} == {"week": 11, "month": 3, "quarter": 2, "lifetime": 1}


def test_earlier_data_lengthen_the_calendar_of_every_account() -> None:
    """A touchpoint of another account in an earlier week gives A9 its rows of that week too, in an increment as in a full build."""
    world = worked_example(built=False)
    world.dim("dim_account", {"account_id": "A9", "name": "Nine", "domains": [], "owner_seller_id": "S1"})
    world.build()
    early = touchpoint("E1", "02-10 10:00", account_id="A2", opportunity_id=None)
    world.load([early], {"E1": [participant("E1", 1, "B1", "actor", is_engaged=True)]})
    world.build(everything=False)
    weeks = {
        r["period_start"]
        for r in world.rows("mart_seller_account_period", "account_id = 'A9' AND period_grain = 'week'")
    }
    assert min(weeks) == date(2026, 2, 9)
    before = {mart: world.rows(mart) for mart in MARTS}
    world.build()
    assert {mart: world.rows(mart) for mart in MARTS} == before


def test_owner_of_the_account_stands_in_for_a_missing_assignment() -> None:
    """dim_account's owner is the spine only where dim_assignment names no owner."""
    world = worked_example(built=False)
    world.con.execute("UPDATE dim_account SET owner_seller_id = 'S7' WHERE account_id = 'A1'")
    world.build()
    assert world.rows("mart_seller_account_period", "seller_id = 'S7'") == []
    world.con.execute("DELETE FROM dim_assignment")
    world.build()
    assert len(world.rows("mart_seller_account_period", "seller_id = 'S7' AND period_grain = 'week'")) == 11


def test_colleague_gets_no_credit_for_anothers_touches() -> None:
    """Outbound and mutual count for who acted or attended; inbound and the buyer's mix are the account's."""
    world = worked_example(built=False)
    world.dim("dim_assignment", {"account_id": ACCOUNT, "seller_id": "S2", "role": "team"})
    world.build()
    colleague = row(world, "mart_seller_account_period", "lifetime", "seller_id = 'S2'")
    assert (colleague["seller_touch_count"], colleague["outbound_count"], colleague["mutual_count"]) == (0, 0, 0)
    assert (colleague["inbound_count"], colleague["self_serve_count"], colleague["buyer_evidence_count"]) == (4, 2, 9)
    assert (colleague["dialogue_ratio"], colleague["mutual_share"], colleague["job_coverage_num"]) == (0.0, 0.0, 5)
    assert row(world, "mart_account_period", "lifetime")["seller_count"] == 1


def test_cc_gives_no_credit() -> None:
    """A seller in cc of an answer has no touch and so no row."""
    world = worked_example(built=False)
    world.insert(
        "fact_touchpoint_participant",
        to_batch(TABLES["fact_touchpoint_participant"], [participant("T03", 9, "S3", "cc")]),
    )
    world.build()
    assert world.rows("mart_seller_account_period", "seller_id = 'S3'") == []


def second_account(world: World, account: str = "A2", seller: str = "S1") -> None:
    """Account A2 of the same seller: one question by email answered within the hour, and one left open."""
    rows = [
        touchpoint(
            f"{account}-1",
            "03-03 10:00",
            account_id=account,
            opportunity_id=None,
            actor_party_id="u:x",
            thread_id=f"{account}-a",
        ),
        touchpoint(
            f"{account}-2",
            "03-03 11:00",
            account_id=account,
            opportunity_id=None,
            direction="outbound",
            thread_id=f"{account}-a",
            actor_party_id=seller,
        ),
        touchpoint(
            f"{account}-3",
            "04-20 10:00",
            account_id=account,
            opportunity_id=None,
            actor_party_id="u:x",
            thread_id=f"{account}-b",
        ),
    ]
    world.load(
        rows,
        {
            f"{account}-1": [
                participant(f"{account}-1", 1, "u:x", "actor", is_engaged=True),
                participant(f"{account}-1", 2, seller, "to"),
            ],
            f"{account}-2": [
                participant(f"{account}-2", 1, seller, "actor"),
                participant(f"{account}-2", 2, "u:x", "to"),
            ],
            f"{account}-3": [
                participant(f"{account}-3", 1, "u:x", "actor", is_engaged=True),
                participant(f"{account}-3", 2, seller, "to"),
            ],
        },
    )


def test_rollup_of_shares_is_sum_over_sum() -> None:
    """A seller's share over accounts is the sum of numerators over the sum of denominators (C4)."""
    world = worked_example(built=False)
    second_account(world)
    world.build()
    pairs = world.rows("mart_seller_account_period", "seller_id = 'S1' AND period_grain = 'lifetime'")
    seller = row(world, "mart_seller_period", "lifetime")
    assert seller["account_count"] == len(pairs) == 2
    for share in ("touch_followup_share", "response_rate", "mutual_share", "reciprocated_thread_share"):
        num, den = (sum(p[f"{share}_{part}"] for p in pairs) for part in ("num", "den"))
        assert (seller[f"{share}_num"], seller[f"{share}_den"], seller[share]) == (num, den, num / den)
    assert seller["response_median_business_seconds"] == pytest.approx(
        (1 + 4.5) / 2 * 3600
    )  # over 1, 1, 4.5 and 101 hours
    assert seller["longest_open_wait_business_seconds"] == pytest.approx(15 * 8 * 3600 - 3600)


def test_meeting_with_two_accounts_counts_once_for_the_seller() -> None:
    """A meeting with two customers is a touch in both, and one touch in the seller's and the team's rollup."""
    world = worked_example(built=False)
    second_account(world)
    shared = touchpoint(
        "M1",
        "03-04 10:00",
        "03-04 11:00",
        channel="video",
        direction="mutual",
        interaction_kind="meeting",
        actor_party_id="S1",
        actor_side="seller",
        buyer_minutes=60.0,
    )
    people = {
        "M1": [
            participant("M1", 1, "S1", "organizer", attended=True),
            participant("M1", 2, "B1", "required", attended=True, is_engaged=True),
        ]
    }
    world.load([shared], people, {"M1": ["A2"]})
    world.build()
    pairs = world.rows("mart_seller_account_period", "seller_id = 'S1' AND period_grain = 'lifetime'")
    assert [p["mutual_count"] for p in pairs] == [4, 1]
    assert row(world, "mart_seller_period", "lifetime")["mutual_count"] == 4
    assert row(world, "mart_team_period", "lifetime")["mutual_count"] == 4
    assert [p["engaged_contacts"] for p in pairs] == [3, 1]  # B1 is of A1: A2 counts its own people


def test_a_member_of_the_buying_group_counts_wherever_they_work() -> None:
    """M10: who is in the group of A1's deal and works at A2 is a known member who was engaged, in a meeting of both too."""
    world = worked_example(built=False)
    second_account(world)
    world.dim("dim_person", {"person_id": "C1", "side": "buyer", "account_id": "A2"})
    world.dim("dim_buying_group_member", {"opportunity_id": "O1", "person_id": "C1", "buyer_role": "user"})
    shared = touchpoint("M1", "03-04 10:00", "03-04 11:00", channel="video", direction="mutual")
    seats = [
        participant("M1", 1, "S1", "organizer", attended=True),
        participant("M1", 2, "B1", "required", attended=True, is_engaged=True),
        participant("M1", 3, "C1", "required", attended=True, is_engaged=True, buyer_roles=["user"]),
    ]
    world.load([shared], {"M1": seats}, {"M1": ["A2"]})
    world.build()
    ours, theirs = world.rows("mart_seller_account_period", "seller_id = 'S1' AND period_grain = 'lifetime'")
    assert [ours[f"contact_coverage_{part}"] for part in ("num", "den")] == [4, 6]
    assert (ours["engaged_contacts"], theirs["engaged_contacts"]) == (4, 2)
    (first, second) = world.rows("mart_relationship")
    assert (first["engaged_contacts"], second["engaged_contacts"]) == (4, 2)
    dart = world.rows("mart_dart_account_period", "period_grain = 'lifetime'")
    assert [row["role_coverage_num"] for row in dart] == [4, 0]  # a role in A1's deal is none at A2


def test_meeting_of_two_sellers_counts_once_for_their_team() -> None:
    """Each of them has the touch; the account and the team have it once, in counts, channels and the trailing window."""
    world = worked_example(built=False)
    world.dim("dim_seller", {"seller_id": "S2", "full_name": "Seller Two", "team_id": "T1"})
    joint = touchpoint(
        "M2", "03-04 10:00", "03-04 11:00", channel="video", direction="mutual", interaction_kind="meeting",
        actor_party_id="S1", actor_side="seller", buyer_minutes=60.0,
    )  # fmt: skip
    people = {
        "M2": [
            participant("M2", 1, "S1", "organizer", attended=True),
            participant("M2", 2, "S2", "required", attended=True),
            participant("M2", 3, "B1", "required", attended=True, is_engaged=True),
        ]
    }
    world.load([joint], people)
    world.build()
    assert row(world, "mart_seller_account_period", "lifetime", "seller_id = 'S2'")["mutual_count"] == 1
    for mart in ("mart_account_period", "mart_team_period", "mart_seller_period"):
        lifetime = row(world, mart, "lifetime", "seller_id = 'S1'" if mart == "mart_seller_period" else None)
        assert (lifetime["mutual_count"], lifetime["seller_touch_count"]) == (4, 7), mart
        assert lifetime["digital_minutes_share"] is not None
    team, seller = (row(world, m, "lifetime", ENTITY[m]) for m in ("mart_team_period", "mart_seller_period"))
    same = ("channel_fit", "channel_balance", "is_hybrid_13w", "buyer_evidence_count", "thirds_balance_minutes")
    assert [team[name] for name in same] == [seller[name] for name in same]


def test_reporting_timezone_moves_the_bucket() -> None:
    """A touchpoint late on Sunday evening UTC lies in Monday's week in Tokyo."""
    settings = Settings(coverage=Coverage(reporting_timezone="Asia/Tokyo"))
    world = worked_example(settings=settings, built=False)
    world.load([touchpoint("X1", "03-08 20:00", direction="outbound")], {"X1": [participant("X1", 1, "S1", "actor")]})
    world.build()
    assert row(world, "mart_seller_account_period", "W11")["outbound_count"] == 2


def test_p90_needs_five() -> None:
    """p90 is NULL below five closed episodes and given from five on."""
    world = worked_example(built=False)
    second_account(world, "A2")
    second_account(world, "A3")
    world.build()
    assert row(world, "mart_seller_period", "lifetime")["response_p90_business_seconds"] == pytest.approx(
        (4.5 + 0.6 * 96.5) * 3600
    )
    email = world.one("mart_response_time", "seller_id = 'S1' AND ask_channel = 'email' AND period_grain = 'lifetime'")
    assert (email["ask_count"], email["answered_count"], email["response_p90_business_seconds"]) == (6, 4, None)


def test_response_time_by_channel(example: World) -> None:
    """Email: median 52.75 h, rate 1/2. Chat: 1.0 h, 1/1 (semantics 5.3)."""
    found = {r["ask_channel"]: r for r in example.rows("mart_response_time", "period_grain = 'lifetime'")}
    assert {c: (r["response_median_business_seconds"] / 3600, r["response_rate"]) for c, r in found.items()} == {
        "email": (52.75, 0.5),
        "chat": (1.0, 1.0),
    }
    assert {r["longest_open_wait_business_seconds"] for r in found.values()} == {None}
    world = worked_example(built=False)
    second_account(world)
    (email,) = world.build().rows("mart_response_time", "period_grain = 'lifetime' AND ask_channel = 'email'")
    assert email["longest_open_wait_business_seconds"] == 15 * 8 * 3600 - 3600  # from 04-20 10:00 to the close


def test_relationship(example: World) -> None:
    """3 contacts, 3 mutual, 2 assets, ISO weeks 10, 11, 14 and 15: value added, short of partnering by contacts, sellers and months."""
    row = example.one("mart_relationship")
    assert (row["account_id"], row["as_of_date"], row["relationship_type"]) == (
        ACCOUNT,
        date(2026, 5, 11),
        "value_added",
    )
    counts = (
        "engaged_contacts",
        "mutual_count",
        "delivered_asset_count",
        "active_week_count",
        "active_month_count",
        "engaged_sellers",
    )
    assert [row[name] for name in counts] == [3, 3, 2, 4, 2, 1]
    failed = [test for test in row["relationship_basis"] if test.endswith(": failed")]
    assert failed == ["partnering contacts: failed", "partnering sellers: failed", "partnering months: failed"]
    assert len(row["relationship_basis"]) == 11


def test_a_colleague_whom_the_directory_does_not_have_is_one_of_our_people() -> None:
    """By our domain (semantics 2.3), in a meeting and as the writer of a mail: with S1 there are three of ours."""
    world = worked_example(built=False)
    call = touchpoint("X1", "04-10 10:00", "04-10 11:00", channel="video", direction="mutual")
    sent = touchpoint("X2", "04-11 10:00", direction="outbound", actor_party_id="u:2")
    seats = {
        "X1": [participant("X1", n, who, "required", attended=True, is_engaged=who != "u:1") for n, who in enumerate(("u:1", "B1"))],
        "X2": [participant("X2", 0, "u:2", "actor"), participant("X2", 1, "B1", "to")],
    }  # fmt: skip
    for seat in (seats["X1"][0], seats["X2"][0]):
        seat.side, seat.person_id = "seller", None
    world.load([call, sent], seats)
    world.build()
    assert world.one("mart_relationship")["engaged_sellers"] == 3


def test_relationship_of_an_account_without_evidence() -> None:
    """Below 5 human touchpoints in the trailing 180 days there is not enough evidence; each threshold is a setting."""
    world = worked_example(at("05-11 00:00"), built=False)
    world.dim("dim_account", {"account_id": "A9", "name": "Nine", "domains": []})
    world.build()
    assert world.one("mart_relationship", "account_id = 'A9'")["relationship_type"] == "insufficient_evidence"
    assert worked_example(at("10-01 00:00")).one("mart_relationship")["relationship_type"] == "insufficient_evidence"
    easy = Relationship(partnering_contacts=3, partnering_sellers=1, partnering_months=2)
    assert (
        worked_example(settings=Settings(relationship=easy)).one("mart_relationship")["relationship_type"]
        == "partnering"
    )
    strict = Relationship(value_added_weeks=5)
    assert (
        worked_example(settings=Settings(relationship=strict)).one("mart_relationship")["relationship_type"]
        == "transactional"
    )


def test_an_assignment_of_no_time_is_none() -> None:
    """One that ends when it begins held on no day: it makes no row."""
    world = worked_example(built=False)
    when = moment(at("03-10 00:00"))
    world.con.execute(
        "INSERT INTO dim_assignment BY NAME SELECT 'A1' AS account_id, 'S9' AS seller_id, 'team' AS role, ? AS valid_from, ? AS valid_to",
        [when, when],
    )
    assert world.build().rows("mart_seller_account_period", "seller_id = 'S9'") == []


def test_transition_matrix(example: World) -> None:
    """Rows run from START to the deal's end; probabilities of short rows are NULL; an account's journey stays OPEN."""
    deal = {
        (r["from_state"], r["to_state"]): r
        for r in example.rows("mart_transition_matrix", "journey_scope = 'opportunity'")
    }
    assert {k: r["n"] for k, r in deal.items()} == {
        ("START", "problem_identification"): 1,
        ("problem_identification", "solution_exploration"): 1,
        ("solution_exploration", "supplier_selection"): 1,
        ("supplier_selection", "requirements_building"): 1,
        ("requirements_building", "supplier_selection"): 1,
        ("supplier_selection", "consensus_creation"): 1,
        ("consensus_creation", "requirements_building"): 1,
        ("requirements_building", "LOST"): 1,
    }
    assert deal["supplier_selection", "requirements_building"]["row_total"] == 2
    assert all(r["probability"] is None for r in deal.values())
    assert example.one("mart_transition_matrix", "journey_scope = 'account' AND to_state = 'OPEN'")["n"] == 1


def test_transition_probability_from_thirty_on() -> None:
    """A probability is given once its row total reaches the threshold."""
    world = worked_example(settings=Settings(coverage=Coverage(transition_min_row=2)))
    found = world.one(
        "mart_transition_matrix",
        "journey_scope = 'opportunity' AND from_state = 'requirements_building' AND to_state = 'LOST'",
    )
    assert found["probability"] == 0.5


def test_transition_matrix_by_segment() -> None:
    """Journeys are counted once in 'all' and once in their segment of each kind that the settings name; an account's has no deal's."""
    settings = Settings(coverage=Coverage(transition_segments=("deal_size", "outcome", "country")))
    world = worked_example(settings=settings)
    found = {
        (r["journey_scope"], r["segment"]): r["n"]
        for r in world.rows("mart_transition_matrix", "from_state = 'START' AND to_state = 'problem_identification'")
    }
    deal, account = [[segment for scope, segment in found if scope == one] for one in ("opportunity", "account")]
    assert sorted(deal) == ["all", "country=unknown", "deal_size=large", "outcome=lost"]
    assert sorted(account) == ["all", "country=unknown"]
    assert set(found.values()) == {1}
    in_all = world.rows("mart_transition_matrix", "segment = 'all'")
    of_size = world.rows("mart_transition_matrix", "segment = 'deal_size=large'")
    assert [r["n"] for r in of_size] == [r["n"] for r in in_all if r["journey_scope"] == "opportunity"]


def test_gap_sensitivity(example: World) -> None:
    """Session counts at 7, 14, 21 and 30 days are 2, 2, 1, 1."""
    found = example.rows("mart_gap_sensitivity", "journey_scope = 'opportunity'")
    assert [(r["gap_days"], r["session_count"]) for r in found] == [(7, 2), (14, 2), (21, 1), (30, 1)]


def test_data_quality() -> None:
    """Touchpoints count by producer and month; duplicates and rejects by the month in which they arrived."""
    world = worked_example(built=False)
    ledger = {
        "record_count": 9,
        "accepted_count": 4,
        "duplicate_count": 3,
        "ignored_count": 1,
        "rejected_count": 1,
        "event_count": 4,
    }
    world.dim(
        "ledger_unit",
        {
            "unit_id": "u1",
            "source": "chat",
            "kind": "file",
            "location": "x",
            "range_start": 0,
            "range_end": 1,
            "adapter_version": "1",
            "landed_at": at("05-02 00:00"),
            "run_id": "r",
            **ledger,
        },
    )
    world.dim("ignored_record_count", {"unit_id": "u1", "source": "chat", "reason": "typing", "n": 1})
    reject = {"source": "chat", "reason_code": "x", "detail": "x", "first_rejected_at": at("05-02 00:00")}
    world.dim(
        "rejected_record",
        {"unit_id": "u1", "position": 0, **reject},
        {"unit_id": "u1", "position": 1, "outcome": "accepted", **reject},
    )
    world.build()
    march = world.one("mart_data_quality", "source = 'email' AND month = DATE '2026-03-01'")
    assert (march["touchpoints"], march["buyer_touchpoints"], march["unclassified_buyer"], march["late"]) == (
        4,
        2,
        0,
        0,
    )
    assert world.one("mart_data_quality", "source = 'email' AND month = DATE '2026-04-01'")["unclassified_buyer"] == 1
    may = world.one("mart_data_quality", "source = 'chat' AND month = DATE '2026-05-01'")
    assert (may["touchpoints"], may["duplicates_dropped"], may["quarantined"], may["ignored"]) == (0, 3, 1, 1)


def add_second(world: World) -> None:
    second_account(world, "A2")


def drop_first(world: World) -> None:
    world.take_out(ACCOUNT)


def add_shared_and_other_seller(world: World) -> None:
    second_account(world, "A3", "S4")
    meeting = touchpoint(
        "M2",
        "04-22 10:00",
        "04-22 11:00",
        account_id="A4",
        opportunity_id=None,
        channel="video",
        direction="mutual",
        interaction_kind="meeting",
        actor_party_id="S1",
        actor_side="seller",
        buyer_minutes=60.0,
    )
    people = [participant("M2", n, who, "required", attended=True) for n, who in enumerate(("S1", "S4", "u:y"), 1)]
    world.load([meeting], {"M2": people}, {"M2": ["A3"]})


def nothing(world: World) -> None:
    pass


@pytest.mark.parametrize(
    "change", [nothing, add_second, drop_first, add_shared_and_other_seller], ids=lambda f: f.__name__
)
def test_increment_equals_full_build(change: Callable[[World], None]) -> None:
    """After any change, rebuilding the touched accounts gives the tables that a build of everything gives, to the last bit."""
    world = worked_example(built=False)
    second_account(world, "A5", "S4")
    world.dim("dim_seller", {"seller_id": "S4", "full_name": "Four", "team_id": "T1"})
    world.dim(
        "dim_assignment", {"account_id": "A5", "seller_id": "S4", "role": "owner", "valid_from": at("02-01 00:00")}
    )
    world.build()
    change(world)
    world.build(everything=False)
    incremental = {mart: world.rows(mart) for mart in MARTS}
    world.build()
    for mart in MARTS:
        assert incremental[mart] == world.rows(mart), mart


def test_increment_after_the_clock_has_moved() -> None:
    """Between two builds a week begins and an open deal grows silent: the increment shows both, as a full build does."""
    world = worked_example(at("05-08 12:00"), closed=False, built=False)
    world.dim(
        "dim_assignment", {"account_id": "A8", "seller_id": "S1", "role": "team", "valid_from": at("05-13 00:00")}
    )
    world.build()
    world.con.execute(
        "UPDATE dim_buying_group_member SET valid_to = TIMESTAMPTZ '2026-05-10 00:00:00+00' WHERE person_id = 'B5'"
    )
    world.as_of = at("05-14 18:00")
    world.build(everything=False)
    assert world.one("mart_account_period", "period_grain = 'week' AND period_start = DATE '2026-05-04'")["is_final"]
    new_week = "period_grain = 'week' AND period_start = DATE '2026-05-11'"
    assert [r["account_id"] for r in world.rows("mart_seller_account_period", new_week)] == ["A1", "A8"]
    assert world.one("mart_opportunity_coverage")["champion_silence_days"] == about(35.125)
    incremental = {mart: world.rows(mart) for mart in MARTS}
    world.build()
    for mart in MARTS:
        assert incremental[mart] == world.rows(mart), mart


def test_period_becomes_final_without_a_touch() -> None:
    """A row that no increment rebuilds becomes final all the same."""
    world = worked_example(at("05-06 12:00"), built=False)
    world.con.execute("DELETE FROM dim_assignment")
    world.build()
    april = "period_grain = 'month' AND period_start = DATE '2026-04-01'"
    world.as_of = at("05-06 12:05")
    world.con.execute("UPDATE mart_account_period SET is_final = false")
    world.build(everything=False)
    assert world.one("mart_account_period", april)["is_final"]


def test_rows_of_the_declared_columns(example: World) -> None:
    """Every declared column that is required has a value in every row."""
    for mart in MARTS:
        for column in TABLES[mart].columns:
            if column.required:
                assert example.rows(mart, f'"{column.name}" IS NULL') == [], (mart, column.name)


def test_every_mart_has_its_declared_keys(example: World) -> None:
    """The key of every mart names one row."""
    for mart in MARTS:
        key = ", ".join(TABLES[mart].key)
        assert example.con.execute(f"SELECT {key} FROM {mart} GROUP BY {key} HAVING count(*) > 1").fetchall() == [], (
            mart
        )


def test_phone_calls_of_their_own_make_six_channels() -> None:
    """With phone calls as the sixth channel |C| is 6, and a call is a touch on it."""
    settings = Settings(folding=Folding(phone_call_channel="phone_call"))
    world = worked_example(built=False, settings=settings)
    call = touchpoint(
        "C1", "03-10 10:00", "03-10 10:30", channel="video", direction="mutual", interaction_kind="call", medium="phone_call",
        actor_party_id="S1", actor_side="seller",
    )  # fmt: skip
    call.channel = "phone_call"
    world.load([call], {"C1": [participant("C1", 1, "S1", "organizer", attended=True)]})
    pair = row(world.build(), "mart_seller_account_period", "lifetime")
    assert (pair["channel_coverage_num"], pair["channel_coverage_den"]) == (5, 6)
    assert "phone_call" in pair["seller_channels"]


def test_unresolved_share_is_of_the_rows_own_touchpoints() -> None:
    """Of A2's three touchpoints all are with somebody unknown, of A1's twelve none: 3/15 for the seller of both."""
    world = worked_example(built=False)
    second_account(world)
    world.build()
    shares = {
        p["account_id"]: p["unresolved_share"] for p in world.rows("mart_account_period", "period_grain = 'lifetime'")
    }
    assert shares == {"A1": 0.0, "A2": 1.0}
    seller = row(world, "mart_seller_period", "lifetime")
    assert (seller["unresolved_share"], seller["unresolved_share_num"], seller["unresolved_share_den"]) == (0.2, 3, 15)


def test_channels_outside_the_set_do_not_count() -> None:
    """With C = {email, video} the two touches on each are in perfect balance, whatever the chat and the visit."""
    world = worked_example(settings=Settings(coverage=Coverage(channels=("email", "video"))))
    pair = row(world, "mart_seller_account_period", "lifetime")
    assert (pair["channel_coverage_num"], pair["channel_coverage_den"]) == (2, 2)
    assert pair["channel_balance"] == pytest.approx(1.0)
