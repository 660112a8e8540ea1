"""Moves between visits, and the visits that close a loop (semantics 4.3, 4.5). The two are independent."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec

from transforms.event import hash_id
from transforms.journey_rows import BUYER_EVIDENCE, JOB_CODES, Loop, Transition, Visit
from transforms.settings import Journeys
from transforms.times import DAY, SECOND, micros
from transforms.touchpoint import Participant, Touchpoint

IDENTIFYING = frozenset({"email", "phone", "external_id"})
"""Identifier types that stand for one human being: an unknown device or a bare name may be somebody already met."""


class JourneyHistory(msgspec.Struct):
    """A journey's touchpoints in order, with the moments at which a buyer person was first engaged."""

    rows: list[Touchpoint]
    newcomer_times: list[int]
    newcomer_indexes: list[int]
    """Parallel to ``newcomer_times``: index in ``rows`` of each touchpoint that engaged somebody for the first time."""

    @staticmethod
    def of(rows: list[Touchpoint], participants: Mapping[str, Sequence[Participant]]) -> JourneyHistory:
        """``rows`` are countable and in journey order."""
        met: set[str] = set()
        times: list[int] = []
        indexes: list[int] = []
        for index, touchpoint in enumerate(rows):
            if touchpoint.direction not in BUYER_EVIDENCE:
                continue
            people = {p.party_id for p in participants.get(touchpoint.touchpoint_id, ()) if _is_engaged_person(p)}
            if not people <= met:
                met |= people
                times.append(touchpoint.occurred_at)
                indexes.append(index)
        return JourneyHistory(rows, times, indexes)

    def first_newcomer(self, after: int, until_index: int) -> Touchpoint | None:
        """The first touchpoint after ``after``, up to and including that index, which engaged a new buyer person."""
        position = bisect_right(self.newcomer_times, after)
        if position < len(self.newcomer_indexes) and self.newcomer_indexes[position] <= until_index:
            return self.rows[self.newcomer_indexes[position]]
        return None


def _is_engaged_person(participant: Participant) -> bool:
    return (
        participant.is_engaged
        and participant.side == "buyer"
        and (participant.person_id is not None or participant.identifier_type in IDENTIFYING)
    )


def core_ranks(always_on_jobs: Sequence[str]) -> dict[str, int]:
    """PI 1, SE 2, RB 3, SS 4, VA 5, CC 6 without those that are always on; the others keep their ranks."""
    return {job: rank for rank, job in enumerate(JOB_CODES, start=1) if job not in always_on_jobs}


def direction(from_job: str, to_job: str, ranks: Mapping[str, int]) -> tuple[str, int | None]:
    """Transition type, and the number of ranks jumped over where it is a skip."""
    if from_job == to_job:
        return "resume", None
    if from_job not in ranks or to_job not in ranks:
        return "lateral", None
    step = ranks[to_job] - ranks[from_job]
    if step == 1:
        return "forward", None
    return ("skip", step - 1) if step > 1 else ("backward", None)


def transitions_of(visits: Sequence[Visit], always_on_jobs: Sequence[str]) -> list[Transition]:
    """One transition per pair of consecutive visits.

    ``core_transition_type`` is the move of the core projection (always-on jobs dropped, repeats collapsed) that the
    visit entered makes; None where the projection does not move.
    """
    ranks = core_ranks(always_on_jobs)
    latest = _latest_same_job(visits)
    core_job: str | None = visits[0].buying_job if visits and visits[0].buying_job in ranks else None
    transitions = []
    for left, entered, previous in zip(visits, visits[1:], latest[1:], strict=False):
        kind, skip_size = direction(left.buying_job, entered.buying_job, ranks)
        core_kind: str | None = None
        if entered.buying_job in ranks:
            if core_job is not None and core_job != entered.buying_job:
                core_kind, _ = direction(core_job, entered.buying_job, ranks)
            core_job = entered.buying_job
        transitions.append(
            Transition(
                journey_id=entered.journey_id,
                journey_scope=entered.journey_scope,
                opportunity_id=entered.opportunity_id,
                from_visit_no=left.visit_no,
                to_visit_no=entered.visit_no,
                from_job=left.buying_job,
                to_job=entered.buying_job,
                transition_type=kind,
                is_loop_closure=_closes_a_loop(entered.visit_no, previous),
                account_id=entered.account_id,
                skip_size=skip_size,
                core_transition_type=core_kind,
                left_at=left.ended_at,
                entered_at=entered.started_at,
            )
        )
    return transitions


def _latest_same_job(visits: Sequence[Visit]) -> list[int | None]:
    """For each visit the number of the latest earlier visit of its job."""
    seen: dict[str, int] = {}
    latest = []
    for visit in visits:
        latest.append(seen.get(visit.buying_job))
        seen[visit.buying_job] = visit.visit_no
    return latest


def _closes_a_loop(visit_no: int, previous: int | None) -> bool:
    """Adjacent visits of one job (across a session break) are a resume, not a loop."""
    return previous is not None and previous < visit_no - 1


def loops_of(
    visits: Sequence[Visit],
    firsts: Sequence[int],
    transitions: Sequence[Transition],
    history: JourneyHistory,
    settings: Journeys,
) -> list[Loop]:
    """One loop per visit that returns to a job after others.

    ``firsts`` holds, for each visit, the index in ``history.rows`` of its first touchpoint: for a closing visit, the
    return.
    """
    ranks = core_ranks(settings.always_on_jobs)
    loops = []
    for visit, first, previous in zip(visits, firsts, _latest_same_job(visits), strict=True):
        if previous is None or not _closes_a_loop(visit.visit_no, previous):
            continue
        left = visits[previous - 1]
        between = visits[previous : visit.visit_no - 1]
        opens_session = visit.session_no != between[-1].session_no
        trigger, trigger_touchpoint = _trigger(left, first, opens_session, history, settings)
        is_core = visit.buying_job in ranks and any(v.buying_job in ranks for v in between)
        loops.append(
            Loop(
                loop_id=hash_id(f"loop:{visit.journey_id}:{visit.visit_no}"),
                journey_id=visit.journey_id,
                journey_scope=visit.journey_scope,
                opportunity_id=visit.opportunity_id,
                revisited_job=visit.buying_job,
                path=">".join(JOB_CODES[v.buying_job] for v in between),
                loop_length=len(between),
                # whole seconds as DuckDB's date_diff counts them, so that the published SQL gives the same number
                loop_duration_seconds=max(0, visit.started_at // SECOND - left.ended_at // SECOND),
                trigger_type=trigger,
                loop_kind="core" if is_core else "parallel",
                account_id=visit.account_id,
                from_visit_no=previous,
                to_visit_no=visit.visit_no,
                left_at=left.ended_at,
                returned_at=visit.started_at,
                return_touchpoint_id=history.rows[first].touchpoint_id,
                trigger_touchpoint_id=trigger_touchpoint.touchpoint_id,
                closed_by=transitions[visit.visit_no - 2].transition_type,
            )
        )
    return loops


def _trigger(
    left: Visit, first: int, opens_session: bool, history: JourneyHistory, settings: Journeys
) -> tuple[str, Touchpoint]:
    """The antecedent of a return, first that holds, and the touchpoint that shows it."""
    returned = history.rows[first]
    newcomer = history.first_newcomer(left.ended_at, first)
    if newcomer is not None:
        return "new_stakeholder", newcomer
    if "competitor" in returned.tags:
        return "competitor_mention", returned
    if "price_terms" in returned.tags:
        return "price_terms", returned
    if opens_session:
        return "silence_break", returned
    before = history.rows[first - 1]  # a return is never the first touchpoint
    age = returned.occurred_at - before.occurred_at
    if before.direction == "outbound" and age <= micros(settings.seller_outreach_days, DAY):
        return "seller_outreach", before
    return "buyer_initiated", returned
