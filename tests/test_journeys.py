"""Sessions, visits, transitions and loops: the worked example of semantics 4.7 and the rules around it."""

from __future__ import annotations

from typing import Any

import pytest
from worked_example import (
    ACCOUNT,
    CC,
    OPPORTUNITY,
    PI,
    RB,
    SE,
    SS,
    VA,
    at,
    late_touchpoint,
    participant,
    participants,
    touchpoint,
    touchpoints,
)

from schemas.registry import TABLES
from transforms import journey_rows
from transforms.event import hash_id
from transforms.journey_rows import JourneyRows
from transforms.journeys.ordering import ordered
from transforms.journeys.sessions import build_journey
from transforms.settings import Journeys
from transforms.times import DAY, HOUR
from transforms.touchpoint import Participant, Touchpoint

SCOPES = ("opportunity", "account")


def journey(rows: list[Touchpoint], people: dict[str, list[Participant]] | None = None, **setting: Any) -> JourneyRows:
    return build_journey("opportunity", ACCOUNT, OPPORTUNITY, rows, people or {}, Journeys(**setting))


@pytest.fixture
def example() -> JourneyRows:
    return journey(touchpoints(), participants())


def test_sessions_of_the_example(example: JourneyRows) -> None:
    """Two sessions, T01-T08 and T10-T12; the late answer T09 belongs to none."""
    assert [(s.session_no, s.started_at, s.ended_at, s.touchpoint_count) for s in example.sessions] == [
        (1, at("03-02 09:10"), at("03-12 13:00"), 8),
        (2, at("04-01 10:00"), at("04-09 15:00"), 3),
    ]
    assert [round((s.ended_at - s.started_at) / DAY, 2) for s in example.sessions] == [10.16, 8.21]
    assert {m.touchpoint_id: m.session_no for m in example.members} == {
        **{f"T{n:02}": 1 for n in range(1, 9)}, "T09": None, "T10": 2, "T11": 2, "T12": 2,
    }  # fmt: skip


def test_sessions_of_the_example_by_the_clock_of_all() -> None:
    """With every touchpoint on the clock the answer T09 opens session 2, 9.21 days long."""
    rows = journey(touchpoints(), participants(), session_clock="all")
    assert [s.touchpoint_count for s in rows.sessions] == [8, 4]
    assert rows.sessions[1].started_at == at("03-31 10:00")
    assert round((rows.sessions[1].ended_at - rows.sessions[1].started_at) / DAY, 2) == 9.21


def test_visits_of_the_example(example: JourneyRows) -> None:
    """Seven visits; T02 and T04 make one of them, and T12 without a job none."""
    assert [(v.buying_job, v.session_no, v.touchpoint_count, v.self_loop_count) for v in example.visits] == [
        (PI, 1, 1, 0), (SE, 1, 2, 1), (SS, 1, 1, 0), (RB, 1, 1, 0), (SS, 1, 1, 0), (CC, 2, 1, 0), (RB, 2, 1, 0),
    ]  # fmt: skip
    members = {m.touchpoint_id: m.visit_no for m in example.members if m.visit_no is not None}
    assert members == {"T01": 1, "T02": 2, "T04": 2, "T05": 3, "T07": 4, "T08": 5, "T10": 6, "T11": 7}


def test_transitions_of_the_example(example: JourneyRows) -> None:
    """Forward, skip of RB, backward, forward, lateral, lateral."""
    types = [(t.transition_type, t.skip_size) for t in example.transitions]
    assert types == [
        ("forward", None), ("skip", 1), ("backward", None), ("forward", None), ("lateral", None), ("lateral", None),
    ]  # fmt: skip
    assert [t.to_visit_no for t in example.transitions if t.is_loop_closure] == [5, 7]


def test_core_projection_of_the_example(example: JourneyRows) -> None:
    """PI SE SS RB SS RB without the consensus meeting: forward, skip, backward, forward, backward."""
    assert [t.core_transition_type for t in example.transitions] == [
        "forward", "skip", "backward", "forward", None, "backward",
    ]  # fmt: skip


def test_transitions_without_always_on_jobs() -> None:
    """VA and CC get ranks 5 and 6: forward, skip, backward, forward, skip, backward."""
    rows = journey(touchpoints(), participants(), always_on_jobs=())
    assert [t.transition_type for t in rows.transitions] == [
        "forward", "skip", "backward", "forward", "skip", "backward",
    ]  # fmt: skip
    assert [t.skip_size for t in rows.transitions if t.transition_type == "skip"] == [1, 1]
    assert [t.core_transition_type for t in rows.transitions] == [t.transition_type for t in rows.transitions]


def test_ranks_stay_where_one_more_job_is_always_on() -> None:
    """From SE to SS is a skip of 1, though RB in between is always on (4.5: PI 1, SE 2, RB 3, SS 4)."""
    rows = [touchpoint("a", "03-01 09:00", job=SE), touchpoint("b", "03-02 09:00", job=SS)]
    (move,) = journey(rows, always_on_jobs=(RB, VA, CC)).transitions
    assert (move.transition_type, move.skip_size) == ("skip", 1)


def test_loops_of_the_example(example: JourneyRows) -> None:
    """SS is revisited because of the competitor, RB because of the CFO."""
    first, second = example.loops
    assert (first.revisited_job, first.from_visit_no, first.to_visit_no, first.loop_length, first.path) == (
        SS,
        3,
        5,
        1,
        "RB",
    )
    assert (first.left_at, first.returned_at) == (at("03-06 16:34"), at("03-12 13:00"))
    assert first.loop_duration_seconds == 505_560
    assert (first.trigger_type, first.trigger_touchpoint_id) == ("competitor_mention", "T08")
    assert (first.loop_kind, first.closed_by, first.return_touchpoint_id) == ("core", "forward", "T08")
    assert (second.revisited_job, second.from_visit_no, second.to_visit_no, second.loop_length) == (RB, 4, 7, 2)
    assert second.path == "SS>CC"
    assert (second.left_at, second.returned_at) == (at("03-11 12:00"), at("04-07 08:45"))
    assert second.loop_duration_seconds == 2_321_100
    assert (second.trigger_type, second.trigger_touchpoint_id) == ("new_stakeholder", "T10")
    assert (second.loop_kind, second.closed_by, second.return_touchpoint_id) == ("core", "lateral", "T11")
    assert first.loop_id == hash_id(f"loop:{hash_id('opportunity:O1')}:5")


def test_summary_of_the_example(example: JourneyRows) -> None:
    """Every rate of 4.7."""
    s = example.summary
    assert (s.session_count, s.visit_count, s.distinct_job_count, s.loop_count, s.resume_count) == (2, 7, 5, 2, 0)
    assert (s.core_loop_count, s.self_loop_count, s.variant) == (2, 1, "PI>SE>SS>RB>SS>CC>RB")
    assert s.loop_rate == s.core_loop_rate == pytest.approx(2 / 6)
    assert s.jobs_revisited_share == pytest.approx(0.40)
    assert (s.loop_rate_num, s.loop_rate_den, s.core_loop_rate_num, s.core_loop_rate_den) == (2, 6, 2, 6)
    assert (s.jobs_revisited_share_num, s.jobs_revisited_share_den) == (2, 5)
    assert (s.unclassified_share_num, s.unclassified_share_den) == (1, 9)
    assert s.unclassified_share == pytest.approx(1 / 9)
    assert (s.touchpoint_count, s.buyer_evidence_count, s.unclassified_count, s.low_evidence) == (12, 9, 1, False)
    assert s.throughput_seconds is not None
    assert round(s.throughput_seconds / 86400, 2) == 38.24
    assert s.idle_seconds == 19.875 * 86400
    assert (s.first_at, s.last_at) == (at("03-02 09:10"), at("04-09 15:00"))
    assert s.journey_id == hash_id("opportunity:O1")


def test_gap_sensitivity_of_the_example(example: JourneyRows) -> None:
    """Sessions at 7, 14, 21 and 30 days: 2, 2, 1, 1."""
    assert [(g.gap_days, g.session_count) for g in example.gaps] == [(7, 2), (14, 2), (21, 1), (30, 1)]


def test_a_late_touchpoint_merges_sessions(example: JourneyRows) -> None:
    """T13 bridges the gap: one session of 13 which T09 joins, no idle time; visits and loops stay."""
    merged = journey([*touchpoints(), late_touchpoint()], participants())
    assert [s.touchpoint_count for s in merged.sessions] == [13]
    assert {m.session_no for m in merged.members} == {1}
    assert merged.summary.idle_seconds == 0
    assert [(v.buying_job, v.started_at, v.ended_at) for v in merged.visits] == [
        (v.buying_job, v.started_at, v.ended_at) for v in example.visits
    ]
    assert merged.loops == example.loops


def test_a_gap_of_exactly_g_stays_in_the_session() -> None:
    """A new session begins only where the gap is longer than G, counted from the latest end."""
    first = touchpoint("a", "03-01 09:00", "03-01 11:00", job=PI)
    inner = touchpoint("b", "03-01 09:30", "03-01 10:00", job=PI)
    edge = touchpoint("c", first.ended_at + 14 * DAY, job=PI)
    over = touchpoint("c", first.ended_at + 14 * DAY + 1, job=PI)
    assert journey([first, inner, edge]).summary.session_count == 1
    late = journey([first, inner, over])
    assert (late.summary.session_count, late.summary.resume_count, late.summary.loop_count) == (2, 1, 0)
    assert late.summary.visit_count == 2


def test_a_g_of_a_fraction_of_a_day_is_as_long_as_it_says() -> None:
    """0.7 days are 16 h 48 min, and a gap of just that stays; as a binary fraction they are a little less."""
    gap = 7 * DAY // 10
    rows = [touchpoint("a", "03-01 09:00", job=PI), touchpoint("b", at("03-01 09:00") + gap, job=PI)]
    found = journey(rows, session_gap_days=0.7, gap_sensitivity_days=(0.7,))
    assert (found.summary.session_count, [g.session_count for g in found.gaps]) == (1, [1])
    over = touchpoint("b", at("03-01 09:00") + gap + 1, job=PI)
    assert journey([rows[0], over], session_gap_days=0.7).summary.session_count == 2


def test_outreach_joins_a_session_until_g_after_its_end() -> None:
    """A seller's touch exactly G after the end still belongs to the session, and never extends it."""
    rows = [touchpoint("a", "03-01 09:00", job=PI)]
    for name, offset in (("before", -1), ("edge", 14 * DAY), ("over", 14 * DAY + 1)):
        rows.append(touchpoint(name, rows[0].occurred_at + offset, direction="outbound"))
    got = journey(rows)
    assert {m.touchpoint_id: m.session_no for m in got.members} == {"a": 1, "before": None, "edge": 1, "over": None}
    assert got.sessions[0].ended_at == rows[0].ended_at


def test_what_is_not_countable_is_left_out() -> None:
    """Voided, internal or unresolved touchpoints change no journey."""
    extra = touchpoint("x", "03-20 09:00", job=VA, is_countable=False)
    assert journey([*touchpoints(), extra], participants()) == journey(touchpoints(), participants())


def test_a_journey_of_outreach_alone_has_no_session() -> None:
    """A seller who writes to a silent buyer makes a journey without sessions, and no rate is made up for it."""
    got = journey([touchpoint("a", "03-01 09:00", direction="outbound", job=SS)])
    s = got.summary
    assert (got.sessions, got.visits, s.session_count, s.touchpoint_count) == ([], [], 0, 1)
    assert (s.loop_rate, s.unclassified_share, s.jobs_revisited_share, s.throughput_seconds) == (None, None, None, None)
    assert (s.loop_rate_den, s.unclassified_share_den, s.jobs_revisited_share_den) == (0, 0, 0)
    assert (s.variant, s.idle_seconds, s.low_evidence) == (None, None, False)
    assert [g.session_count for g in got.gaps] == [0, 0, 0, 0]


def test_much_unclassified_evidence_is_flagged() -> None:
    """Above a share of 0.4 without a job the loop figures are of low evidence."""
    rows = [
        touchpoint("a", "03-01 09:00", job=PI),
        touchpoint("b", "03-01 10:00"),
        touchpoint("c", "03-01 11:00", job=PI),
    ]
    assert not journey(rows).summary.low_evidence
    assert journey(rows[:2]).summary.low_evidence


class TestOrder:
    """The order of one instant (4.6)."""

    def test_a_tie_does_not_leave_the_current_job(self) -> None:
        """RB, then SE and RB at one instant: visits RB, SE and no loop."""
        rows = [
            touchpoint("a", "03-01 09:00", job=RB),
            touchpoint("b", "03-02 12:00", job=SE),
            touchpoint("c", "03-02 12:00", job=RB),
        ]
        got = journey(rows)
        assert ([v.buying_job for v in got.visits], got.loops) == ([RB, SE], [])

    def test_other_ties_go_by_job_then_id(self) -> None:
        """Nothing under way: job order decides, then the id; no job comes last."""
        noon = at("03-02 12:00")
        rows = [
            touchpoint(n, noon, job=j) for n, j in (("d", VA), ("c", "unclassified"), ("b", SE), ("a", VA), ("e", PI))
        ]
        assert [t.touchpoint_id for t in ordered(rows)] == ["e", "b", "a", "d", "c"]

    def test_a_parent_comes_before_its_replies(self) -> None:
        """In one second a reply never precedes what it answers, whatever their jobs and ids."""
        noon = at("03-02 12:00")
        rows = [
            touchpoint("a", noon, job=PI, in_reply_to="b"),
            touchpoint("b", noon, job=SS, in_reply_to="z"),
            touchpoint("z", noon, job=CC),
        ]
        assert [t.touchpoint_id for t in ordered(rows)] == ["z", "b", "a"]

    @pytest.mark.parametrize(
        ("job", "direction"), [("unclassified", "inbound"), (VA, "outbound"), (RB, "outbound")], ids=["no job", "ours", "ours, of it"]
    )  # fmt: skip
    def test_a_parent_that_is_no_visit_does_not_hold_the_current_job_up(self, job: str, direction: str) -> None:
        """RB; at the next instant two that are no visits, a reply to the second of them with RB, and SE: visits RB, SE and no loop."""
        noon = at("03-02 12:00")
        rows = [
            touchpoint("a", "03-01 09:00", job=RB),
            touchpoint("y", noon, job="unclassified"),
            touchpoint("x", noon, job=job, direction=direction, in_reply_to="y"),
            touchpoint("c", noon, job=RB, in_reply_to="x"),
            touchpoint("b", noon, job=SE),
        ]
        assert [t.touchpoint_id for t in ordered(rows)] == ["a", "y", "x", "c", "b"]

    def test_equal_positions_are_a_tie(self) -> None:
        """Messages that one source numbered alike: the one that goes on with the job under way comes first, whatever the ids."""
        before, noon = at("03-02 11:00"), at("03-02 12:00")
        for se, rb in (("a", "b"), ("b", "a")):
            rows = [
                touchpoint("x", before, job=RB, sequence="1"),
                touchpoint(se, noon, job=SE, sequence="2"),
                touchpoint(rb, noon, job=RB, sequence="2"),
                touchpoint("y", noon, job=PI, sequence="3"),
            ]
            assert [t.touchpoint_id for t in ordered(rows)] == ["x", rb, se, "y"]

    def test_a_position_in_one_conversation_says_nothing_of_another(self) -> None:
        """Requirements, then options and requirements at one instant in two conversations: a tie, whatever their parts are numbered."""
        before, noon = at("03-02 11:00"), at("03-02 12:00")
        rows = [
            touchpoint("x", before, job=RB, sequence="1", thread_id="one"),
            touchpoint("y", noon, job=SE, sequence="2", thread_id="two"),
            touchpoint("z", noon, job=RB, sequence="3", thread_id="three"),
        ]
        assert [t.touchpoint_id for t in ordered(rows)] == ["x", "z", "y"]

    def test_a_source_sequence_is_kept(self) -> None:
        """Positions that one source gave are knowledge; those of different sources say nothing of each other."""
        noon = at("03-02 12:00")
        rows = [
            touchpoint("a", noon, job=PI, sequence="2"),
            touchpoint("b", noon, job=SS, sequence="1"),
            touchpoint("c", noon, job=SE, sequence="3", channel="chat"),
        ]
        assert [t.touchpoint_id for t in ordered(rows)] == ["c", "b", "a"]

    def test_a_circle_of_replies_ends(self) -> None:
        """Two messages that name each other as parent are put in order of id."""
        noon = at("03-02 12:00")
        rows = [touchpoint("b", noon, in_reply_to="a"), touchpoint("a", noon, in_reply_to="b"), touchpoint("c", noon)]
        assert [t.touchpoint_id for t in ordered(rows)] == ["c", "a", "b"]


class TestTriggers:
    """The antecedent of a return (4.3), first that holds."""

    @staticmethod
    def loop(
        returned: Touchpoint, *others: Touchpoint, people: dict[str, list[Participant]] | None = None
    ) -> tuple[str, str]:
        rows = [touchpoint("a", "03-02 09:00", job=SE), touchpoint("b", "03-03 09:00", job=RB), returned, *others]
        everybody = {"a": [participant("a", 0, "B1", "actor", is_engaged=True)]} | (people or {})
        (loop,) = journey(rows, everybody).loops
        return loop.trigger_type, loop.trigger_touchpoint_id or ""

    def test_price_terms(self) -> None:
        """A price tag on the return explains it, unless it names a competitor as well."""
        back = "03-04 09:00"
        assert self.loop(touchpoint("z", back, job=SE, tags=["price_terms"])) == ("price_terms", "z")
        both = touchpoint("z", back, job=SE, tags=["price_terms", "competitor"])
        assert self.loop(both) == ("competitor_mention", "z")

    def test_silence_break(self) -> None:
        """The return that opens a session breaks a silence, though a mail just before it woke the buyer."""
        mail = touchpoint("m", "03-31 09:00", direction="outbound")
        assert self.loop(touchpoint("z", "04-01 09:00", job=SE), mail) == ("silence_break", "z")

    def test_seller_outreach_is_at_most_seven_days_old(self) -> None:
        """Seven days and the touch just before the return: older, or with the buyer in between, it is no trigger."""
        mail = touchpoint("m", "03-04 09:00", direction="outbound")
        assert self.loop(touchpoint("z", "03-11 09:00", job=SE), mail) == ("seller_outreach", "m")
        assert self.loop(touchpoint("z", "03-11 09:01", job=SE), mail) == ("buyer_initiated", "z")
        between = touchpoint("n", "03-05 09:00")
        assert self.loop(touchpoint("z", "03-11 09:00", job=SE), mail, between) == ("buyer_initiated", "z")

    def test_new_stakeholder_is_somebody_first_engaged_after_leaving(self) -> None:
        """Neither a person met earlier, a mere recipient, a seller nor an unknown device is one; a new address is."""
        back = touchpoint("z", "03-04 09:00", job=SE)

        def with_person(party: str, **fields: Any) -> str:
            return self.loop(back, people={"z": [participant("z", 0, party, "actor", **fields)]})[0]

        assert with_person("B9", is_engaged=True) == "new_stakeholder"
        assert with_person("u:1", is_engaged=True) == "new_stakeholder"
        assert with_person("u:1", is_engaged=True, identifier_type="anonymous_id") == "buyer_initiated"
        assert with_person("B1", is_engaged=True) == "buyer_initiated"
        assert with_person("B9", is_engaged=False) == "buyer_initiated"
        assert with_person("S9", is_engaged=True) == "buyer_initiated"

    def test_the_first_of_several_new_stakeholders_is_the_trigger(self) -> None:
        """Also where somebody else is new in the return itself."""
        between = touchpoint("n", "03-03 12:00")
        new = {key: [participant(key, 0, party, "actor", is_engaged=True)] for key, party in (("n", "B8"), ("z", "B9"))}
        assert self.loop(touchpoint("z", "03-04 09:00", job=SE), between, people=new) == ("new_stakeholder", "n")

    def test_parallel_loops(self) -> None:
        """A loop around always-on work alone, or back to it, is parallel."""
        rows = [touchpoint(str(n), at("03-02 09:00") + n * HOUR, job=j) for n, j in enumerate((SE, VA, SE, VA, RB, VA))]
        got = journey(rows)
        assert [(x.revisited_job, x.path, x.loop_kind) for x in got.loops] == [
            (SE, "VA", "parallel"), (VA, "SE", "parallel"), (VA, "RB", "parallel"),
        ]  # fmt: skip
        assert got.summary.core_loop_count == 0


ROW_TABLES = {
    "fact_session": journey_rows.Session,
    "fact_visit": journey_rows.Visit,
    "fact_transition": journey_rows.Transition,
    "fact_loop": journey_rows.Loop,
    "mart_journey_summary": journey_rows.JourneySummary,
    "journey_gap_sensitivity": journey_rows.GapSensitivity,
    "bridge_touchpoint_journey": journey_rows.TouchpointJourney,
    "fact_response": journey_rows.Response,
    "fact_followup": journey_rows.FollowUp,
    "fact_enablement_need": journey_rows.Need,
}


@pytest.mark.parametrize("table", sorted(ROW_TABLES))
def test_fields_are_the_columns_of_the_table(table: str) -> None:
    """The struct of a row and the declaration of its table name the same columns."""
    assert set(ROW_TABLES[table].__struct_fields__) == set(TABLES[table].names)
