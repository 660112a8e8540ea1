"""What holds for every journey: the invariants of 4.7, any order of arrival, a slow reference, the published SQL."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import duckdb
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from worked_example import ACCOUNT, OPPORTUNITY, at, touchpoint, touchpoints

from transforms.journey_rows import BUYER_EVIDENCE, JOB_CODES, JourneyRows
from transforms.journeys.ordering import ordered
from transforms.journeys.sessions import build_journey
from transforms.settings import Journeys
from transforms.times import DAY, HOUR, MINUTE
from transforms.touchpoint import Touchpoint


def journey(rows: list[Touchpoint], **setting: Any) -> JourneyRows:
    return build_journey("opportunity", ACCOUNT, OPPORTUNITY, rows, {}, Journeys(**setting))


JOBS = (*JOB_CODES, "unclassified")
STEPS = st.tuples(
    st.integers(0, 20 * 24 * 4),  # quarters of an hour since the last one
    st.integers(0, 3),  # hours of duration
    st.sampled_from(JOBS),
    st.sampled_from(("inbound", "outbound", "mutual", "self_serve")),
)
HISTORIES = st.lists(STEPS, max_size=25)


def history(steps: list[tuple[int, int, str, str]], distinct_times: bool = False) -> list[Touchpoint]:
    now, rows = at("03-02 09:00"), []
    for number, (quarters, hours, job, direction) in enumerate(steps):
        now += (quarters + distinct_times) * 15 * MINUTE
        rows.append(touchpoint(f"t{number:02}", now, now + hours * HOUR, job=job, direction=direction))
    return rows


@settings(max_examples=100)
@given(HISTORIES, st.sampled_from(("buyer", "all")))
def test_invariants(steps: list[tuple[int, int, str, str]], clock: str) -> None:
    """Visits - distinct jobs = loops + resumes, and classified buyer evidence - visits = self-loops."""
    rows = history(steps)
    s = journey(rows, session_clock=clock).summary
    assert s.visit_count - s.distinct_job_count == s.loop_count + s.resume_count
    classified = [t for t in rows if t.direction in BUYER_EVIDENCE and t.buying_job != "unclassified"]
    assert len(classified) - s.visit_count == s.self_loop_count
    assert s.core_loop_count <= s.loop_count
    assert s.distinct_job_count <= 6


@settings(max_examples=60)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(steps: list[tuple[int, int, str, str]], chance: random.Random) -> None:
    """Any permutation of the touchpoints gives equal rows, ties and all."""
    rows = history(steps)
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert msgspec.to_builtins(journey(shuffled)) == msgspec.to_builtins(journey(rows))


@settings(max_examples=100)
@given(st.lists(STEPS.map(lambda s: (s[0] % 3, *s[1:])), max_size=14))
def test_a_tie_alone_never_reenters_a_job(steps: list[tuple[int, int, str, str]]) -> None:
    """Within one instant no job is visited, left and visited again."""
    rows = [t for t in ordered(history(steps)) if t.direction in BUYER_EVIDENCE and t.buying_job != "unclassified"]
    current = None
    for instant in dict.fromkeys(t.occurred_at for t in rows):
        jobs = [t.buying_job for t in rows if t.occurred_at == instant]
        runs = [job for position, job in enumerate(jobs) if position == 0 or jobs[position - 1] != job]
        assert max(Counter(runs).values()) == 1
        assert current not in runs[1:]
        current = runs[-1]


def slow_reference(rows: list[Touchpoint]) -> tuple[list[tuple[int, str]], list[tuple[int, int]]]:
    """(session, job) of visits and (from, to) of loops, straight from the definitions; quadratic."""
    evidence = sorted((t for t in rows if t.direction in BUYER_EVIDENCE), key=lambda t: t.occurred_at)
    visits: list[tuple[int, str]] = []
    session = 0
    for index, one in enumerate(evidence):
        ends = [t.ended_at for t in evidence[:index]]
        if not ends or one.occurred_at - max(ends) > 14 * DAY:
            session += 1
        if one.buying_job != "unclassified" and visits[-1:] != [(session, one.buying_job)]:
            visits.append((session, one.buying_job))
    loops = []
    for k, (_, job) in enumerate(visits):
        earlier = [i for i in range(k) if visits[i][1] == job]
        if earlier and earlier[-1] < k - 1:
            loops.append((earlier[-1] + 1, k + 1))
    return visits, loops


@settings(max_examples=100)
@given(HISTORIES)
def test_agrees_with_a_slow_reference(steps: list[tuple[int, int, str, str]]) -> None:
    """Without ties the rows are what a literal reading of the definitions gives."""
    rows = history(steps, distinct_times=True)
    visits, loops = slow_reference(rows)
    got = journey(rows)
    assert [(v.session_no, v.buying_job) for v in got.visits] == visits
    assert [(x.from_visit_no, x.to_visit_no) for x in got.loops] == loops


LOOPS_SQL = """
WITH b AS (SELECT *, max(ended_at) OVER (PARTITION BY journey_id ORDER BY started_at, id
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS prev_end
           FROM tp WHERE direction IN ('inbound','mutual','self_serve')),
s AS (SELECT *, sum(CASE WHEN prev_end IS NULL OR started_at - prev_end > INTERVAL 14 DAY THEN 1 ELSE 0 END)
        OVER (PARTITION BY journey_id ORDER BY started_at, id) AS session_no FROM b),
c AS (SELECT *, lag(job) OVER w AS pj, lag(session_no) OVER w AS ps FROM s WHERE job IS NOT NULL
      WINDOW w AS (PARTITION BY journey_id ORDER BY started_at, id)),
d AS (SELECT *, sum(CASE WHEN pj IS DISTINCT FROM job OR ps IS DISTINCT FROM session_no THEN 1 ELSE 0 END)
        OVER (PARTITION BY journey_id ORDER BY started_at, id) AS visit_no FROM c),
v AS (SELECT journey_id, visit_no, any_value(job) AS job, min(started_at) AS s, max(ended_at) AS e FROM d GROUP BY ALL),
l AS (SELECT *, lag(visit_no) OVER j AS prev_same, lag(e) OVER j AS left_at FROM v
      WINDOW j AS (PARTITION BY journey_id, job ORDER BY visit_no))
SELECT journey_id, job, prev_same AS from_visit, visit_no AS to_visit, visit_no - prev_same - 1 AS loop_length,
       greatest(0, date_diff('second', left_at, s)) AS loop_duration_seconds
FROM l WHERE visit_no - prev_same > 1
"""
"""The statement of semantics 4.7, word for word."""


def loops_by_sql(histories: list[list[Touchpoint]]) -> list[tuple[Any, ...]]:
    with duckdb.connect() as db:
        db.execute(
            "CREATE TABLE tp(journey_id VARCHAR, id VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP,"
            " direction VARCHAR, job VARCHAR)"
        )
        rows = [
            (str(n), t.touchpoint_id, t.occurred_at, t.ended_at, t.direction, t.buying_job)
            for n, one in enumerate(histories)
            for t in one
        ]
        if rows:
            db.executemany(
                "INSERT INTO tp VALUES (?, ?, make_timestamp(?), make_timestamp(?), ?, nullif(?, 'unclassified'))", rows
            )
        return sorted((int(row[0]), *row[1:]) for row in db.execute(LOOPS_SQL).fetchall())


def test_agrees_with_the_published_sql() -> None:
    """200 random histories without ties, and the example, give the loops of the statement in 4.7."""
    chance = random.Random(47)
    histories = [touchpoints()]
    for _ in range(200):
        now, rows = at("03-02 09:00"), []
        for number in range(chance.randrange(25)):
            now += chance.randrange(1, 20 * DAY)
            end = now + chance.choice((0, chance.randrange(2 * DAY)))
            direction = chance.choice(("inbound", "outbound", "mutual", "self_serve"))
            rows.append(touchpoint(f"t{number:02}", now, end, job=chance.choice(JOBS), direction=direction))
        histories.append(rows)
    mine = [
        (n, x.revisited_job, x.from_visit_no, x.to_visit_no, x.loop_length, x.loop_duration_seconds)
        for n, rows in enumerate(histories)
        for x in journey(rows).loops
    ]
    assert len(mine) > 100
    assert sorted(mine) == loops_by_sql(histories)
