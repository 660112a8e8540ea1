"""The shipped example, from native payloads to the published snapshot: every figure of the worked example."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from workspaces import EXAMPLE, example, increment, payloads, put, run, shuffled, snapshot

JOBS = {
    "PI": "problem_identification", "SE": "solution_exploration", "RB": "requirements_building", "SS": "supplier_selection",
    "VA": "validation", "CC": "consensus_creation",
}  # fmt: skip


def as_it_is(root: Path) -> None:
    put(root, payloads())
    run(root)


def shuffled_names(root: Path) -> None:
    put(root, shuffled(payloads(), 3))
    run(root)


def doubled(root: Path) -> None:
    put(root, payloads() + [(f"{n.split('/')[0]}/copy/{n.split('/', 1)[1]}", d) for n, d in payloads()])
    run(root)


def in_ten_runs(root: Path) -> None:
    items = sorted(shuffled(payloads(), 5))
    for part in range(10):
        put(root, items[part::10])
        if part < 9:
            increment(root)
    run(root)


@pytest.fixture(scope="module", params=[as_it_is, shuffled_names, doubled, in_ten_runs], ids=lambda f: f.__name__)
def published(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    root = example(tmp_path_factory.mktemp("example"))
    request.param(root)
    with snapshot(root) as connection:
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00").replace(tzinfo=UTC)


@pytest.mark.parametrize("scope", ["opportunity", "account"])
def test_sessions(published: duckdb.DuckDBPyConnection, scope: str) -> None:
    """Two sessions: T01 to T08 with eight touchpoints, T10 to T12 with three."""
    assert rows(
        published,
        f"SELECT session_no, started_at, ended_at, touchpoint_count FROM fact_session WHERE journey_scope = '{scope}' ORDER BY 1",
    ) == [(1, at("03-02 09:10"), at("03-12 13:00"), 8), (2, at("04-01 10:00"), at("04-09 15:00"), 3)]


@pytest.mark.parametrize("scope", ["opportunity", "account"])
def test_visits(published: duckdb.DuckDBPyConnection, scope: str) -> None:
    """PI, SE, SS, RB, SS, then CC, RB in the second session; T04 is a self-loop."""
    found = rows(
        published,
        f"SELECT buying_job, touchpoint_count, session_no FROM fact_visit WHERE journey_scope = '{scope}' ORDER BY visit_no",
    )
    assert found == [
        (JOBS[code], n, session)
        for code, n, session in [
            ("PI", 1, 1),
            ("SE", 2, 1),
            ("SS", 1, 1),
            ("RB", 1, 1),
            ("SS", 1, 1),
            ("CC", 1, 2),
            ("RB", 1, 2),
        ]
    ]


def test_loops(published: duckdb.DuckDBPyConnection) -> None:
    """Two loops, with length, path, duration, trigger, kind and closing move."""
    sql = """SELECT revisited_job, from_visit_no, to_visit_no, loop_length, path, loop_duration_seconds, trigger_type, loop_kind, closed_by
             FROM fact_loop WHERE journey_scope = 'opportunity' ORDER BY to_visit_no"""
    assert rows(published, sql) == [
        (JOBS["SS"], 3, 5, 1, "RB", 505_560, "competitor_mention", "core", "forward"),
        (JOBS["RB"], 4, 7, 2, "SS>CC", 2_321_100, "new_stakeholder", "core", "lateral"),
    ]


def test_transitions(published: duckdb.DuckDBPyConnection) -> None:
    """Forward, skip, backward, forward, lateral, lateral; and the core projection beside it."""
    sql = "SELECT transition_type, skip_size, is_loop_closure FROM fact_transition WHERE journey_scope = 'opportunity' ORDER BY to_visit_no"
    assert rows(published, sql) == [
        ("forward", None, False), ("skip", 1, False), ("backward", None, False), ("forward", None, True), ("lateral", None, False),
        ("lateral", None, True),
    ]  # fmt: skip


def test_the_journeys_summary(published: duckdb.DuckDBPyConnection) -> None:
    """Rates, throughput and idle time."""
    sql = """SELECT visit_count, distinct_job_count, loop_count, resume_count, self_loop_count, variant, round(loop_rate, 3),
                    jobs_revisited_share, round(unclassified_share, 3), round(throughput_seconds / 86400, 2), idle_seconds / 86400
             FROM mart_journey_summary WHERE journey_scope = 'opportunity'"""
    assert rows(published, sql) == [(7, 5, 2, 0, 1, "PI>SE>SS>RB>SS>CC>RB", 0.333, 0.4, 0.111, 38.24, 19.875)]


W10, W11, W14, W15 = (("week", date(2026, m, d)) for m, d in ((3, 2), (3, 9), (3, 30), (4, 6)))
MARCH, APRIL, LIFE = ("month", date(2026, 3, 1)), ("month", date(2026, 4, 1)), ("lifetime", date(1970, 1, 1))
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


@pytest.mark.parametrize("metric", TABLE)
def test_coverage_by_period(published: duckdb.DuckDBPyConnection, metric: str) -> None:
    """The coverage table of S1 and A1: weeks, months and lifetime, none averaged over another."""
    for (grain, start), want in zip((W10, W11, W14, W15, MARCH, APRIL, LIFE), TABLE[metric], strict=True):
        sql = f"""SELECT {metric} FROM mart_seller_account_period
                  WHERE seller_id = 'S1' AND account_id = 'A1' AND period_grain = '{grain}' AND period_start = '{start}'"""
        ((found,),) = rows(published, sql)
        assert found == want if want is None or isinstance(want, bool) else found == pytest.approx(want, abs=0.0005), (
            grain,
            start,
        )


LIFETIME = {
    "touch_followup_share": 0.60, "digital_share": 0.167, "remote_human_share": 0.75, "in_person_share": 0.083,
    "digital_minutes_share": 0.113, "remote_human_minutes_share": 0.461, "in_person_minutes_share": 0.426,
    "thirds_balance_count": 0.375, "thirds_balance_minutes": 0.670, "modality_reach": 0.667, "response_median_business_seconds": 16_200,
    "response_rate": 0.667, "mutual_share": 0.30, "reciprocated_thread_share": 0.75, "engaged_contacts": 3, "job_support_share": 0.80,
}  # fmt: skip


@pytest.mark.parametrize("metric", LIFETIME)
def test_lifetime_coverage(published: duckdb.DuckDBPyConnection, metric: str) -> None:
    """The other figures of the text, over the whole history."""
    ((found,),) = rows(
        published,
        f"SELECT {metric} FROM mart_seller_account_period WHERE period_grain = 'lifetime' AND seller_id = 'S1'",
    )
    assert found == pytest.approx(LIFETIME[metric], abs=0.0005)


def test_waits(published: duckdb.DuckDBPyConnection) -> None:
    """4.5 hours, one hour over a weekend, 101 hours; three are too few for a p90."""
    assert rows(published, "SELECT ask_channel, response_business_seconds / 3600, is_within_horizon FROM fact_response ORDER BY asked_at") == [
        ("email", 4.5, True), ("chat", 1.0, True), ("email", 101.0, False),
    ]  # fmt: skip
    assert rows(published, "SELECT DISTINCT response_p90_business_seconds FROM mart_seller_account_period") == [(None,)]


def test_all_questions_run_as_they_stand(published: duckdb.DuckDBPyConnection) -> None:
    """The thirteen questions of the analysts, if the folder that holds them is there."""
    path = EXAMPLE.parent.parent.parent / "shared" / "questions.sql"
    if not path.exists():
        pytest.skip(f"no questions at {path}")
    statements = [s for s in path.read_text().split(";") if s.strip()]
    assert len(statements) == 13
    for statement in statements:
        published.execute(statement).fetchall()


def test_a_late_chat_merges_the_sessions(tmp_path: Path) -> None:
    """T13 lies between: one session of thirteen, T09 joins it, nothing is idle; visits and loops stay."""
    root = example(tmp_path)
    put(root, payloads())
    increment(root)
    shutil.copytree(EXAMPLE / "late", root / "inbox", dirs_exist_ok=True)
    run(root)
    with snapshot(root) as connection:
        assert rows(connection, "SELECT touchpoint_count FROM fact_session WHERE journey_scope = 'opportunity'") == [
            (13,)
        ]
        sql = "SELECT idle_seconds, visit_count, loop_count, variant FROM mart_journey_summary WHERE journey_scope = 'opportunity'"
        assert rows(connection, sql) == [(0, 7, 2, "PI>SE>SS>RB>SS>CC>RB")]


def test_small_dimensions(published: duckdb.DuckDBPyConnection) -> None:
    """The channels of C, the jobs with their ranks, and the days that the marts reach with their periods."""
    assert published.execute("SELECT channel, modality FROM dim_channel WHERE is_counted ORDER BY ALL").fetchall() == [
        ("app", "digital_self_serve"), ("chat", "remote_human"), ("email", "remote_human"), ("in_person", "in_person"),
        ("video", "remote_human"),
    ]  # fmt: skip
    ranks = published.execute("SELECT buying_job, job_rank, is_always_on FROM dim_buying_job").fetchall()
    assert {job: (rank, always) for job, rank, always in ranks} == {
        **{JOBS[short]: (n, False) for n, short in enumerate(("PI", "SE", "RB", "SS"), start=1)},
        JOBS["VA"]: (None, True), JOBS["CC"]: (None, True), "unclassified": (None, False),
    }  # fmt: skip
    day = published.execute("SELECT * EXCLUDE (date_day) FROM dim_date WHERE date_day = DATE '2026-04-01'").fetchall()
    assert day == [(2026, 14, 3, date(2026, 3, 30), date(2026, 4, 1), date(2026, 4, 1))]
