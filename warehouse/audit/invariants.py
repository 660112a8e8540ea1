"""Promises that hold across tables (semantics 1.5, 1.6, 4), each a query that finds what breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.registry import TABLES
from warehouse.audit.declared import CATALOG

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Invariant:
    """``sql`` returns one row for each breach; its columns are quoted. It must not return personal columns."""

    name: str
    table: str
    sentence: str
    sql: str
    severity: Severity = "critical"
    probe: str = ""
    """A cheaper query that counts the breaches: a join that carries no columns takes an eighth of the time."""


def _reference(child: str, column: str, parent: str, parent_column: str | None = None) -> Invariant:
    target = parent_column or column
    key = ", ".join(f'c."{k}"' for k in dict.fromkeys((*TABLES[child].key, column)))
    # no "IS NOT NULL" here: it makes DuckDB build its hash table on the larger side, which takes three times as long
    orphans = f"FROM {child} c WHERE NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.{target} = c.{column})"
    return Invariant(
        f"reference:{column}>{parent}",
        child,
        f"every {column} must be in {parent}",
        f"SELECT {key} {orphans}",
        probe=f"SELECT count(*) {orphans}",
    )


def _visit_reference(child: str, column: str) -> Invariant:
    return Invariant(
        f"reference:{column}>fact_visit",
        child,
        f"every {column} must be a visit of its journey",
        f"""SELECT c.journey_id, c.{column} FROM {child} c WHERE NOT EXISTS (
              SELECT 1 FROM fact_visit p WHERE p.journey_id = c.journey_id AND p.visit_no = c.{column})""",
    )


REFERENCES = (
    _reference("fact_event", "unit_id", "ledger_unit"),
    _reference("ledger_unit", "run_id", "dim_run"),
    _reference("metric_restatement", "run_id", "dim_run"),
    _reference("bridge_touchpoint_event", "event_id", "fact_event"),
    _reference("bridge_touchpoint_event", "touchpoint_id", "fact_touchpoint"),
    _reference("fact_touchpoint_participant", "touchpoint_id", "fact_touchpoint"),
    _reference("bridge_touchpoint_account", "touchpoint_id", "fact_touchpoint"),
    _reference("fact_asset_event", "touchpoint_id", "fact_touchpoint"),
    _reference("fact_internal_step", "touchpoint_id", "fact_touchpoint"),
    _reference("touchpoint_resolution", "touchpoint_id", "fact_touchpoint"),
    _reference("fact_response", "ask_touchpoint_id", "fact_touchpoint", "touchpoint_id"),
    _reference("fact_followup", "touchpoint_id", "fact_touchpoint"),
    _reference("bridge_touchpoint_journey", "touchpoint_id", "fact_touchpoint"),
    *(
        _reference(child, "calendar_id", "dim_calendar")
        for child in ("fact_response", "fact_followup", "fact_enablement_need")
    ),
    _reference("mart_deal_landmark", "opportunity_id", "dim_opportunity"),
    _reference("fact_stage_history", "opportunity_id", "dim_opportunity"),
    *(
        _reference(child, "journey_id", "mart_journey_summary")
        for child in (
            "bridge_touchpoint_journey",
            "fact_session",
            "fact_visit",
            "fact_transition",
            "fact_loop",
            "journey_gap_sensitivity",
        )
    ),
    *(
        _visit_reference(child, column)
        for child in ("fact_transition", "fact_loop")
        for column in ("from_visit_no", "to_visit_no")
    ),
)

CONSERVATION = (
    Invariant(
        "event_count",
        "ledger_unit",
        "event_count must be the number of the unit's rows in fact_event, so that its sum is their number",
        """SELECT unit_id, event_count, coalesce(n, 0) AS events
           FROM ledger_unit LEFT JOIN (SELECT unit_id, count(*) AS n FROM fact_event GROUP BY unit_id) USING (unit_id)
           WHERE event_count <> coalesce(n, 0)""",
    ),
    Invariant(
        "ignored",
        "ignored_record_count",
        "the counts of a unit must add up to its ignored_count",
        """SELECT unit_id, ignored_count, coalesce(n, 0) AS reasons
           FROM ledger_unit
           FULL JOIN (SELECT unit_id, sum(n) AS n FROM ignored_record_count GROUP BY unit_id) USING (unit_id)
           WHERE ignored_count IS DISTINCT FROM coalesce(n, 0)""",
    ),
    Invariant(
        "rejected",
        "rejected_record",
        "a unit's records that no replay has saved must be its rejected_count",
        """SELECT unit_id, rejected_count, coalesce(n, 0) AS records
           FROM ledger_unit FULL JOIN (SELECT unit_id, count(*) FILTER (outcome IS NULL OR outcome = 'rejected') AS n
                                       FROM rejected_record GROUP BY unit_id) USING (unit_id)
           WHERE rejected_count IS DISTINCT FROM coalesce(n, 0)""",
    ),
    Invariant(
        "kafka_ranges",
        "ledger_unit",
        "the ranges of a partition must neither overlap nor leave a gap",
        """SELECT location, range_start, ended AS range_before_ended_at FROM (
             SELECT location, range_start, lag(range_end) OVER w AS ended FROM ledger_unit WHERE kind IN ('kafka', 'kafka_gap')
             WINDOW w AS (PARTITION BY location ORDER BY range_start, range_end))
           WHERE ended <> range_start""",
    ),
    Invariant(
        "witness",
        "fact_touchpoint",
        "every touchpoint must have a witness in bridge_touchpoint_event",
        "SELECT touchpoint_id FROM fact_touchpoint ANTI JOIN bridge_touchpoint_event USING (touchpoint_id)",
        probe="SELECT count(*) FROM fact_touchpoint ANTI JOIN bridge_touchpoint_event USING (touchpoint_id)",
    ),
)

JOURNEYS = (
    Invariant(
        "rework_of_facts",
        "fact_visit",
        "visits - distinct jobs of a journey must be its loops + resumes",
        """WITH v AS (SELECT journey_id, count(*) AS visits, count(DISTINCT buying_job) AS jobs
                      FROM fact_visit GROUP BY ALL),
           l AS (SELECT journey_id, count(*) AS loops FROM fact_loop GROUP BY ALL),
           r AS (SELECT journey_id, count(*) AS resumes FROM fact_transition
                 WHERE transition_type = 'resume' GROUP BY ALL)
           SELECT journey_id, visits, jobs, coalesce(loops, 0) AS loops, coalesce(resumes, 0) AS resumes
           FROM v LEFT JOIN l USING (journey_id) LEFT JOIN r USING (journey_id)
           WHERE visits - jobs <> coalesce(loops, 0) + coalesce(resumes, 0)""",
    ),
    Invariant(
        "summary_of_facts",
        "mart_journey_summary",
        "visit_count, loop_count, session_count and self_loop_count must be those of the facts",
        """WITH v AS (SELECT journey_id, count(*) AS visits, sum(self_loop_count) AS self_loops
                      FROM fact_visit GROUP BY ALL),
           l AS (SELECT journey_id, count(*) AS loops FROM fact_loop GROUP BY ALL),
           s AS (SELECT journey_id, count(*) AS sessions FROM fact_session GROUP BY ALL)
           SELECT journey_id, visit_count, coalesce(visits, 0) AS visits, loop_count, coalesce(loops, 0) AS loops,
                  session_count, coalesce(sessions, 0) AS sessions,
                  self_loop_count, coalesce(self_loops, 0) AS self_loops
           FROM mart_journey_summary
           LEFT JOIN v USING (journey_id) LEFT JOIN l USING (journey_id) LEFT JOIN s USING (journey_id)
           WHERE visit_count <> coalesce(visits, 0) OR loop_count <> coalesce(loops, 0)
              OR session_count <> coalesce(sessions, 0) OR self_loop_count <> coalesce(self_loops, 0)""",
    ),
    Invariant(
        "sessions_of_touchpoints",
        "fact_session",
        "the sessions of a journey must not hold more touchpoints than it has",
        """WITH s AS (SELECT journey_id, sum(touchpoint_count) AS held FROM fact_session GROUP BY ALL)
           SELECT journey_id, held, touchpoint_count AS touchpoints FROM mart_journey_summary JOIN s USING (journey_id)
           WHERE held > touchpoint_count""",
    ),
)

DEALS = (
    Invariant(
        "groups",
        "mart_signal_lift",
        "the two groups of a signal must be the deals of mart_deal_landmark",
        """SELECT signal, loss_rate_with_den AS with_it, loss_rate_without_den AS without_it, deals
           FROM mart_signal_lift, (SELECT count(*) AS deals FROM mart_deal_landmark)
           WHERE loss_rate_with_den + loss_rate_without_den <> deals""",
    ),
    Invariant(
        "stays",
        "fact_stage_history",
        "the stays of a deal must follow each other without a hole, and only the last one be current",
        """SELECT opportunity_id, stage_no, left_at, next_at, is_current FROM (
             SELECT *, lead(entered_at) OVER w AS next_at, row_number() OVER w AS n FROM fact_stage_history
             WINDOW w AS (PARTITION BY opportunity_id ORDER BY entered_at))
           LEFT JOIN (SELECT opportunity_id, closed_at FROM dim_opportunity) USING (opportunity_id)
           WHERE n <> stage_no OR is_current <> (next_at IS NULL) OR left_at <> next_at
              OR (left_at IS NULL AND next_at IS NOT NULL AND coalesce(entered_at < closed_at, true))""",
    ),
)

STEPS = (
    Invariant(
        "revisions",
        "fact_internal_step",
        "the revisions of a step must be numbered from 1 in the order in which they were told",
        """SELECT step_id, revision, number FROM (
             SELECT step_id, revision, row_number() OVER (PARTITION BY step_id ORDER BY occurred_at, event_id, touchpoint_id) AS number
             FROM fact_internal_step)
           WHERE revision <> number""",
    ),
    Invariant(
        "told_by",
        "fact_internal_step",
        "the event that told of a plan's item must be a witness of its touchpoint",
        """SELECT step_id, revision, event_id, touchpoint_id FROM fact_internal_step
           ANTI JOIN bridge_touchpoint_event USING (touchpoint_id, event_id) WHERE event_id IS NOT NULL""",
    ),
)

QUALITY = (
    Invariant(
        "records_of_ledger",
        "mart_data_quality",
        "the duplicate, rejected and ignored records of a source must be those of the ledger",
        """WITH told AS (SELECT source, sum(duplicates_dropped) AS duplicates, sum(quarantined) AS rejected, sum(ignored) AS ignored
                         FROM mart_data_quality GROUP BY source),
           -- a topic may carry records of other sources than its own
           counted AS (SELECT source, sum(duplicate_count) AS duplicates_of_ledger, sum(rejects) AS rejected_of_ledger, sum(n) AS ignored_of_ledger
                       FROM (SELECT source, duplicate_count, 0 AS rejects, 0 AS n FROM ledger_unit
                             UNION ALL SELECT source, 0, 1, 0 FROM rejected_record WHERE outcome IS NULL OR outcome = 'rejected'
                             UNION ALL SELECT source, 0, 0, n FROM ignored_record_count) GROUP BY source)
           SELECT source, duplicates, duplicates_of_ledger, rejected, rejected_of_ledger, ignored, ignored_of_ledger
           FROM told FULL JOIN counted USING (source)
           WHERE coalesce(duplicates, 0) <> coalesce(duplicates_of_ledger, 0) OR coalesce(rejected, 0) <> coalesce(rejected_of_ledger, 0)
              OR coalesce(ignored, 0) <> coalesce(ignored_of_ledger, 0)""",
    ),
)

DART = (
    Invariant(
        "rows_of_account_period",
        "mart_dart_account_period",
        "mart_dart_account_period must have the rows of mart_account_period",
        """SELECT account_id, period_grain, period_start FROM mart_dart_account_period d FULL JOIN mart_account_period a
             USING (account_id, period_grain, period_start)
           WHERE d.is_final IS DISTINCT FROM a.is_final""",
    ),
)

WARNINGS = (
    Invariant(
        "stage_of_today",
        "fact_stage_history",
        "the last stage of a deal's history should be the deal's stage of today: else one of the two files is older",
        """SELECT h.opportunity_id, h.stage, o.stage AS stage_of_today
           FROM fact_stage_history h JOIN dim_opportunity o USING (opportunity_id) WHERE h.is_current AND h.stage <> o.stage""",
        "warning",
    ),
    Invariant(
        "unresolved_share",
        "fact_touchpoint",
        "at most half of the touchpoints with outside parties should lack an account",
        """SELECT unresolved, touchpoints, round(unresolved / touchpoints, 3) AS share
           FROM (SELECT count(*) AS touchpoints, count(*) FILTER (account_id IS NULL) AS unresolved
                 FROM fact_touchpoint WHERE NOT is_internal)
           WHERE unresolved > 0.5 * touchpoints""",
        "warning",
    ),
    Invariant(
        "unclassified_share",
        "fact_touchpoint",
        "at most two fifths of the buyer evidence should lack a buying job",
        """SELECT unclassified, evidence, round(unclassified / evidence, 3) AS share
           FROM (SELECT count(*) AS evidence, count(*) FILTER (buying_job = 'unclassified') AS unclassified
                 FROM fact_touchpoint WHERE is_countable AND direction IN ('inbound', 'mutual', 'self_serve'))
           WHERE unclassified > 0.4 * evidence""",
        "warning",
    ),
)

SNAPSHOT = "snapshot"
"""Where a promise of no single table is told."""

UNDECLARED = Invariant(
    "undeclared",
    SNAPSHOT,
    "every table must be a declared one",
    f"""SELECT table_name FROM duckdb_tables() WHERE database_name = '{CATALOG}'
        AND table_name NOT IN ({", ".join(f"'{name}'" for name in TABLES)})""",
)
SHRUNK = Invariant(
    "shrunk", SNAPSHOT, "no table should have lost more than half of its rows since the snapshot before", "", "warning"
)
"""Its query, ``shrunk_sql``, is made when it is known what the snapshot before holds."""

INVARIANTS = {
    f"{i.table}/{i.name}": i
    for i in (*REFERENCES, *CONSERVATION, *JOURNEYS, *DEALS, *STEPS, *QUALITY, *DART, *WARNINGS, UNDECLARED, SHRUNK)
}


def shrunk_sql(now: set[str], before: set[str]) -> str:
    """``now`` and ``before``: the tables of the candidate and of the snapshot before, attached as ``previous``."""
    counts = [
        f"""SELECT '{name}' AS table_name, (SELECT count(*) FROM previous.main."{name}") AS rows_before,
                   (SELECT count(*) FROM "{name}") AS rows_now"""
        for name in TABLES
        if name in now & before
    ]
    if not counts:
        return "SELECT NULL AS table_name WHERE false"
    return f"SELECT * FROM ({' UNION ALL '.join(counts)}) WHERE rows_now < 0.5 * rows_before"
