"""Risk signals of closed deals at their landmark, and how often deals were lost with them and without (semantics 5.8)."""

from __future__ import annotations

from typing import Any

import pytest
from mart_world import World, about, moment, worked_example
from worked_example import CLOSED_AT, OPPORTUNITY, at, participant, touchpoint

from schemas.vocab import RISK_SIGNALS
from transforms.settings import Coverage, Settings
from transforms.times import DAY


def at_landmark(days: float, **fields: Any) -> World:
    """The worked example, lost on 05-11, with its landmark so many days before."""
    return worked_example(settings=Settings(coverage=Coverage(signal_landmark_days=days)), **fields)


def signals(world: World) -> list[str]:
    found: list[str] = world.build().one("mart_deal_landmark", f"opportunity_id = '{OPPORTUNITY}'")["signals"]
    return found


def test_signals_thirty_days_before_the_close() -> None:
    """04-11: the buyer wrote 1.4 days ago, three people were engaged in 30 days, both needs are met; nothing is planned, and nobody
    has validated."""
    row = worked_example().one("mart_deal_landmark")
    assert row["signals"] == ["no_next_step", "validation_or_consensus_missing"]
    assert (row["signal_count"], row["risk_level"], row["status"]) == (2, "medium", "lost")
    assert (row["landmark_at"], row["closed_at"]) == (moment(at("04-11 00:00")), moment(CLOSED_AT))


def test_signals_forty_five_days_before_the_close() -> None:
    """03-27: silent since 03-12 13:00 for 14.46 days, which is more than 14 and than twice the median gap of 1.06; the comparison that
    was due on 03-13 is not there: it came on 03-31, which nobody knew then."""
    row = at_landmark(45).one("mart_deal_landmark")
    assert row["signals"] == ["buyer_silent", "no_next_step", "validation_or_consensus_missing", "unmet_need"]
    assert row["risk_level"] == "high"


def test_a_deal_at_its_landmark_is_the_open_deal_of_that_day() -> None:
    """The same rules: what mart_deal_risk says of the open deal on a day is what the landmark on that day says once it has closed."""
    for day in ("03-08 00:00", "03-20 12:00", "04-03 00:00", "04-30 00:00"):
        then = worked_example(at(day), closed=False).one("mart_deal_risk")
        later = at_landmark((CLOSED_AT - at(day)) / DAY).one("mart_deal_landmark")
        assert [later[c] for c in ("signals", "signal_count", "risk_level")] == [
            then[c] for c in ("signals", "signal_count", "risk_level")
        ], day


def test_in_the_night_after_it_was_due_a_need_is_not_yet_unmet() -> None:
    """40.5 hours after Friday 03-06 16:30 the comparison is due, on Friday 03-13 17:00; until Monday's first second it is not late."""
    days = 40.5 / 8
    for day, is_unmet in (("03-14 12:00", False), ("03-16 09:00", False), ("03-16 09:01", True)):
        now = Settings(coverage=Coverage(enablement_business_days=days))
        then = worked_example(at(day), closed=False, settings=now).one("mart_deal_risk")
        before = Coverage(enablement_business_days=days, signal_landmark_days=(CLOSED_AT - at(day)) / DAY)
        later = worked_example(settings=Settings(coverage=before)).one("mart_deal_landmark")
        assert later["signals"] == then["signals"]
        assert ("unmet_need" in then["signals"]) is is_unmet, day


def test_a_deal_that_opens_later_is_not_open_yet() -> None:
    """Before its opening a deal has no risk, whatever the CRM knows by now; once it has come and gone it has its review."""
    world = worked_example(built=False)
    deal = {"opportunity_id": "O9", "account_id": "A9", "opened_at": at("04-01 00:00"), "closed_at": at("04-20 00:00")}
    world.dim("dim_opportunity", deal | {"status": "lost"})

    def of_risk() -> list[str]:
        return [row["opportunity_id"] for row in world.rows("mart_deal_risk")]

    world.as_of = at("04-01 00:00") - 1
    world.build()
    assert of_risk() == [OPPORTUNITY]
    world.as_of = CLOSED_AT
    world.build(everything=False, compared=True)
    assert of_risk() == []
    assert world.one("mart_lost_deal_review", "opportunity_id = 'O9'")
    world.as_of = at("04-01 00:00")
    world.build()
    assert of_risk() == [OPPORTUNITY, "O9"]


def test_nothing_after_the_landmark_shows() -> None:
    """Validation, an executive, messages and meetings of the last 30 days leave the signals as they were."""
    world = worked_example(built=False)
    later = [
        touchpoint("L1", "04-11 00:01", job="validation"),
        touchpoint("L2", "04-14 10:00", "04-14 11:00", channel="video", direction="mutual", job="consensus_creation"),
        touchpoint("L3", "04-20 10:00", direction="outbound"),
        touchpoint("L4", "04-21 10:00", direction="outbound"),
    ]
    world.load(
        later, {t.touchpoint_id: [participant(t.touchpoint_id, 1, "B3", "actor", is_engaged=True)] for t in later}
    )
    assert signals(world) == ["no_next_step", "validation_or_consensus_missing"]
    assert world.one("mart_lost_deal_review")["validation_never_seen"] is False


WON = {"status": "won", "account_id": "A9"}


@pytest.mark.parametrize(("closed", "is_absent"), [("03-26 00:00", True), ("03-28 00:00", False)])
def test_only_deals_won_by_then_say_what_is_long(closed: str, is_absent: bool) -> None:
    """A deal that took 40 days makes 25 days without an executive long, unless it was won after the landmark of 03-27."""
    world = at_landmark(45, built=False)
    world.dim(
        "dim_opportunity", WON | {"opportunity_id": "W1", "opened_at": at(closed) - 40 * DAY, "closed_at": at(closed)}
    )
    assert ("exec_absent" in signals(world)) is is_absent


def test_a_deal_won_since_the_last_build_is_a_measure_at_once() -> None:
    """Another deal is looked at again on the same day, and so is one at its landmark where the CRM tells of the win only now."""
    world = worked_example(at("04-26 12:00"), closed=False, built=False)
    open_deal = {"opportunity_id": "O8", "account_id": "A8", "opened_at": at("03-26 00:00"), "status": "open"}
    lost = {"opportunity_id": "O7", "account_id": "A8", "opened_at": at("02-01 00:00"), "closed_at": at("04-10 00:00")}
    taken = {"opened_at": at("04-26 13:00") - 40 * DAY, "closed_at": at("04-26 13:00")}
    world.dim("dim_opportunity", open_deal, lost | {"status": "lost"}, WON | {"opportunity_id": "W1"} | taken)

    def absent(table: str) -> bool:
        return "exec_absent" in world.one(table, "opportunity_id IN ('O7', 'O8')")["signals"]

    world.build()
    assert not absent("mart_deal_risk")
    world.as_of = at("04-26 14:00")
    world.build(everything=False, compared=True)
    assert absent("mart_deal_risk")
    assert not absent("mart_deal_landmark")
    early = at("03-01 00:00")
    world.dim("dim_opportunity", WON | {"opportunity_id": "W2", "opened_at": early - 30 * DAY, "closed_at": early})
    world.build(everything=False, compared=True, won_from=early)
    assert absent("mart_deal_landmark")


# (written, is_void): the entry, then what became of it
PLANNED = ("04-05 10:00", False)


@pytest.mark.parametrize(
    ("said", "is_planned"),
    [
        ([PLANNED], True),
        ([("04-12 10:00", False)], False),
        ([(None, False)], False),
        ([PLANNED, ("04-10 10:00", True)], False),
        ([PLANNED, ("04-15 10:00", True)], True),
        ([PLANNED, ("04-10 10:00", True), ("04-10 18:00", False)], True),
    ],
    ids=["before", "after", "nobody_says_when", "called_off_before", "called_off_after", "called_off_and_on_again"],
)
@pytest.mark.parametrize("status", ["held", "cancelled", "no_show"])
def test_a_next_step_is_what_the_calendar_held_then(
    said: list[tuple[str | None, bool]], is_planned: bool, status: str
) -> None:
    """Of a meeting on 04-20 counts when it was written down and called off, and not what became of it later."""
    world = worked_example(built=False)
    meeting = touchpoint(
        "P1",
        "04-20 10:00",
        "04-20 11:00",
        channel="video",
        direction="mutual",
        status=status,
        is_countable=status == "held",
    )
    world.load([meeting], {"P1": [participant("P1", 1, "B1", "required", attended=True, is_engaged=True)]})
    for n, (written, is_void) in enumerate(said):
        tell(world, "P1", f"E{n}", n + 1, written, is_void)
    assert ("no_next_step" not in signals(world)) is is_planned


def tell(world: World, touchpoint_id: str, event_id: str, revision: int, written: str | None, is_void: bool) -> None:
    """A calendar entry's version as an event that witnesses the touchpoint."""
    event = {
        "event_id": event_id, "source": "/ics", "source_event_id": touchpoint_id, "revision": revision, "occurred_at": at("04-20 10:00"),
        "received_at": CLOSED_AT, "unit_id": "u", "position": 0, "family": "schedule", "system": "ics", "is_void": is_void,
        "recorded_at": at(written) if written else None, "payload_hash": "h",
    }  # fmt: skip
    world.dim("fact_event", event)
    world.dim("bridge_touchpoint_event", {"touchpoint_id": touchpoint_id, "event_id": event_id, "rule_id": "W1"})


def test_a_witness_that_comes_alone_is_no_less_a_change() -> None:
    """The calendar entry of a meeting that is there already changes no touchpoint, but what was known at the landmark."""
    world = worked_example(built=False)
    meeting = touchpoint("P1", "04-20 10:00", "04-20 11:00", channel="video", direction="mutual")
    world.load([meeting], {"P1": [participant("P1", 1, "B1", "required", attended=True, is_engaged=True)]})
    assert "no_next_step" in signals(world)
    tell(world, "P1", "E1", 1, *PLANNED)
    world.con.execute("INSERT INTO touched VALUES ('A1')")
    world.build(everything=False, compared=True)
    assert "no_next_step" not in world.one("mart_deal_landmark")["signals"]
    assert lift(world, "no_next_step") == (0, 0, 1, 1)


def deals(world: World, **closed: tuple[str, list[str]]) -> World:
    """Deals of 60 days that closed on 05-01, so with a landmark on 04-01: (status, days on which the buyer wrote)."""
    for name, (status, days) in closed.items():
        world.dim(
            "dim_opportunity",
            {
                "opportunity_id": name,
                "account_id": name,
                "opened_at": at("03-02 00:00"),
                "closed_at": at("05-01 00:00"),
                "status": status,
            },
        )
        rows = [
            touchpoint(f"{name}-{n}", day, account_id=name, opportunity_id=name, actor_party_id=f"u:{name}")
            for n, day in enumerate(days)
        ]
        world.load(
            rows,
            {t.touchpoint_id: [participant(t.touchpoint_id, 1, f"u:{name}", "actor", is_engaged=True)] for t in rows},
        )
    return world


def lift(world: World, signal: str) -> tuple[int, ...]:
    """(lost with, with, lost without, without)"""
    row = world.one("mart_signal_lift", f"signal = '{signal}'")
    return tuple(row[f"loss_rate_{group}_{part}"] for group in ("with", "without") for part in ("num", "den"))


SPOKE, SILENT = ["03-30 10:00"], ["03-05 10:00"]
FIVE = {
    "L1": ("lost", SILENT),
    "L2": ("lost", SILENT),
    "W1": ("won", SILENT),
    "W2": ("won", SPOKE),
    "L3": ("lost", SPOKE),
}


def test_lift_of_five_deals() -> None:
    """Of three silent deals two were lost, of the two others one: 2/3 and 1/2, far too few to say anything."""
    world = deals(World(at("06-01 00:00")), **FIVE).build()
    assert lift(world, "buyer_silent") == (2, 3, 1, 2)
    row = world.one("mart_signal_lift", "signal = 'buyer_silent'")
    assert (row["loss_rate_with"], row["loss_rate_without"]) == (about(0.667), 0.5)
    assert (row["loss_rate_difference"], row["loss_rate_lift"]) == (about(0.167), about(1.333))
    assert (row["landmark_days"], row["low_n"]) == (30, True)


def test_a_group_without_deals_has_no_rate() -> None:
    """All five lack a next step, and none is spinning: there is nothing to compare, and every signal has its row (C3)."""
    world = deals(World(at("06-01 00:00")), **FIVE).build()
    everyone, nobody = (world.one("mart_signal_lift", f"signal = '{name}'") for name in ("no_next_step", "spinning"))
    assert [everyone[f"loss_rate_{c}"] for c in ("with", "without", "difference", "lift")] == [
        about(0.6),
        None,
        None,
        None,
    ]
    assert [nobody[f"loss_rate_{c}"] for c in ("with", "without", "difference", "lift")] == [
        None,
        about(0.6),
        None,
        None,
    ]
    assert [row["signal"] for row in world.rows("mart_signal_lift")] == sorted(RISK_SIGNALS)
    empty = World(at("06-01 00:00")).build().rows("mart_signal_lift")
    assert [(row["signal"], row["loss_rate_with"], row["low_n"]) for row in empty] == [
        (s, None, True) for s in sorted(RISK_SIGNALS)
    ]


def test_no_lift_over_deals_that_were_never_lost() -> None:
    """A ratio to a rate of 0 is no number."""
    world = deals(World(at("06-01 00:00")), L1=("lost", SILENT), W2=("won", SPOKE)).build()
    row = world.one("mart_signal_lift", "signal = 'buyer_silent'")
    assert (row["loss_rate_without"], row["loss_rate_difference"], row["loss_rate_lift"]) == (0, 1, None)


@pytest.mark.parametrize(("least", "low"), [(2, False), (3, True)])
def test_low_n_looks_at_the_smaller_group(least: int, low: bool) -> None:
    """Three with the signal, two without it."""
    world = deals(World(at("06-01 00:00"), Settings(coverage=Coverage(low_n=least))), **FIVE).build()
    assert world.one("mart_signal_lift", "signal = 'buyer_silent'")["low_n"] is low


@pytest.mark.parametrize(
    "change",
    [
        "status = 'open', closed_at = NULL",
        "closed_at = NULL",
        "closed_at = TIMESTAMPTZ '2026-06-01 00:00:01+00'",
        "opened_at = TIMESTAMPTZ '2026-04-01 00:00:01+00'",
    ],
    ids=["open", "closed_nobody_knows_when", "closes_after_as_of", "younger_than_its_landmark"],
)
def test_deals_without_a_landmark_are_not_counted(change: str) -> None:
    """An open deal, one without a date of closing, one that closes later, and one that was opened after its landmark."""
    world = deals(World(at("06-01 00:00")), **FIVE)
    world.con.execute(f"UPDATE dim_opportunity SET {change} WHERE opportunity_id = 'L1'")
    world.build()
    assert lift(world, "buyer_silent") == (1, 2, 1, 2)


def test_a_deal_is_counted_once_its_close_has_come() -> None:
    """By the clock alone, without a change of its account."""
    world = deals(World(at("04-30 00:00")), **FIVE).build()
    assert lift(world, "buyer_silent") == (0, 0, 0, 0)
    world.as_of = at("05-02 00:00")
    world.build(everything=False, compared=True)
    assert lift(world, "buyer_silent") == (2, 3, 1, 2)
    stepped = [world.rows(mart) for mart in ("mart_deal_landmark", "mart_signal_lift")]
    world.build()
    assert stepped == [world.rows(mart) for mart in ("mart_deal_landmark", "mart_signal_lift")]
