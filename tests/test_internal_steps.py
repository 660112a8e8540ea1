"""Internal steps: a plan's items from native payloads to the figures that rest on them, worked by hand on the worked example."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fold_world import at, fold, mail, page
from mart_world import World, about, worked_example
from worked_example import participant, touchpoint
from workspaces import contents, example, increment, payloads, put, run, snapshot

from transforms.event import Party, PlanItem
from transforms.touchpoint import InternalStep

SAM, BEA = {"userId": "sam.reyes@vendor.example"}, {"userId": "bea-17"}
TOM, BEAS = {"email": "tom.arden@northfield.example"}, "bea.winter@northfield.example"


def call(name: str, when: str, who: dict[str, str], event: str, **properties: Any) -> tuple[str, bytes]:
    body = {
        "type": "track", "messageId": name, "timestamp": f"2026-{when}:00Z", "event": event,
        "context": {"groupId": "A1"}, "properties": {"plan_id": "MAP"} | properties, **who,
    }  # fmt: skip
    return (f"segment/plan-{name}.json", json.dumps(body).encode())


PLAN = [
    call("p1", "03-16T09:00", SAM, "Plan Item Created", item_id=1, title="Security review", owner=TOM, due_date="2026-04-01", is_risk=True),
    call("p2", "03-16T09:05", SAM, "Plan Item Created", item_id=2, title="Budget approval", owner=BEAS, is_risk=True),
    call("p3", "03-16T09:06", SAM, "Plan Item Created", item_id=3, title="Draft contract", owner_email="sam.reyes@vendor.example", is_risk=True),
    call("p4", "03-18T10:00", BEA, "Plan Item Updated", item_id=1, due_date="2026-04-08"),
    call("p5", "03-18T10:05", BEA, "Plan Item Completed", item_id=2),
]  # fmt: skip
"""Ours make a plan of three risks, two of them the buyer's; the champion moves one and finishes the other."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = example(tmp_path_factory.mktemp("plan"))
    put(root, payloads() + PLAN)
    run(root)
    with snapshot(root) as connection:
        yield connection


def test_revisions_tell_how_a_step_stood(published: duckdb.DuckDBPyConnection) -> None:
    """What a revision does not say stands as before; titles stay, and each revision has its account, deal and teller."""
    sql = """SELECT subject_text, revision, told_by_side, owner_side, strftime(due_at, '%m-%d'), is_done, is_risk, told
             FROM fact_internal_step WHERE basis = 'plan_item' AND account_id = 'A1' AND opportunity_id = 'O1'
             ORDER BY subject_text, revision"""
    made = ["account_id", "opportunity_id", "owner", "subject_text"]
    later = ["account_id", "opportunity_id"]
    assert published.execute(sql).fetchall() == [
        ("Budget approval", 1, "seller", "buyer", None, False, True, [*made, "is_risk"]),
        ("Budget approval", 2, "buyer", "buyer", None, True, True, [*later, "is_done"]),
        ("Draft contract", 1, "seller", "seller", None, False, True, [*made, "is_risk"]),
        ("Security review", 1, "seller", "buyer", "04-01", False, True, [*made, "due_at", "is_risk"]),
        ("Security review", 2, "buyer", "buyer", "04-08", False, True, [*later, "due_at"]),
    ]
    owners = "SELECT DISTINCT subject_text, owner_party_id FROM fact_internal_step WHERE basis = 'plan_item' ORDER BY 1"
    assert published.execute(owners).fetchall() == [
        ("Budget approval", "B1"), ("Draft contract", "S1"), ("Security review", "B2"),
    ]  # fmt: skip


DEAL = {
    "dart_risk": (0 + 0 + 1 + 2 / 3) / 4,  # two of three risks are the buyer's
    "dart_transparency": (0 + 1 + 0.5 + 1 / 3) / 4,  # a plan edited by both
    "dart_dialogue": 0.7917,
    "dart_access": 0.8542,
    "champion_evidence_count": 4,  # the two people of the text, and two steps that the champion told of
    "cocreation_evidence_count": 2,
}


@pytest.mark.parametrize("column", DEAL)
def test_figures_of_the_deal_rest_on_the_plan(published: duckdb.DuckDBPyConnection, column: str) -> None:
    """The fourth items of risk and the second of transparency, and M12, use what the plan's items tell."""
    ((found,),) = published.execute(f"SELECT {column} FROM mart_opportunity_coverage").fetchall()
    assert found == about(DEAL[column])


def test_hindsight_sees_the_plan(published: duckdb.DuckDBPyConnection) -> None:
    """With a plan one gap of the worked example's five is gone."""
    sql = "SELECT no_mutual_action_plan, internal_steps_never_seen, gap_count_extended FROM mart_lost_deal_review"
    assert published.execute(sql).fetchall() == [(False, False, 4)]


def test_the_accounts_dart_is_that_of_its_periods(published: duckdb.DuckDBPyConnection) -> None:
    """The lifetime is the deal's; in March all is told of the plan; in April nothing."""
    sql = """SELECT risk_item_buyer_owned_share_num, risk_item_buyer_owned_share_den, mutual_action_plan_score FROM mart_dart_account_period
             WHERE period_grain = '{}' AND period_start = DATE '{}'"""
    for period, expected in {
        ("lifetime", "1970-01-01"): (2, 3, 1.0),
        ("month", "2026-03-01"): (2, 3, 1.0),
        ("month", "2026-04-01"): (0, 0, 0.0),
    }.items():
        assert published.execute(sql.format(*period)).fetchall() == [expected]
    figures = "dart_dialogue, dart_access, dart_risk, dart_transparency, dart_index"
    deal = published.execute(f"SELECT {figures} FROM mart_opportunity_coverage").fetchall()
    assert published.execute(f"SELECT {figures} FROM mart_dart_account_period WHERE period_grain = 'lifetime'").fetchall() == deal  # fmt: skip


def test_arrival_does_not_show(tmp_path: Path) -> None:
    """A plan's events in four runs, the latest first and one twice, give the tables of one run."""
    whole, parts = example(tmp_path / "whole"), example(tmp_path / "parts")
    put(whole, payloads() + PLAN)
    increment(whole)
    put(parts, payloads())
    increment(parts)
    order = [*reversed(PLAN)]
    for index, (name, data) in enumerate([*order[:3], order[1], *order[3:]]):
        put(parts, [(name.replace("plan-", f"{index}/plan-"), data)])
        if index % 2:
            increment(parts)
    increment(parts)
    with snapshot(whole, published=False) as one, snapshot(parts, published=False) as other:
        assert contents(other) == contents(one)
        assert one.execute("SELECT count(*) FROM fact_internal_step WHERE basis = 'plan_item'").fetchall() == [(5,)]


# folding

ANN, ITEM = "external_id:segment:b1", PlanItem("i1", "Review", Party((mail("B2"),), "owner"), is_risk=True)


def test_a_step_is_told_without_its_owner_taking_part() -> None:
    """Whose task it is, is no participant; the session is the buyer's who edited it."""
    folded = fold(page("1", "03-10 09:00", (ANN,), interaction_kind="plan_update", plan_items=(ITEM,)))
    assert [p.person_id for p in folded.participants] == ["B1"]
    (step,) = folded.steps
    assert (step.account_id, step.opportunity_id, step.owner_party_id, step.owner_side) == ("A1", "O1", "B2", "buyer")
    assert (step.told_by_party_id, step.touchpoint_id) == ("B1", folded.touchpoints[0].touchpoint_id)


def test_a_session_of_ours_may_edit_the_plans_of_two_customers() -> None:
    """Each item belongs to the account that its event names, else to its owner's; the session itself counts nowhere."""
    other = PlanItem("i2", "Call", Party((mail("C1"),), "owner"))
    ours = (mail("S1"),)
    folded = fold(
        page("1", "03-10 09:00", ours, interaction_kind="plan_update", plan_items=(ITEM,), account_hint="A1"),
        page("2", "03-10 09:05", ours, interaction_kind="plan_update", plan_items=(other,), account_hint="A2"),
        page("3", "03-12 09:00", ours, interaction_kind="plan_update", plan_items=(other,)),
    )
    assert [(s.account_id, s.owner_side, s.told_by_side) for s in folded.steps] == [
        ("A1", "buyer", "seller"), ("A2", "buyer", "seller"), ("A2", "buyer", "seller"),
    ]  # fmt: skip
    assert not any(row.is_countable for row in folded.touchpoints)


def test_a_robots_edit_is_no_step() -> None:
    """A crawler that opens the room's links does not work on the plan."""
    robot = page("1", "03-10 09:00", (ANN,), interaction_kind="plan_update", plan_items=(ITEM,), is_automated=True)
    assert fold(robot).steps == []


# revisions and figures


def told(name: str, when: str, **says: Any) -> InternalStep:
    """What a touchpoint tells of item ``i``; ``by`` is the side."""
    fields: dict[str, Any] = {
        "step_id": "i", "basis": "plan_item", "touchpoint_id": name, "event_id": name, "source": "/segment", "occurred_at": at(when),
        "told_by_side": says.pop("by", "seller"),
    }  # fmt: skip
    names = [{"owner_side": "owner"}.get(one, one) for one in says]
    return InternalStep(**fields, **says, told=names)


def states(world: World, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[c] for c in columns) for row in world.rows("fact_internal_step", "basis = 'plan_item'")]


@pytest.mark.parametrize("seed", range(4))
def test_revisions_are_in_order_of_time(seed: int) -> None:
    """Whatever comes when: numbered by time, values carried on, account and deal found in the nearest revision; a gone one leaves no trace."""
    world = worked_example(built=False)
    said = [
        told("a", "03-10 09:00", owner_side="buyer"),
        told("b", "03-11 09:00", account_id="A1", opportunity_id="O1", is_done=True),
        told("c", "03-12 09:00", is_done=False, is_risk=True),
        told("d", "03-13 09:00", owner_side="seller"),
    ]
    random.Random(seed).shuffle(said)
    for one in said:
        world.tell(one)
    columns = ("revision", "account_id", "opportunity_id", "owner_side", "is_done", "is_risk", "touchpoint_id")
    assert states(world, *columns) == [
        (1, "A1", "O1", "buyer", False, False, "a"),
        (2, "A1", "O1", "buyer", True, False, "b"),
        (3, "A1", "O1", "buyer", False, True, "c"),
        (4, "A1", "O1", "seller", False, True, "d"),
    ]
    world.tell(gone=["a", "c"])
    assert states(world, *columns) == [
        (1, "A1", "O1", None, True, False, "b"),
        (2, "A1", "O1", "seller", True, False, "d"),
    ]


PLACE = {"account_id": "A1", "opportunity_id": "O1"}


@pytest.mark.parametrize(
    ("steps", "risk", "transparency", "never_seen"),
    [
        ([told("a", "03-10 09:00", **PLACE, owner_side="buyer")], 0, 0.5, False),  # a plan without risks
        ([told("a", "03-10 09:00", **PLACE, owner_side="seller", is_risk=True)], 0, 0.5, True),
        ([told("a", "03-10 09:00", **PLACE, is_risk=True)], 0, 0.5, True),  # nobody's
        ([told("a", "03-10 09:00", **PLACE, is_risk=True, by="buyer")], 0, 0.5, False),  # the buyer's word, at least
        ([told("a", "03-10 09:00", **PLACE, owner_side="buyer", is_risk=True)], 1, 0.5, False),
        ([told("a", "03-10 09:00", **PLACE, owner_side="buyer", is_risk=True), told("b", "03-11 09:00", is_risk=False)], 0, 0.5, False),
        ([told("a", "03-10 09:00", **PLACE, owner_side="buyer", is_risk=True), told("b", "03-11 09:00", is_removed=True)], 0, 0.5, False),
        ([told("a", "03-10 09:00", **PLACE, owner_side="buyer", is_risk=True), told("b", "03-11 09:00", by="buyer")], 1, 1, False),
        ([told("a", "03-10 09:00", **PLACE, owner_side="buyer", is_risk=True), told("b", "05-12 09:00", is_risk=False, by="buyer")], 1, 0.5, False),
        ([told("a", "05-12 09:00", **PLACE, owner_side="buyer", is_risk=True)], 0, 0, True),  # after the close
    ],
)  # fmt: skip
def test_items_of_risk_and_transparency(
    steps: list[InternalStep], risk: float, transparency: float, never_seen: bool
) -> None:
    """Risks that the buyer owns as of the close over all such; a plan 0.5, edited by both 1; hindsight does not leak."""
    world = worked_example(built=False)
    world.con.execute("UPDATE fact_touchpoint SET buying_job = 'unclassified' WHERE buying_job = 'consensus_creation'")
    world.tell(*steps)
    world.build()
    deal = world.one("mart_opportunity_coverage")
    assert deal["dart_risk"] == about((1 + risk) / 4)
    assert deal["dart_transparency"] == about((0 + transparency + 0.5 + 1 / 3) / 4)
    assert world.one("mart_lost_deal_review")["internal_steps_never_seen"] is never_seen


def test_a_plan_that_is_only_looked_at_was_sent() -> None:
    """Half a point for a plan that the buyer opened, and nobody edited."""
    world = worked_example(built=False)
    looked = touchpoint("P1", "04-10 10:00", channel="app", direction="self_serve", tags=["plan_shown"])
    world.load([looked], {"P1": [participant("P1", 1, "B1", "actor", is_engaged=True)]})
    world.build()
    assert world.one("mart_opportunity_coverage")["dart_transparency"] == about((0 + 0.5 + 0.5 + 1 / 3) / 4)
    assert world.one("mart_lost_deal_review")["no_mutual_action_plan"] is False


def test_a_champion_reports_a_step_once() -> None:
    """Three edits of one item are one step; an item of ours that the champion ticks off is no internal step of the buyer."""
    world = worked_example(built=False)
    sessions = [
        touchpoint(f"P{n}", f"04-1{n} 10:00", channel="app", direction="self_serve", tags=["plan_update"])
        for n in range(3)
    ]
    world.load(sessions, {t.touchpoint_id: [participant(t.touchpoint_id, 1, "B1", "actor", is_engaged=True)] for t in sessions})  # fmt: skip
    edits = [told(f"P{n}", f"04-1{n} 10:00", **PLACE, owner_side="buyer", by="buyer") for n in range(3)]
    ours = told("P0", "04-10 10:00", **PLACE, owner_side="seller", by="buyer")
    ours.step_id = "j"
    world.tell(*edits, ours)
    assert world.build().one("mart_opportunity_coverage")["champion_evidence_count"] == 3
