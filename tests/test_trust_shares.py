"""The shares by which every mart says how far it may be trusted (semantics 5.9), each of its own inputs."""

from __future__ import annotations

from typing import Any

import pytest
from mart_world import World, worked_example
from worked_example import ACCOUNT, SELLER, at, participant, participants, touchpoint, touchpoints

from schemas.registry import TABLES

OF_TOUCHPOINTS = (
    "mart_journey_summary",
    "mart_transition_matrix",
    "mart_gap_sensitivity",
    "mart_opportunity_coverage",
    "mart_lost_deal_review",
    "mart_deal_landmark",
    "mart_signal_lift",
    "mart_relationship",
)
"""Marts of which every row of the example rests on all of its touchpoints."""
COUNTS = {"mart_data_quality"}
"""Says the same as counts, by source."""


def with_a_stranger(as_of: int | None = None) -> World:
    """The example, and a question of 03-13 in O1 by somebody whom nobody knows, which no rule gives a job."""
    world = worked_example(built=False) if as_of is None else worked_example(as_of, closed=False, built=False)
    world.take_out(ACCOUNT)
    asked = touchpoint("T14", "03-13 09:00", actor_party_id="u:x", thread_id="th9", is_question=True)
    people = [participant("T14", 0, "u:x", "actor", is_engaged=True), participant("T14", 1, SELLER, "to")]
    world.load([*touchpoints(), asked], {**participants(), "T14": people})
    return world.build()


@pytest.fixture(scope="module")
def example() -> World:
    return worked_example()


@pytest.fixture(scope="module")
def stranger() -> World:
    return with_a_stranger()


def shares(world: World, mart: str, where: str = "true") -> set[tuple[int, int, int, int]]:
    """Numerators and denominators of the two shares in the mart's rows; the shares themselves are checked to be their quotients."""
    found = set()
    for row in world.rows(mart, where):
        counts = []
        for name in ("unresolved_share", "unclassified_share"):
            n, of = row[f"{name}_num"], row[f"{name}_den"]
            assert row[name] == (pytest.approx(n / of) if of else None), (mart, name)
            counts += [n, of]
        found.add(tuple(counts))
    return found


def test_every_mart_has_them() -> None:
    """A mart that is added says how far it may be trusted, too."""
    marts = {t.name for t in TABLES.values() if t.name.startswith("mart_")} - COUNTS
    assert {m for m in marts if not {"unresolved_share", "unclassified_share"} <= set(TABLES[m].names)} == set()


@pytest.mark.parametrize("mart", OF_TOUCHPOINTS)
def test_of_all_touchpoints(example: World, stranger: World, mart: str) -> None:
    """Of twelve touchpoints nobody is unknown, and of nine of the buyer T12 has no job; with the stranger's, one more of each."""
    assert shares(example, mart) == {(0, 12, 1, 9)}
    assert shares(stranger, mart) == {(1, 13, 2, 10)}


def test_of_a_deal_at_risk() -> None:
    """An open deal's row rests on what was there by as_of."""
    assert shares(with_a_stranger(at("04-30 00:00")), "mart_deal_risk") == {(1, 13, 2, 10)}


def test_of_wait_episodes(stranger: World) -> None:
    """Of three questions by email and chat's one, the stranger's has neither a name nor a job."""
    lifetime = "period_grain = 'lifetime' AND ask_channel"
    assert shares(stranger, "mart_response_time", f"{lifetime} = 'email'") == {(1, 3, 1, 3)}
    assert shares(stranger, "mart_response_time", f"{lifetime} = 'chat'") == {(0, 1, 0, 1)}


def test_of_periods(stranger: World) -> None:
    """DART's rows rest on the same touchpoints as the account's rows of the same periods."""

    def by_period(mart: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        return {
            (r["account_id"], r["period_grain"], r["period_start"]): (
                r["unresolved_share_num"], r["unresolved_share_den"], r["unclassified_share_num"], r["unclassified_share_den"],
            )
            for r in stranger.rows(mart)
        }  # fmt: skip

    assert by_period("mart_dart_account_period") == by_period("mart_account_period")
    assert shares(stranger, "mart_dart_account_period", "period_grain = 'lifetime'") == {(1, 13, 2, 10)}


def test_a_window_of_its_own() -> None:
    """Of a relationship only the trailing 180 days count: as of 09-29 the last two touchpoints, with T12's missing job, as of 2027 none."""
    world = worked_example(at("09-29 00:00"))
    assert shares(world, "mart_relationship") == {(0, 2, 1, 2)}
    world.as_of = at("12-31 00:00")
    world.build()
    assert shares(world, "mart_relationship") == {(0, 0, 0, 0)}


@pytest.mark.parametrize("mart", ["mart_journey_summary", "mart_transition_matrix", "mart_gap_sensitivity"])
def test_loops_on_little_evidence_are_flagged(example: World, mart: str) -> None:
    """From more than two fifths without a job on: of T12 and six more beside eight with one, 7 of 15; not of 1 in 9."""
    assert {row["low_evidence"] for row in example.rows(mart)} == {False}
    world = worked_example(built=False)
    world.take_out(ACCOUNT)
    more = [touchpoint(f"X{n}", f"03-0{n} 08:00", thread_id=f"x{n}") for n in range(1, 7)]
    world.load([*touchpoints(), *more], participants())
    world.build()
    assert shares(world, mart) == {(0, 18, 7, 15)}
    assert {row["low_evidence"] for row in world.rows(mart)} == {True}
