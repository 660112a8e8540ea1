"""One journey's sessions and visits, from its countable touchpoints (semantics 4.1, 4.2, 4.4)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from schemas.vocab import LOW_EVIDENCE_ABOVE
from transforms.event import hash_id
from transforms.journey_rows import (
    BUYER_EVIDENCE,
    JOB_CODES,
    UNCLASSIFIED,
    GapSensitivity,
    JourneyRows,
    JourneySummary,
    Loop,
    Session,
    TouchpointJourney,
    Transition,
    Visit,
)
from transforms.journeys.loops import JourneyHistory, loops_of, transitions_of
from transforms.journeys.ordering import ordered, starts_or_continues_a_visit
from transforms.settings import Journeys
from transforms.times import DAY, SECOND, micros
from transforms.touchpoint import Participant, Touchpoint


class JourneyKey(NamedTuple):
    """Which journey a row belongs to."""

    journey_id: str
    scope: str
    account_id: str
    opportunity_id: str | None


def journey_id_of(scope: str, key: str) -> str:
    """The id of the journey of an opportunity or an account: ``scope`` is ``opportunity`` or ``account``."""
    return hash_id(f"{scope}:{key}")


def build_journey(
    scope: str,
    account_id: str,
    opportunity_id: str | None,
    touchpoints: Iterable[Touchpoint],
    participants: Mapping[str, Sequence[Participant]],
    settings: Journeys,
    unresolved: Collection[str] = (),
) -> JourneyRows:
    """All rows of one journey.

    ``touchpoints`` are those of the account (scope ``account``) or of the opportunity, in any order; those that are
    not countable are left out. ``participants`` maps a touchpoint's id to those of its participants who count here, and
    ``unresolved`` are the ids of touchpoints in which anybody from outside is not known. The result is a function of the
    set of touchpoints.
    """
    owner = opportunity_id if scope == "opportunity" else account_id
    if owner is None:
        raise ValueError("a journey in opportunity scope needs an opportunity_id")
    key = JourneyKey(journey_id_of(scope, owner), scope, account_id, opportunity_id)
    rows = ordered(t for t in touchpoints if t.is_countable)
    clock = rows if settings.session_clock == "all" else [t for t in rows if t.direction in BUYER_EVIDENCE]
    spans = session_spans(clock, settings.session_gap)
    session_nos = [session_no_of(spans, settings.session_gap, t.occurred_at) for t in rows]
    visits, firsts, visit_nos = _visits(rows, session_nos, key)
    history = JourneyHistory.of(rows, participants)
    transitions = transitions_of(visits, settings.always_on_jobs)
    loops = loops_of(visits, firsts, transitions, history, settings)
    gaps = _gaps(clock)
    return JourneyRows(
        sessions=_sessions(rows, spans, session_nos, key),
        visits=visits,
        transitions=transitions,
        loops=loops,
        members=[
            TouchpointJourney(t.touchpoint_id, key.journey_id, account_id, session_no, visit_no)
            for t, session_no, visit_no in zip(rows, session_nos, visit_nos, strict=True)
        ],
        gaps=[
            GapSensitivity(
                key.journey_id, scope, account_id, days, _count_sessions(gaps, micros(days, DAY), bool(clock))
            )
            for days in settings.gap_sensitivity_days
        ],
        summary=_summary(rows, unresolved, spans, visits, transitions, loops, key),
    )


def session_spans(clock: Sequence[Touchpoint], gap: int) -> list[tuple[int, int]]:
    """(start, latest end) of each run of touchpoints, in order, each at most ``gap`` after the latest end before it."""
    spans: list[tuple[int, int]] = []
    for touchpoint in clock:
        if spans and touchpoint.occurred_at - spans[-1][1] <= gap:
            spans[-1] = (spans[-1][0], max(spans[-1][1], touchpoint.ended_at))
        else:
            spans.append((touchpoint.occurred_at, touchpoint.ended_at))
    return spans


def session_no_of(spans: Sequence[tuple[int, int]], gap: int, at: int) -> int | None:
    """Number of the session, from 1, in whose [start, end + gap] ``at`` lies; None outside all: unanswered outreach.

    For a touchpoint that is on the clock this is the session that it opened or extended.
    """
    index = bisect_right(spans, at, key=lambda span: span[0]) - 1
    if index < 0 or at > spans[index][1] + gap:
        return None
    return index + 1


def _gaps(clock: Sequence[Touchpoint]) -> list[int]:
    """Microseconds from the latest end so far to each next touchpoint; negative where they overlap."""
    gaps: list[int] = []
    latest = clock[0].ended_at if clock else 0
    for touchpoint in clock[1:]:
        gaps.append(touchpoint.occurred_at - latest)
        latest = max(latest, touchpoint.ended_at)
    return gaps


def _count_sessions(gaps: Sequence[int], limit: int, any_at_all: bool) -> int:
    return int(any_at_all) + sum(gap > limit for gap in gaps)


def _sessions(
    rows: Sequence[Touchpoint],
    spans: Sequence[tuple[int, int]],
    session_nos: Sequence[int | None],
    key: JourneyKey,
) -> list[Session]:
    sessions = [
        Session(key.journey_id, key.scope, number, start, end, 0, key.account_id, key.opportunity_id, 0)
        for number, (start, end) in enumerate(spans, start=1)
    ]
    for touchpoint, number in zip(rows, session_nos, strict=True):
        if number is not None:
            session = sessions[number - 1]
            session.touchpoint_count += 1
            session.buyer_evidence_count += touchpoint.direction in BUYER_EVIDENCE
    return sessions


def _visits(
    rows: Sequence[Touchpoint],
    session_nos: Sequence[int | None],
    key: JourneyKey,
) -> tuple[list[Visit], list[int], list[int | None]]:
    """Visits; for each the index in ``rows`` of its first touchpoint; for each row the number of its visit."""
    visits: list[Visit] = []
    firsts: list[int] = []
    visit_nos: list[int | None] = []
    for index, (touchpoint, session_no) in enumerate(zip(rows, session_nos, strict=True)):
        if session_no is None or not starts_or_continues_a_visit(touchpoint):
            visit_nos.append(None)
            continue
        last = visits[-1] if visits else None
        if last and last.buying_job == touchpoint.buying_job and last.session_no == session_no:
            last.ended_at = max(last.ended_at, touchpoint.ended_at)
            last.touchpoint_count += 1
            last.self_loop_count += 1
        else:
            firsts.append(index)
            visits.append(
                Visit(
                    journey_id=key.journey_id,
                    journey_scope=key.scope,
                    visit_no=len(visits) + 1,
                    buying_job=touchpoint.buying_job,
                    started_at=touchpoint.occurred_at,
                    ended_at=touchpoint.ended_at,
                    touchpoint_count=1,
                    account_id=key.account_id,
                    opportunity_id=key.opportunity_id,
                    session_no=session_no,
                    self_loop_count=0,
                )
            )
        visit_nos.append(len(visits))
    return visits, firsts, visit_nos


def _summary(
    rows: Sequence[Touchpoint],
    unresolved: Collection[str],
    spans: Sequence[tuple[int, int]],
    visits: Sequence[Visit],
    transitions: Sequence[Transition],
    loops: Sequence[Loop],
    key: JourneyKey,
) -> JourneySummary:
    """Rates of the journey; a share without a denominator is None, a count of nothing is 0."""
    evidence = [t for t in rows if t.direction in BUYER_EVIDENCE]
    unclassified = sum(t.buying_job == UNCLASSIFIED for t in evidence)
    jobs = {visit.buying_job for visit in visits}
    core_loops = sum(loop.loop_kind == "core" for loop in loops)
    moves = max(0, len(visits) - 1)
    revisited = len({loop.revisited_job for loop in loops})
    unclassified_share = unclassified / len(evidence) if evidence else None
    unresolved_count = sum(t.touchpoint_id in unresolved for t in rows)
    first_at = evidence[0].occurred_at if evidence else None
    last_at = max((t.ended_at for t in evidence), default=None)
    return JourneySummary(
        journey_id=key.journey_id,
        journey_scope=key.scope,
        account_id=key.account_id,
        opportunity_id=key.opportunity_id,
        session_count=len(spans),
        visit_count=len(visits),
        distinct_job_count=len(jobs),
        loop_count=len(loops),
        core_loop_count=core_loops,
        resume_count=sum(t.transition_type == "resume" for t in transitions),
        self_loop_count=sum(visit.self_loop_count for visit in visits),
        loop_rate=len(loops) / moves if moves else None,
        loop_rate_num=len(loops),
        loop_rate_den=moves,
        core_loop_rate=core_loops / moves if moves else None,
        core_loop_rate_num=core_loops,
        core_loop_rate_den=moves,
        jobs_revisited_share=revisited / len(jobs) if jobs else None,
        jobs_revisited_share_num=revisited,
        jobs_revisited_share_den=len(jobs),
        unresolved_share=unresolved_count / len(rows) if rows else None,
        unresolved_share_num=unresolved_count,
        unresolved_share_den=len(rows),
        unclassified_share=unclassified_share,
        unclassified_share_num=unclassified,
        unclassified_share_den=len(evidence),
        throughput_seconds=None if first_at is None or last_at is None else (last_at - first_at) // SECOND,
        idle_seconds=sum(b[0] - a[1] for a, b in pairwise(spans)) // SECOND if spans else None,
        variant=">".join(JOB_CODES[visit.buying_job] for visit in visits) or None,
        touchpoint_count=len(rows),
        buyer_evidence_count=len(evidence),
        unclassified_count=unclassified,
        low_evidence=unclassified_share is not None and unclassified_share > LOW_EVIDENCE_ABOVE,
        first_at=first_at,
        last_at=last_at,
    )
