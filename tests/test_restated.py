"""``metric_restatement``: what a build changes of periods that were final, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import worked_example as example
from hypothesis import given, settings
from hypothesis import strategies as st
from mart_world import World, about, moment, worked_example
from test_mart_changes import CLOCKS, START, STATES, ZONES, Changing, Fact
from worked_example import at, participant, touchpoint

from schemas.fields import Table
from schemas.registry import TABLES
from transforms.times import DAY, HOUR
from transforms.touchpoint import Touchpoint
from warehouse import restated
from warehouse.marts import COVERAGE

FINAL_AFTER = timedelta(hours=72)
MARCH = "period_grain = 'month' AND period_start = DATE '2026-03-01'"


def again(world: World, also: Sequence[Touchpoint], *, everything: bool = False, run_id: str = "late") -> World:
    """The example's account rebuilt with further touchpoints."""
    people = example.participants()
    for one in also:
        people.setdefault(
            one.touchpoint_id, [participant(one.touchpoint_id, 0, one.actor_party_id or "", "actor", is_engaged=True)]
        )
    world.take_out("A1")
    world.load([t for t in example.touchpoints() if t.occurred_at <= world.as_of] + list(also), people)
    return world.build(everything=everything, run_id=run_id)


def figures(world: World, where: str) -> dict[str, tuple[Any, ...]]:
    """(old, new) by metric, with numerators and denominators where there are any; of a list by ``metric: item``."""
    found = {}
    for row in world.rows("metric_restatement", where):
        name = row["metric"] if row["item"] is None else f"{row['metric']}: {row['item']}"
        assert name not in found
        shares = tuple(about(row[c]) for c in ("old_num", "old_den", "new_num", "new_den") if row[c] is not None)
        found[name] = (about(row["old_value"]), about(row["new_value"]), *shares)
    return found


def periods(world: World) -> set[tuple[str, str]]:
    return {(row["period_grain"], str(row["period_start"])) for row in world.rows("metric_restatement")}


@pytest.mark.parametrize("everything", [False, True])
def test_a_late_event_restates_its_month(everything: bool) -> None:
    """T13, a chat of 24 March that T09 answers by mail 38 business hours later, worked by hand from the twelve touchpoints."""
    world = again(worked_example(at("05-11 00:00")), [example.late_touchpoint()], everything=everything)
    expected: dict[str, tuple[Any, ...]] = {
        "buyer_evidence_count": (6, 7),
        "inbound_count": (3, 4),
        "touch_followup_share": (3 / 4, 4 / 5, 3, 4, 4, 5),
        "channel_fit": (0.8333, 27 / 35),
        "digital_share": (1 / 9, 1 / 10, 1, 9, 1, 10),
        "remote_human_share": (7 / 9, 8 / 10, 7, 9, 8, 10),
        "in_person_share": (1 / 9, 1 / 10, 1, 9, 1, 10),
        "digital_minutes_share": (12 / 212, 12 / 213, 12e6, 212e6, 12e6, 213e6),
        "remote_human_minutes_share": (80 / 212, 81 / 213, 80e6, 212e6, 81e6, 213e6),
        "in_person_minutes_share": (120 / 212, 120 / 213, 120e6, 212e6, 120e6, 213e6),
        "thirds_balance_count": (1 - (7 / 9 - 1 / 3) * 1.5, 1 - (8 / 10 - 1 / 3) * 1.5),
        "thirds_balance_minutes": (1 - (1 / 3 - 12 / 212) * 1.5, 1 - (1 / 3 - 12 / 213) * 1.5),
        "hybrid_score": ((0.8 + 0.8333 + 2 / 3) / 3, (0.8 + 27 / 35 + 2 / 3) / 3),
        "response_median_business_seconds": (4.5 * 3600, (4.5 + 38) / 2 * 3600),
        "response_rate": (2 / 3, 3 / 4, 2, 3, 3, 4),
        "dialogue_ratio": (1, 3 / 4),
        "mutual_share": (2 / 8, 2 / 9, 2, 8, 2, 9),
        "reciprocated_thread_share": (1, 3 / 4, 3, 3, 3, 4),
        "unclassified_share": (0, 1 / 7, 0, 6, 1, 7),
        "unresolved_share": (0, 0, 0, 9, 0, 10),
    }
    for mart, who in (
        ("mart_seller_account_period", "seller_id = 'S1' AND account_id = 'A1' AND team_id IS NULL"),
        ("mart_account_period", "seller_id IS NULL AND account_id = 'A1' AND team_id IS NULL"),
        ("mart_seller_period", "seller_id = 'S1' AND account_id IS NULL AND team_id IS NULL"),
        ("mart_team_period", "seller_id IS NULL AND account_id IS NULL AND team_id = 'T1'"),
    ):
        assert figures(world, f"mart_name = '{mart}' AND {MARCH} AND {who}") == expected, mart
    assert figures(
        world, f"mart_name = 'mart_response_time' AND {MARCH} AND seller_id = 'S1' AND ask_channel = 'chat'"
    ) == {
        "ask_count": (1, 2),
        "answered_count": (1, 2),
        "response_median_business_seconds": (3600, (1 + 38) / 2 * 3600),
        "response_rate": (1, 1, 1, 1, 2, 2),
        "unclassified_share": (0, 1 / 2, 0, 1, 1, 2),
        "unresolved_share": (0, 0, 0, 1, 0, 2),
    }
    assert periods(world) == {("week", "2026-03-23"), ("month", "2026-03-01"), ("quarter", "2026-01-01")}
    rows = world.rows("metric_restatement")
    assert {(r["run_id"], r["restated_at"], r["change"]) for r in rows if r["mart_name"] != "mart_response_time"} == {
        ("late", moment(world.as_of), "changed")
    }
    assert sorted(r["restatement_no"] for r in rows) == list(range(1, len(rows) + 1))


def test_a_period_that_is_not_final_may_change() -> None:
    """On 3 April the week of 23 March is final, since 2 April, and March is not until the 4th."""
    world = again(worked_example(at("04-03 12:00")), [example.late_touchpoint()])
    assert periods(world) == {("week", "2026-03-23")}
    world = again(worked_example(at("04-02 00:00")), [example.late_touchpoint()])
    assert periods(world) == set()  # 72 hours exactly


def test_a_period_that_becomes_final_meanwhile_was_not() -> None:
    """What a reader saw of March before the 4th was marked as not final."""
    world = worked_example(at("04-03 12:00"))
    world.as_of = at("04-20 00:00")
    assert periods(again(world, [example.late_touchpoint()])) == {("week", "2026-03-23")}


def test_a_clock_set_back_restates_nothing() -> None:
    """A run with an earlier clock un-finishes periods; what it changes of them was not final when it is set forward again."""
    world = worked_example(at("05-11 00:00"))
    world.as_of = at("04-03 12:00")
    again(world, [])
    again(world, [example.late_touchpoint()])
    world.as_of = at("05-11 00:00")
    again(world, [example.late_touchpoint()])
    assert {p for p in periods(world) if p[0] != "week"} == set()


def test_builds_that_change_nothing_log_nothing() -> None:
    """Whole or in place, and though the wait of a question of 10 April grows with the clock."""
    asked = [touchpoint("T98", at("04-10 09:00"), actor_party_id="B1", thread_id="th8")]
    world = again(worked_example(at("05-11 00:00"), closed=False), asked)
    logged = len(world.rows("metric_restatement"))
    april = "period_grain = 'month' AND period_start = DATE '2026-04-01'"
    for number, everything in enumerate((True, False, True)):
        waited = world.one("mart_account_period", april)["longest_open_wait_business_seconds"]
        world.as_of += DAY
        again(world, asked, everything=everything, run_id=str(number))
        assert world.one("mart_account_period", april)["longest_open_wait_business_seconds"] > waited
    assert len(world.rows("metric_restatement")) == logged


def test_a_verdict_that_time_alone_brings_is_logged() -> None:
    """A question of Friday 27 March falls due on 3 April at its hour: its week, final since the 2nd, is given an unanswered one."""
    world = World(at("04-02 12:00"))
    asked = [
        touchpoint("T1", at("03-27 12:00"), actor_party_id="B1", thread_id="th1"),
        touchpoint("T2", at("03-02 12:00"), actor_party_id="B1", is_ack=True),
    ]
    people = {
        t.touchpoint_id: [participant(t.touchpoint_id, 0, "B1", "actor"), participant(t.touchpoint_id, 1, "S1", "to")]
        for t in asked
    }
    world.load(asked, people)
    world.build()
    world.as_of = at("04-04 12:00")
    world.take_out("A1")
    world.load(asked, people)
    world.build(everything=False)
    week = "mart_name = 'mart_account_period' AND period_grain = 'week'"
    assert figures(world, week) == {"response_rate": (None, 0, 0, 0, 0, 1)}


def net(world: World) -> dict[tuple[Any, ...], tuple[Any, Any]]:
    """First old and last new figure of each line's place, where they differ."""
    found: dict[tuple[Any, ...], tuple[Any, Any]] = {}
    for row in sorted(world.rows("metric_restatement"), key=lambda row: row["restatement_no"]):
        place = (row["mart_name"], *(row[c] for c in restated.GRAINS), row["metric"], row["item"])
        old, new = (
            (row[f"{when}_value"] or 0, row[f"{when}_num"], row[f"{when}_den"] or None) for when in ("old", "new")
        )
        found[place] = (found.get(place, (old, None))[0], new)
    return {place: both for place, both in found.items() if both[0] != both[1]}


def test_the_order_of_arrival_changes_the_steps_and_not_their_sum() -> None:
    """Two late events in either order, and both at once, lead from the same figures to the same."""
    one = example.late_touchpoint()
    two = touchpoint(
        "T14", at("03-25 09:00"), channel="video", direction="mutual", actor_party_id="B4", buyer_minutes=30
    )
    worlds = []
    for steps in ([[one], [one, two]], [[two], [one, two]], [[one, two]], [[one], [], [one, two]]):
        world = worked_example(at("05-11 00:00"))
        for number, step in enumerate(steps):
            again(world, step, run_id=str(number))
        worlds.append(world)
    first, *others = (net(world) for world in worlds)
    assert first
    for other in others:
        assert other == first


def test_a_row_that_vanishes_keeps_its_figures_in_the_log() -> None:
    """The one touch of an account is gone: its rows of March are, and so is what they said, but for what was 0."""
    world = worked_example(at("05-11 00:00"), built=False)
    world.load(
        [
            touchpoint(
                "X1",
                at("03-10 10:00"),
                account_id="A2",
                opportunity_id=None,
                direction="outbound",
                buyer_minutes=2.5,
                thread_id="x",
            )
        ],
        {"X1": [participant("X1", 0, "S1", "actor"), participant("X1", 1, "u:x", "to")]},
    )
    world.build()
    world.take_out("A2")
    world.build(everything=False)
    gone = f"mart_name = 'mart_seller_account_period' AND {MARCH} AND seller_id = 'S1' AND account_id = 'A2' AND change = 'vanished'"
    assert figures(world, gone) == {
        "row_count": (1, 0),
        "seller_touch_count": (1, None),
        "outbound_count": (1, None),
        "seller_channels: email": (1, None),
        "channel_coverage": (0.2, None, 1, 5),
        "remote_human_share": (1, None, 1, 1),
        "remote_human_minutes_share": (1, None, 2.5e6, 2.5e6),
        "unresolved_share": (1, None, 1, 1),
    }
    assert figures(world, f"mart_name = 'mart_seller_period' AND {MARCH} AND metric = 'account_count'") == {
        "account_count": (2, 1)
    }
    appeared = again(world, [])
    assert not appeared.rows("metric_restatement", "change = 'appeared'")


def test_a_message_of_an_open_week_restates_the_final_week_that_it_follows_up() -> None:
    """A meeting of Friday 6 March, followed up on Monday: on Friday the 13th, when the message lands, its own week is not final."""
    friday, monday = (at("03-06 10:00") - START) // DAY, (at("03-09 10:00") - START) // DAY
    met = Fact("A1", friday, 10, "met", "S1", "", "B1", "a", "", True)
    world = Changing("UTC")
    world.become({"P1": met}, at("03-12 12:00"), ())
    world.build()
    world.become({"P1": met, "P2": replace(met, day=monday, hour=9, kind="wrote")}, at("03-13 12:00"), ())
    world.build(everything=False, compared=True, run_id="late")
    assert periods(world) == {("week", "2026-03-02")}
    assert figures(world, "mart_name = 'mart_dart_account_period' AND account_id = 'A1'") == {
        "mutual_followup_share": (0, 1, 0, 1, 1, 1),
        "dart_transparency": (0, 1 / 3),
    }


def test_what_came_into_a_list_is_named() -> None:
    """A video call with the seller in a week that had none."""
    met = touchpoint(
        "T14",
        at("03-12 15:00"),
        at("03-12 15:30"),
        channel="video",
        direction="mutual",
        actor_party_id="S1",
        actor_side="seller",
    )
    world = again(worked_example(at("05-11 00:00")), [met])
    week = "period_grain = 'week' AND period_start = DATE '2026-03-09' AND item IS NOT NULL"
    assert figures(world, f"mart_name = 'mart_seller_period' AND {week}") == {
        "seller_channels: video": (0, 1),
        "channels_used: video": (0, 1),
    }


def test_the_definitions_name_the_marts() -> None:
    """Which marts have periods, and so restated figures, is told in full."""
    text = (Path(__file__).parents[1] / "docs/definitions.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"Of each mart with periods\s+\((.*?)\)", text)
    assert told == f"the four of coverage, {', '.join(f'`{name}`' for name in restated.MARTS if name not in COVERAGE)}"


@pytest.mark.parametrize("mart", [TABLES[name] for name in restated.MARTS], ids=lambda t: t.name)
def test_every_column_of_a_mart_is_a_key_a_figure_or_a_list(mart: Table) -> None:
    """A mart that gains a column of another kind needs a decision; and the log can name each of its rows."""
    shares = {f"{name}_{part}" for name in restated.figures_of(mart) for part in ("num", "den")}
    told = {*mart.key, *restated.figures_of(mart), *restated.lists_of(mart), *restated.NOT_LOGGED, *shares}
    assert set(mart.names) - told == set()
    assert set(mart.key) <= set(restated.GRAINS) <= set(TABLES[restated.LOG].names)


def last_final_day(zone: str, as_of: int) -> date:
    """By the calendar of Python: the last first-day-after that lies more than 72 hours back."""
    day = moment(as_of).date()
    while datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + FINAL_AFTER >= moment(as_of):
        day -= timedelta(days=1)
    return day


def stop_of(grain: str, start: date) -> date:
    if grain == "week":
        return start + timedelta(days=7)
    months = {"month": 1, "quarter": 3}[grain] + start.month - 1
    return date(start.year + months // 12, months % 12 + 1, 1)


Line = tuple[Any, ...]


def expected_lines(
    mart: Table, before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]], until: date
) -> set[Line]:
    """(key..., metric, item, old, new, old_num, old_den, new_num, new_den) of what differs, by reading the rows."""
    olds, news = (
        {
            tuple(row[k] for k in mart.key): row
            for row in rows
            if row["period_grain"] != "lifetime" and stop_of(row["period_grain"], row["period_start"]) <= until
        }
        for rows in (before, after)
    )
    found: set[Line] = set()
    skipped = {*mart.key, "is_final", "longest_open_wait_business_seconds"}
    for key in (olds.keys() | news.keys()) if olds else ():
        old, new = olds.get(key, {}), news.get(key, {})
        if not (old and new):
            found.add((*key, "row_count", None, float(bool(old)), float(bool(new)), None, None, None, None))
        for name in set(mart.names) - skipped:
            if name.endswith(("_num", "_den")):
                continue
            if isinstance(old.get(name, new.get(name)), list):
                items = set(old.get(name) or ()) ^ set(new.get(name) or ())
                sides = [None if not row else 1.0 for row in (old, new)]
                found |= {
                    (
                        *key,
                        name,
                        item,
                        *(side and float(item in row[name]) for side, row in zip(sides, (old, new), strict=True)),
                        None,
                        None,
                        None,
                        None,
                    )
                    for item in items
                }
                continue
            told = [(row.get(name), row.get(f"{name}_num"), row.get(f"{name}_den")) for row in (old, new)]
            (was, *was_of), (now, *now_of) = ([None if v is None else float(v) for v in values] for values in told)
            if (old and new and told[0] != told[1]) or (not old and now) or (not new and was):
                found.add((*key, name, None, was, now, *was_of, *now_of))
    return found


def lines(world: World, mart: Table, run_id: str) -> list[Line]:
    names = (*mart.key, "metric", "item", "old_value", "new_value", "old_num", "old_den", "new_num", "new_den")
    return [
        tuple(row[n] for n in names)
        for row in world.rows("metric_restatement", f"mart_name = '{mart.name}' AND run_id = '{run_id}'")
    ]


@settings(max_examples=6)
@given(zone=st.sampled_from(ZONES), states=st.lists(STATES, min_size=3, max_size=3), clocks=CLOCKS, data=st.data())
def test_the_log_is_the_difference_of_any_two_builds(
    zone: str, states: list[dict[str, Fact]], clocks: list[int], data: st.DataObject
) -> None:
    """Built in place or whole, it says of every figure of a final period what it was and what it is, and of no other."""
    worlds = Changing(zone), Changing(zone)
    for world in worlds:
        world.become(states[0], START + 80 * DAY, ())
        world.build(run_id="0")
    for number, hours in enumerate(clocks, 1):
        state = states[number % 3]
        if data.draw(st.booleans()):
            some = data.draw(st.sets(st.sampled_from(sorted(state)), max_size=3)) if state else set()
            state = worlds[0].state | {name: state[name] for name in some}
        until = last_final_day(zone, worlds[0].as_of)
        before = {mart: worlds[0].rows(mart) for mart in restated.MARTS}
        for world, everything in zip(worlds, (False, True), strict=True):
            world.become(state, world.as_of + hours * HOUR, ())
            world.build(everything=everything, compared=True, run_id=str(number))
        for name in restated.MARTS:
            expected = expected_lines(TABLES[name], before[name], worlds[0].rows(name), until)
            for world in worlds:
                found = lines(world, TABLES[name], str(number))
                assert len(found) == len(set(found))
                assert set(found) == expected, name


def test_history_that_lands_in_parts_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than are told one by one: a line a period says how many, before and after; a build of everything tells each figure."""
    monkeypatch.setattr(restated, "MANY", 0)
    world = again(worked_example(at("05-11 00:00")), [example.late_touchpoint()])
    lines = world.rows("metric_restatement", "mart_name = 'mart_account_period'")
    assert {(r["period_grain"], str(r["period_start"]), r["change"], r["metric"], r["old_value"], r["new_value"]) for r in lines} == {
        ("week", "2026-03-23", "many", "row_count", 1, 1),
        ("month", "2026-03-01", "many", "row_count", 1, 1),
        ("quarter", "2026-01-01", "many", "row_count", 1, 1),
    }  # fmt: skip
    assert {(r["account_id"], r["item"]) for r in lines} == {(None, None)}
    world = again(worked_example(at("05-11 00:00")), [example.late_touchpoint()], everything=True)
    assert {r["change"] for r in world.rows("metric_restatement")} == {"changed", "appeared"}
