"""Increments of random small worlds: what is measured again is what changed, and the marts equal those of a full build."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mart_world import ACCOUNT_FACTS, World, worked_example
from worked_example import at, participant, touchpoint

from schemas.arrow import dicts_to_batch, to_batch
from schemas.registry import TABLES
from transforms.folding.internal_steps import reported_step
from transforms.settings import Coverage, Settings
from transforms.times import DAY, HOUR
from transforms.touchpoint import InternalStep, Participant, Touchpoint
from warehouse import changes, dart, digests, exchange, steps
from warehouse.marts import AT_LANDMARK, BY_DEAL, COVERAGE, WHOLE

START = at("03-02 00:00")
ACCOUNTS = ("A1", "A2", "A3", "A4")
SELLERS = {"S1": "T1", "S2": "T1", "S3": "T2"}
DEALS = {"A1": "O1", "A2": "O2", "A3": "O3"}
CLOSED = {"O2": START + 70 * DAY, "O3": START + 95 * DAY}
"""One deal is closed from the first build on, one closes while the clock goes on."""
ZONES = ("UTC", "Asia/Tokyo", "America/New_York")


@dataclass(frozen=True)
class Fact:
    """One touchpoint, as few values as the marts tell apart."""

    account: str
    day: int
    hour: int
    kind: str
    seller: str
    colleague: str
    buyer: str
    thread: str
    other: str
    """A second account of a meeting."""
    countable: bool
    asset: str = ""
    """Sent or shown."""
    item: str = ""
    """Of an action plan, edited in a session of the buyer's or, where there is a colleague, of ours."""


FACTS = st.builds(
    Fact,
    account=st.sampled_from(ACCOUNTS),
    day=st.integers(-20, 118),
    hour=st.integers(0, 23),
    kind=st.sampled_from(("asked", "asked", "wrote", "wrote", "met", "visited", "browsed", "planned", "planned")),
    seller=st.sampled_from(tuple(SELLERS)),
    colleague=st.sampled_from(("", *SELLERS)),
    buyer=st.sampled_from(("B1", "B3", "u:x")),
    thread=st.sampled_from(("a", "b", "c")),
    other=st.sampled_from(("", "", *ACCOUNTS)),
    countable=st.sampled_from((True, True, True, False)),
    asset=st.sampled_from(("", "", "pricing_proposal", "competition_sheet", "security_pack", "mutual_action_plan")),
    item=st.sampled_from(("i1", "i2", "i3")),
)
STATES = st.dictionaries(st.integers(0, 30).map("P{}".format), FACTS, max_size=25)
CLOCKS = st.lists(st.just(0) | st.integers(25, 40 * 24), min_size=2, max_size=3)
"""Hours from one build to the next: none, or into another day, for within one open deals stay as they were."""


def made(name: str, fact: Fact) -> tuple[Touchpoint, list[Participant]]:
    began = START + fact.day * DAY + fact.hour * HOUR
    live = fact.kind in ("met", "visited")
    ours = fact.kind == "wrote" or (fact.kind == "planned" and fact.colleague != "")
    one = touchpoint(
        name, began, began + HOUR if live else None,
        channel={"met": "video", "visited": "in_person", "browsed": "app", "planned": "app"}.get(fact.kind, "email"),
        direction="outbound" if ours else {"asked": "inbound", "browsed": "self_serve", "planned": "self_serve"}.get(fact.kind, "mutual"),
        interaction_kind="demo" if live and fact.hour % 3 == 0 else "message",
        job=("unclassified", "supplier_selection", "validation", "supplier_selection")[fact.hour % 4],
        is_question=fact.kind == "asked" and fact.hour % 3 != 0,
        asset_type=fact.asset or None, asset_types=[fact.asset] if fact.asset else [],
        tags=["plan_update"] if fact.kind == "planned" else ["competitor"] if fact.hour % 3 == 2 else ["internal_step"] if fact.hour % 5 == 0 else [],
        account_id=fact.account, opportunity_id=DEALS.get(fact.account), is_countable=fact.countable,
        thread_id=None if live else f"{fact.account}-{fact.thread}", buyer_minutes=fact.hour / 7,
        actor_party_id=fact.seller if live or ours else fact.buyer, actor_side="seller" if live or ours else "buyer",
    )  # fmt: skip
    if live:
        present = sorted({fact.seller, fact.colleague, fact.buyer} - {""})
        people = [
            participant(name, n, who, "required", attended=True, is_engaged=who == fact.buyer)
            for n, who in enumerate(present)
        ]
    elif ours:
        people = [participant(name, 0, fact.seller, "actor"), participant(name, 1, fact.buyer, "to")]
        if fact.kind == "planned":  # our own people's session is no touchpoint that counts
            one.is_countable, one.is_internal, people = False, True, people[:1]
    else:
        people = [participant(name, 0, fact.buyer, "actor", is_engaged=True), participant(name, 1, fact.seller, "to")]
    return one, people


def told(one: Touchpoint, fact: Fact) -> list[InternalStep]:
    """What a touchpoint tells of internal steps: little of an item at a time, and not always whose it is."""
    if fact.kind != "planned":
        step = reported_step(one)
        return [] if step is None else [step]
    hour = fact.hour
    says = {
        "account_id": one.account_id if hour % 4 else None,
        "opportunity_id": one.opportunity_id if hour % 4 else None,
        "owner": ("buyer", "seller")[hour % 3 == 0] if hour % 2 else None,
        "is_risk": hour % 7 < 4 if hour % 3 else None,
        "is_done": hour > 12 if hour % 5 == 0 else None,
        "is_removed": hour < 20 if hour > 17 else None,
    }
    return [
        InternalStep(
            step_id=fact.item, basis="plan_item", account_id=says["account_id"], opportunity_id=says["opportunity_id"],
            touchpoint_id=one.touchpoint_id, event_id=one.touchpoint_id, source="/segment", occurred_at=one.occurred_at,
            told_by_party_id=one.actor_party_id, told_by_side=one.actor_side, owner_side=says["owner"],
            is_risk=bool(says["is_risk"]), is_done=bool(says["is_done"]), is_removed=bool(says["is_removed"]),
            told=[name for name, value in says.items() if value is not None],
        )
    ]  # fmt: skip


class Changing(World):
    """A world whose touchpoints are replaced as an increment of the pipeline does."""

    def __init__(self, zone: str) -> None:
        super().__init__(START, Settings(coverage=Coverage(reporting_timezone=zone, hybrid_min_touches=1, p90_min_n=2)))
        self.state: dict[str, Fact] = {}
        self.dim(
            "dim_account",
            *(
                {"account_id": a, "name": a, "domains": [], "owner_seller_id": "S3" if a == "A3" else None}
                for a in ACCOUNTS
            ),
        )
        self.dim("dim_seller", *({"seller_id": s, "full_name": s, "team_id": t} for s, t in SELLERS.items()))
        self.dim(
            "dim_assignment",
            {"account_id": "A1", "seller_id": "S1", "role": "owner"},
            {"account_id": "A2", "seller_id": "S2", "role": "owner", "valid_from": START + 10 * DAY, "valid_to": START + 90 * DAY},
            {"account_id": "A2", "seller_id": "S1", "role": "team", "valid_from": START + 100 * DAY},
        )  # fmt: skip
        self.dim(
            "dim_person",
            *(
                {"person_id": p, "full_name": p, "side": "buyer", "account_id": a}
                for p, a in (("B1", "A1"), ("B3", "A2"))
            ),
        )
        self.closed = CLOSED
        self.dim(
            "dim_opportunity",
            {"opportunity_id": "O1", "account_id": "A1", "opened_at": START, "status": "open"},
            {
                "opportunity_id": "O2",
                "account_id": "A2",
                "opened_at": START,
                "closed_at": CLOSED["O2"],
                "status": "won",
            },
            {
                "opportunity_id": "O3",
                "account_id": "A3",
                "opened_at": START,
                "closed_at": CLOSED["O3"],
                "status": "lost",
            },
        )
        self.dim(
            "dim_buying_group_member",
            {"opportunity_id": "O1", "person_id": "B1", "buyer_role": "champion", "valid_from": START + 95 * DAY},
            {"opportunity_id": "O1", "person_id": "B3", "buyer_role": "user", "valid_to": START + 105 * DAY},
        )

    def become(self, state: dict[str, Fact], as_of: int, again: Collection[str]) -> None:
        """Replace what differs, and what of ``again`` does not, with the clock at ``as_of``; note it as the pipeline does."""
        con, before = self.con, self.as_of
        self.as_of = as_of
        state = {name: fact for name, fact in state.items() if START + fact.day * DAY + fact.hour * HOUR <= as_of}
        dirty = {name for name in self.state.keys() | state.keys() if self.state.get(name) != state.get(name)} | set(
            again
        )
        self._name("old_touchpoint", dirty & self.state.keys())
        self._name("dirty_touchpoint", dirty)
        touched = {
            a for s in (self.state, state) for name in dirty & s.keys() for a in (s[name].account, s[name].other) if a
        }
        if before // DAY < as_of // DAY:
            touched |= {"A1", "A2"}  # assigned
            touched |= {
                a
                for (a,) in con.execute(
                    """SELECT account_id FROM fact_response WHERE answer_touchpoint_id IS NULL
                       UNION SELECT account_id FROM fact_enablement_need WHERE outcome <> 'never' AND consumed IS NULL"""
                ).fetchall()
            }
        con.execute("BEGIN")
        con.execute("INSERT INTO touched SELECT unnest(?::VARCHAR[])", [sorted(touched)])
        digests.begin(con)
        changes.begin(con)
        self.old, self.state = self.state, state
        every = {name: made(name, fact) for name, fact in sorted(state.items())}
        fresh = [every[name] for name in sorted(dirty & state.keys())]
        members = [(name, state[name].account, True) for name in sorted(dirty & state.keys())]
        members += [
            (name, other, False) for name, account, _ in members if (other := state[name].other) not in ("", account)
        ]
        self._stage("fact_touchpoint", [t for t, _ in fresh])
        self._stage("fact_touchpoint_participant", [p for _, people in fresh for p in people])
        self._stage(
            "bridge_touchpoint_account", [{"touchpoint_id": n, "account_id": a, "is_primary": p} for n, a, p in members]
        )
        self._tell_plans({name: fact for name, fact in state.items() if name in dirty})
        changes.replace_touchpoints(con, changes.OF_TOUCHPOINTS)
        self.tell(
            *(step for name in dirty & state.keys() for step in told(every[name][0], state[name])),
            gone=dirty & self.old.keys(),
        )
        facts: dict[str, list[Any]] = {table: [] for table in ACCOUNT_FACTS}
        for account in sorted(touched):
            rows = [
                msgspec.structs.replace(
                    t, account_id=account, opportunity_id=t.opportunity_id if t.account_id == account else None
                )
                for name, (t, _) in every.items()
                if t.is_countable
                and (t.account_id == account or (t.direction == "mutual" and state[name].other == account))
            ]
            for table, found in self.account_facts(
                account, rows, {n: people for n, (_, people) in every.items()}
            ).items():
                facts[table] += found
        for table, found in facts.items():
            self._stage(table, found)
        changes.replace_accounts(con, tuple(ACCOUNT_FACTS))
        con.execute("COMMIT")

    def _stage(self, table: str, rows: Sequence[Any]) -> None:
        """Rows as structs or dicts."""
        make = dicts_to_batch if rows and isinstance(rows[0], dict) else to_batch
        self.con.register("staged", pa.Table.from_batches([make(TABLES[table], rows)]))
        exchange.stage(self.con, table, "FROM staged")
        self.con.unregister("staged")

    def _tell_plans(self, facts: dict[str, Fact]) -> None:
        """Calendar entries of the meetings among these, written some days before, in place of those that were there."""
        self.con.execute("DELETE FROM fact_event WHERE event_id IN (FROM dirty_touchpoint)")
        self.con.execute("DELETE FROM bridge_touchpoint_event WHERE touchpoint_id IN (FROM dirty_touchpoint)")
        said = [
            {
                "event_id": name, "source": "/ics", "source_event_id": name, "revision": 1, "occurred_at": began, "received_at": began,
                "unit_id": "u", "position": 0, "family": "schedule", "system": "ics", "is_void": False, "payload_hash": "h",
                "recorded_at": began - fact.hour * DAY,
            }
            for name, fact in sorted(facts.items())
            if fact.kind in ("met", "visited") and (began := START + fact.day * DAY + fact.hour * HOUR)
        ]  # fmt: skip
        self.dim("fact_event", *said)
        witnesses = ({"touchpoint_id": one["event_id"], "event_id": one["event_id"], "rule_id": "W1"} for one in said)
        self.dim("bridge_touchpoint_event", *witnesses)

    def _name(self, table: str, names: Collection[str]) -> None:
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT unnest(?::VARCHAR[]) AS touchpoint_id", [sorted(names)]
        )


@settings(max_examples=10)
@given(
    zone=st.sampled_from(ZONES),
    states=st.lists(STATES, min_size=3, max_size=3),
    clocks=CLOCKS,
    data=st.data(),
    keep=st.booleans(),
)
def test_any_increment_equals_a_full_build(
    zone: str, states: list[dict[str, Fact]], clocks: list[int], data: st.DataObject, keep: bool
) -> None:
    """Whatever comes, goes, moves or comes back as it was, and however far the clock goes on, to the last bit."""
    world = Changing(zone)
    world.become(states[0], START + 80 * DAY, ())
    world.build()
    for number, hours in enumerate(clocks, 1):
        state = states[number % 3]
        if keep:  # few touchpoints differ from those before
            some = data.draw(st.sets(st.sampled_from(sorted(state)), max_size=3)) if state else set()
            state = world.state | {name: state[name] for name in some}
        again = data.draw(st.sets(st.sampled_from(sorted(world.state)), max_size=5)) if world.state else set()
        world.become(state, world.as_of + hours * HOUR, again)
        compare(world)


def compare(world: Changing) -> None:
    """Build what changed, then everything."""
    world.build(everything=False, compared=True)
    incremental = {
        table: world.rows(table)
        for table in (*COVERAGE, *BY_DEAL, *AT_LANDMARK, *WHOLE, "mart_relationship", dart.MART, steps.TABLE)
    }
    world.tell(*(s for name, fact in world.state.items() for s in told(made(name, fact)[0], fact)), everything=True)
    world.build()
    for mart, rows in incremental.items():
        assert rows == world.rows(mart), mart


FIRST = Fact("A4", 0, 12, "visited", "S1", "", "u:x", "a", "", True)
SECOND, THIRD = replace(FIRST, day=20, kind="met"), replace(FIRST, day=40, kind="wrote")


@pytest.mark.parametrize(
    ("day", "difference"),
    [(95, {}), (80, {"P2": replace(SECOND, countable=False)}), (80, {"P2": replace(SECOND, seller="S3")})],
    ids=["the_first_lies_too_far_back", "the_second_no_longer_counts", "the_second_is_anothers"],
)
def test_trailing_windows_follow(day: int, difference: dict[str, Fact]) -> None:
    """Three touches make their seller hybrid; without one of them no later period is, and with the clock the lifetime is not."""
    world = Changing("UTC")
    world.become({"P1": FIRST, "P2": SECOND, "P3": THIRD}, START + 80 * DAY, ())
    world.build()
    assert world.one("mart_seller_period", "seller_id = 'S1' AND period_grain = 'lifetime'")["is_hybrid_13w"]
    world.become(world.state | difference, START + day * DAY, ())
    compare(world)
    assert not world.one("mart_seller_period", "seller_id = 'S1' AND period_grain = 'lifetime'")["is_hybrid_13w"]


@pytest.mark.parametrize("difference", [{"colleague": "S2"}, {"buyer": "B3"}, {"other": "A2"}, {"countable": False}])
def test_one_detail_of_a_touchpoint_is_a_change(difference: dict[str, object]) -> None:
    """Whoever else was there, on whichever side, belongs to what a touchpoint was: its periods are measured again."""
    world = Changing("UTC")
    met = replace(FIRST, kind="met")
    world.become({"P1": met, "P2": replace(SECOND, account="A1"), "P3": THIRD}, START + 80 * DAY, ())
    world.build()
    world.become(world.state | {"P1": replace(met, **difference)}, world.as_of, ())  # type: ignore[arg-type]
    compare(world)


@pytest.mark.parametrize("gone", [True, False], ids=["goes", "comes"])
def test_what_another_session_tells_of_a_step_is_a_change(gone: bool) -> None:
    """A session in which A3 acts takes the mark of a risk from A4's item without naming A4: then A4 is measured again."""
    risk = Fact("A4", 10, 1, "planned", "S1", "", "B1", "a", "", True, item="i1")
    states = {"P1": risk}, {"P1": risk, "P2": replace(risk, account="A3", day=12, hour=4)}
    world = Changing("UTC")
    life = "account_id = 'A4' AND period_grain = 'lifetime'"
    world.become(states[gone], START + 80 * DAY, ())
    world.build()
    assert world.one(dart.MART, life)["risk_item_buyer_owned_share_den"] == (0 if gone else 1)
    world.become(states[not gone], world.as_of, ())
    compare(world)
    assert world.one(dart.MART, life)["risk_item_buyer_owned_share_den"] == (1 if gone else 0)


@pytest.mark.parametrize("gone", [True, False], ids=["goes", "comes"])
def test_what_the_next_period_answers_is_a_change(gone: bool) -> None:
    """On Friday A4 met us about suppliers; on the Tuesday of the next week we write to the buyer who was there, with the price."""
    met = replace(FIRST, day=4, hour=9, kind="met")
    states = {"P1": met}, {"P1": met, "P2": replace(met, day=8, hour=8, kind="wrote", asset="pricing_proposal")}
    world = Changing("UTC")
    week = "account_id = 'A4' AND period_grain = 'week' AND period_start = '2026-03-02'"

    def found() -> tuple[int, bool]:
        row = world.one(dart.MART, week)
        return row["mutual_followup_share_num"], row["price_disclosed"]

    world.become(states[gone], START + 80 * DAY, ())
    world.build()
    assert found() == ((1, True) if gone else (0, False))
    world.become(states[not gone], world.as_of, ())
    compare(world)
    assert found() == ((0, False) if gone else (1, True))


def test_a_need_that_falls_due_is_a_change() -> None:
    """What A4 asked for in a meeting, where no wait is counted, is due with the passing of days alone: not met in time."""
    world = Changing("UTC")
    life = "account_id = 'A4' AND period_grain = 'lifetime'"
    world.become({"P1": Fact("A4", 78, 11, "met", "S1", "", "B1", "a", "", True)}, START + 80 * DAY, ())
    world.build()
    assert world.one(dart.MART, life)["enablement_on_time_share_den"] == 0
    world.become(world.state, START + 95 * DAY, ())
    compare(world)
    assert world.one(dart.MART, life)["enablement_on_time_share_den"] == 1


@pytest.mark.parametrize("day", [95, 105], ids=["begins", "ends"])
def test_a_membership_that_the_clock_reaches_is_a_change(day: int) -> None:
    """Of a buying group, in the midst of a week and a month: no period begins, and nothing of the account is heard."""
    world = Changing("UTC")
    world.become({"P1": Fact("A1", 78, 11, "wrote", "S1", "", "B1", "a", "", True)}, START + (day - 1) * DAY + HOUR, ())
    world.build()
    before = [row["contact_coverage_den"] for row in world.rows("mart_account_period", "account_id = 'A1'")]
    world.become(world.state, START + day * DAY + HOUR, ())
    compare(world)
    assert [row["contact_coverage_den"] for row in world.rows("mart_account_period", "account_id = 'A1'")] != before


def test_a_touchpoint_that_leaves_the_relationships_window_is_a_change() -> None:
    """Within a day, while nothing else of its account is heard."""
    world = Changing("UTC")
    reach = int(world.settings.relationship.window_days)
    asked = Fact("A4", 3, 11, "asked", "S1", "", "B1", "a", "", True)
    world.become({"P1": asked, "P2": replace(asked, day=60)}, START + (3 + reach) * DAY + 10 * HOUR, ())
    world.build()
    before = world.rows("mart_relationship", "account_id = 'A4'")
    world.become(world.state, world.as_of + 2 * HOUR, ())
    compare(world)
    assert world.rows("mart_relationship", "account_id = 'A4'") != before


@pytest.mark.parametrize(("hours", "moves"), [(6, False), (24, True)], ids=["the_same_day", "another_day"])
def test_an_open_deal_of_which_nothing_is_heard_grows_older_once_a_day(hours: int, moves: bool) -> None:
    """An increment of another account does not measure it again; one of its own does, whenever it comes."""
    world = Changing("UTC")
    world.become({"P1": Fact("A1", 78, 11, "asked", "S1", "", "B1", "a", "", True)}, START + 80 * DAY, ())
    world.build()

    def told() -> list[object]:
        silence = world.one("mart_opportunity_coverage", "opportunity_id = 'O1'")["champion_silence_days"]
        return [silence, world.one("mart_deal_risk", "opportunity_id = 'O1'")["as_of_date"]]

    before = told()
    other = Fact("A4", 79, 11, "asked", "S1", "", "B1", "b", "", True)
    world.become(world.state | {"P2": other}, world.as_of + hours * HOUR, ())
    world.build(everything=False)
    assert (told() != before) == moves
    own = Fact("A1", 79, 15, "wrote", "S1", "", "B1", "b", "", True)
    world.become(world.state | {"P3": own}, world.as_of + 2 * HOUR, ())
    world.build(everything=False)
    after = told()
    assert after != before
    world.build()
    assert told() == after


def test_an_account_that_is_gone_is_none_of_its_sellers() -> None:
    """Sellers of an account that the directory no longer has are counted without it, and have no row for it alone."""
    world = worked_example(built=False)
    world.dim("dim_account", {"account_id": "A9", "name": "Gone", "domains": []})
    world.dim("dim_seller", {"seller_id": "S9", "full_name": "Seller Nine", "team_id": "T1"})
    world.dim("dim_assignment", *({"account_id": "A9", "seller_id": s, "role": "team"} for s in ("S1", "S9")))
    world.build()
    assert {row["account_count"] for row in world.rows("mart_seller_period", "seller_id = 'S1'")} == {2}
    for table in ("dim_account", "dim_assignment"):
        world.con.execute(f"DELETE FROM {table} WHERE account_id = 'A9'")
    world.build()
    assert {row["account_count"] for row in world.rows("mart_seller_period", "seller_id = 'S1'")} == {1}
    assert not world.rows("mart_seller_period", "seller_id = 'S9'")
