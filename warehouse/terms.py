"""The terms that the models are written in: settings as one row, labels as bits, and macros for what several models say."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from schemas.vocab import ALL_CHANNELS, BUYING_JOBS, LOW_EVIDENCE_ABOVE, MODALITIES, RISK_SIGNALS, counted_channels
from warehouse import dart

JOBS = tuple(job for job in BUYING_JOBS if job != "unclassified")
FINAL_AFTER_HOURS = 72
"""A period is final this long after its end (semantics 4.6)."""


@dataclass(frozen=True)
class Parameters:
    """The settings that the models read, as plain values: the one row of the temporary table ``param``."""

    as_of_us: int
    """The run's clock, microseconds since the epoch."""
    reporting_timezone: str
    channels: tuple[str, ...]
    hybrid_window_weeks: int
    hybrid_min_touches: int
    p90_min_n: int
    transition_min_row: int
    transition_segments: tuple[str, ...]
    silence_days: float
    single_thread_window_days: float
    response_horizon_business_hours: float
    enablement_business_days: float
    large_deal_amount: float
    low_n: int
    signal_landmark_days: float
    required_roles: tuple[str, ...]
    good_loss_reasons: tuple[str, ...]
    always_on_jobs: tuple[str, ...]
    relationship: dict[str, float]
    """Thresholds by name; in ``param`` each is a column that begins with ``relationship_``."""
    final_after_hours: int = FINAL_AFTER_HOURS

    @staticmethod
    def of(settings: Any, as_of_us: int) -> Parameters:
        """From ``Settings`` of ``transforms.settings``, or anything with its ``coverage``, ``journeys``, ``folding`` and ``relationship``.

        Phone calls that are a channel of their own belong to C, whether it lists them or not (semantics 1.2).
        """
        coverage, journeys = settings.coverage, settings.journeys
        return Parameters(
            as_of_us=as_of_us,
            reporting_timezone=coverage.reporting_timezone,
            channels=counted_channels(coverage.channels, settings.folding.phone_call_channel),
            hybrid_window_weeks=coverage.hybrid_window_weeks,
            hybrid_min_touches=coverage.hybrid_min_touches,
            p90_min_n=coverage.p90_min_n,
            transition_min_row=coverage.transition_min_row,
            transition_segments=coverage.transition_segments,
            silence_days=coverage.silence_days,
            single_thread_window_days=coverage.single_thread_window_days,
            response_horizon_business_hours=coverage.response_horizon_business_hours,
            enablement_business_days=coverage.enablement_business_days,
            large_deal_amount=coverage.large_deal_amount,
            low_n=coverage.low_n,
            signal_landmark_days=coverage.signal_landmark_days,
            required_roles=tuple(coverage.required_roles),
            good_loss_reasons=tuple(coverage.good_loss_reasons),
            always_on_jobs=tuple(journeys.always_on_jobs),
            relationship=msgspec.structs.asdict(settings.relationship),
        )


CODES = ("channel_code", "modality_code", "job_code", "channel_set", "business_day")
"""Temporary tables of labels and their bits, and of the days on which the settings' calendar is open."""

_BUSINESS_DAYS = """
CREATE OR REPLACE TEMP TABLE business_day AS
WITH
calendar AS (FROM dim_calendar WHERE is_default),
reach AS (SELECT min(occurred_at)::DATE - 2 AS first_day, max(as_of)::DATE + 732 AS last_day FROM fact_touchpoint, param),
day AS (SELECT unnest(range(first_day, last_day, INTERVAL 1 DAY))::DATE AS day FROM reach),
opened AS (
  SELECT day, row_number() OVER (ORDER BY day) AS number FROM day
  WHERE isodow(day) IN (SELECT iso_weekday FROM calendar) AND day NOT IN (SELECT unnest(holidays)::DATE FROM calendar)
)
SELECT day, number IS NOT NULL AS is_open,
       first_value(number IGNORE NULLS) OVER (ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS open_no
FROM day LEFT JOIN opened USING (day)
"""
"""Grain: day from the first touchpoint to two years after as_of. ``open_no`` numbers the open days; a closed one has the number of the next."""


def counts_in(is_primary: str, direction: str) -> str:
    """The condition, in SQL, that a touchpoint counts in an account of its bridge: what we held with two customers or sent to both
    counts in both, what a buyer wrote or did in the primary one alone."""
    return f"({is_primary} OR {direction} IN ('outbound', 'mutual'))"


def declare(connection: Any, parameters: Parameters, *, everything: bool, won_from: int | None = None) -> None:
    """Temporary table ``param`` (one row), codes of channels, modalities and jobs as bits, and macros over them.

    ``param.last_as_of`` is the clock of the last build, NULL before the first; ``param.won_from`` (microseconds) as ``marts.build_marts``
    is told it.
    """
    channels = sorted(ALL_CHANNELS)
    values = asdict(parameters)
    values |= {f"relationship_{name}": value for name, value in values.pop("relationship").items()}
    values |= {
        "everything": everything,
        "channel_count": len(parameters.channels),
        "channel_bits": sum(1 << n for n, c in enumerate(channels) if c in parameters.channels),
        "job_count": len(JOBS),
        "risk_signals": RISK_SIGNALS,
    }
    columns = ", ".join(_typed(name, value) for name, value in values.items())
    # a clock may have been set back: the last run is not the one with the latest clock
    columns += ", (SELECT as_of FROM dim_run ORDER BY rowid DESC LIMIT 1) AS last_as_of"
    columns += f", {'NULL::TIMESTAMPTZ' if won_from is None else f'make_timestamptz({won_from})'} AS won_from"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE param AS SELECT {columns}",
        [list(v) if isinstance(v, tuple) else v for v in values.values()],
    )
    for table, labels in (("channel_code", channels), ("modality_code", MODALITIES), ("job_code", JOBS)):
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE {table} AS
                SELECT unnest(?::VARCHAR[]) AS label, unnest(?::SMALLINT[]) AS bit""",
            [list(labels), [1 << n for n in range(len(labels))]],
        )
    sets = [[c for n, c in enumerate(channels) if bits >> n & 1] for bits in range(1 << len(channels))]
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE channel_set AS
           SELECT unnest(range(?))::SMALLINT AS bits, unnest(?::JSON::VARCHAR[][]) AS labels""",
        [len(sets), json.dumps(sets)],
    )
    connection.execute(_BUSINESS_DAYS)
    bit = {c: 1 << n for n, c in enumerate(channels)}
    zone = "'" + parameters.reporting_timezone.replace("'", "''") + "'"
    for macro in (
        # the zone is a literal: a zone that comes from a row is looked up for every row
        f"local_day(t) AS timezone({zone}, t)::DATE",
        f"month_of(t) AS date_trunc('month', timezone({zone}, t))::DATE",
        # than that of the last build; a clock that was set back too
        """is_another_day(everything, before, t) AS
            everything OR before IS NULL OR before > t OR local_day(before) <> local_day(t)""",
        "span_of_days(days) AS to_microseconds((days * 86400000000)::BIGINT)",
        "days_between(a, b) AS (epoch_us(b) - epoch_us(a)) / 86400000000",
        # where the clocks go back over midnight it comes twice, and DuckDB takes the second
        f"""start_of_day(d) AS timezone({zone}, d::TIMESTAMP)
            - to_hours((local_day(timezone({zone}, d::TIMESTAMP) - INTERVAL 1 HOUR) = d)::INTEGER)""",
        # so many business days later; what begins on a closed day begins with the next open one
        f"""business_deadline(t, n) AS (
            SELECT CASE WHEN begun.is_open THEN timezone({zone}, timezone({zone}, t) + to_days((due.day - begun.day)::INTEGER))
                        ELSE start_of_day(due.day) END
            FROM business_day begun JOIN business_day due ON due.is_open AND due.open_no = begun.open_no + n
            WHERE begun.day = local_day(t))""",
        # by a clock before its close a deal is open, whatever the CRM knows by now of its end
        "closes_later(closed_at, as_of) AS coalesce(closed_at > as_of, false)",
        # a label of a CRM whatever its case and separators: Product Gap, product-gap, product_gap
        r"bare(label) AS regexp_replace(lower(label), '[\s_./-]+', '', 'g')",
        "verdict(holds) AS CASE WHEN holds THEN 'passed' ELSE 'failed' END",
        "count_of(items) AS len(list_filter(items, lambda x: x IS NOT NULL))",
        "balance_of(a, b) AS least(a, b) / nullif(greatest(a, b), 0)",  # M9
        # the shares of 5.9 with their parts, as columns: unnest(trust(...))
        """trust(unresolved, touches, unclassified, evidence) AS {
            'unresolved_share': unresolved / nullif(touches, 0),
            'unresolved_share_num': coalesce(unresolved, 0), 'unresolved_share_den': coalesce(touches, 0),
            'unclassified_share': unclassified / nullif(evidence, 0),
            'unclassified_share_num': coalesce(unclassified, 0), 'unclassified_share_den': coalesce(evidence, 0)}""",
        f"is_low_evidence(unclassified, evidence) AS coalesce(unclassified / nullif(evidence, 0) > {LOW_EVIDENCE_ABOVE}, false)",
        "mean_of_two(items) AS CASE WHEN count_of(items) >= 2 THEN list_avg(items) END",
        # an action plan edited, be it among other pages of a session
        "is_plan(kind, tags) AS kind = 'plan_update' OR list_contains(tags, 'plan_update')",
        # what a partner writes to a buyer is outbound, and none of ours (definitions, 2.3)
        "is_ours(direction, actor_side) AS direction = 'mutual' OR (direction = 'outbound' AND actor_side IS DISTINCT FROM 'partner')",
        *dart.MACROS,
        f"counts_in(is_primary, direction) AS {counts_in('is_primary', 'direction')}",
        # who works for nobody that the directory or a domain names may be anybody's
        "is_at(home, account) AS home IS NULL OR home = account",
        # the first day after a period; NULL for lifetime
        """period_stop(grain, first_day) AS (first_day
            + CASE grain WHEN 'week' THEN INTERVAL 7 DAY WHEN 'month' THEN INTERVAL 1 MONTH WHEN 'quarter' THEN INTERVAL 3 MONTH END)::DATE""",
        f"is_over(end_at, t) AS coalesce(end_at + to_hours({parameters.final_after_hours}) < t, false)",
        # periods that stop by this day are over at t, and no others
        f"final_day(t) AS local_day(t - to_hours({parameters.final_after_hours}) - INTERVAL 1 MICROSECOND)",
        # 1 - (half the distance from equal thirds) / (its greatest value, 2/3)
        """thirds_balance(a, b, c) AS
            1 - (abs(2 * a - b - c) + abs(2 * b - a - c) + abs(2 * c - a - b)) / nullif(4 * (a + b + c), 0)""",
        f"""is_hybrid(touches, bits) AS CASE WHEN touches >= {parameters.hybrid_min_touches} THEN
            bits & {bit["in_person"]} <> 0 AND bits & {bit["video"]} <> 0
            AND bits & {bit["email"] | bit["chat"] | bit["app"]} <> 0 END""",
    ):
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")


def _typed(name: str, value: Any) -> str:
    """A placeholder with the type that the models count on."""
    if name == "as_of_us":
        return "make_timestamptz(?) AS as_of"
    sql_type = {bool: "BOOLEAN", int: "INTEGER", float: "DOUBLE", str: "VARCHAR", tuple: "VARCHAR[]"}[type(value)]
    return f"?::{sql_type} AS {name}"
