"""The marts: SQL models run in order, over all periods of all accounts or over those that an increment changed.

``warehouse/models/`` holds one SELECT a file. ``base_*`` find the cells (an account in a period) in scope and prepare them;
``roll`` names the rows of the four coverage marts and the cells that each covers; ``metric_*`` and ``coverage`` measure
those rows, the same for every mart; ``mart_*`` name the keys. An incremental build gives the same tables as a full one: rows
outside its scope rest on facts that have not changed, and no figure depends on the order in which rows are added up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from schemas.registry import TABLES
from schemas.vocab import ALL_CHANNELS, BUYING_JOBS, MODALITIES, RISK_SIGNALS, counted_channels
from warehouse import dart, digests, exchange, restated

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


COVERAGE = {
    "mart_seller_account_period": "scope_cell",
    "mart_account_period": "scope_cell",
    "mart_seller_period": "scope_seller",
    "mart_team_period": "scope_team",
}
"""The coverage marts, and the table that names which of their rows are measured again."""
METRICS = ("mix", "thread", "people", "followup", "response", "window")
WHOLE = (
    "mart_response_time",
    "mart_transition_matrix",
    "mart_gap_sensitivity",
    "mart_data_quality",
    "mart_relationship",
    "mart_signal_lift",
    "dim_date",
)
"""Small, and a figure of each rests on all accounts: built whole every time."""
BY_DEAL = ("mart_opportunity_coverage", "mart_lost_deal_review", "mart_deal_risk")
AT_LANDMARK = ("mart_deal_landmark",)
DEAL = (
    "deal", "deal_touch", "deal_person", "deal_people", "deal_evidence", "deal_answers", "deal_journey", "deal_plan", "deal_signal",
)  # fmt: skip
"""Staged twice, by the same models: for deals up to today or their close, and for closed ones up to their landmark."""
SOME_CELLS, MOST = 5_000, 0.6
"""From so many cells, and such a share of all, the marts are built whole: both ways give the same tables, and this costs less."""
CALENDAR = ("period", "period_day")
MARKS = ("shared", "unknown")
"""What is told of touchpoints wherever they are loaded."""
BASE = (
    "account_period",
    "cell_day",
    "pair_cell",
    "pair_touch",
    "cell_touch",
    "cell_mix",
    "cell_channel",
    "cell_thread",
    "pair_mix",
    "pair_channel",
    "pair_thread",
    "pair_day",
    "cell_engaged",
    "cell_contact",
    "cell_followup",
    "cell_response",
)
ROWS = ("roll", "row_cell", "row_period", *(f"row_{m}" for m in METRICS))
SCOPES = (
    "scope_day",
    "scope_account",
    "scope_cell",
    "pair_period",
    "scope_seller",
    "scope_team",
    "further_pair",
    "further_account",
)
CODES = ("channel_code", "modality_code", "job_code", "channel_set")
SCRATCH = (*CALENDAR, *MARKS, *SCOPES, "in_reach", "loading", "touch", "seller_touch", *BASE, *ROWS, *DEAL, *CODES)
"""Temporary tables, dropped when the marts are built."""

Scope = tuple[str, list[str]]
"""A table that names the rows to be measured again, and by which columns."""
Put = Callable[[Any, str, Scope | None], None]
"""Puts a mart's new rows in place of the old; without a scope, of all of them."""


@cache
def model(name: str) -> str:
    """The text of ``models/<name>.sql``."""
    return files("warehouse.models").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def build_marts(
    connection: Any, parameters: Parameters, *, everything: bool, run_id: str, reasons: Sequence[str] = ()
) -> None:
    """Rebuild the marts inside the transaction that is open.

    ``everything``: all of them, from nothing. Else the rows of the periods in which a time of the temporary table
    ``changed(account_id, happened_at, is_ours)`` lies (of all periods of the account where it is NULL), the rollups that hold them, the
    deals of the accounts in ``touched(account_id)``, and the small marts whole.

    What changes of periods that were final is logged as changed by ``run_id``, for ``reasons`` (see ``warehouse.restated``).
    """
    for table in (
        "touched (account_id VARCHAR)",
        "changed (account_id VARCHAR, happened_at TIMESTAMPTZ, is_ours BOOLEAN)",
    ):
        connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table}")
    digests.begin(connection)
    put = _put_anew if everything else _exchange
    declare(connection, parameters, everything=everything)
    for name in (*CALENDAR, *MARKS):
        _stage(connection, name)
    if not everything and _has_another_start(connection):
        everything = True
        connection.execute("UPDATE param SET everything = true")
    _find_scope(connection)
    if not everything and _is_most(connection):
        everything = True
        connection.execute("UPDATE param SET everything = true")
        _find_scope(connection)
    restated.begin(connection)
    _build_coverage(connection, put, everything=everything)
    _build_deals(connection, put, everything=everything)
    for mart in WHOLE:
        put(connection, mart, None)
    restated.write(connection, run_id, reasons)
    connection.execute("DROP VIEW temp.coverage")
    for name in (*SCRATCH, *dart.STAGES):  # after a failure the rollback takes them
        connection.execute(f"DROP TABLE temp.{name}")


def declare(connection: Any, parameters: Parameters, *, everything: bool) -> None:
    """Temporary table ``param`` (one row), codes of channels, modalities and jobs as bits, and macros over them."""
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
    bit = {c: 1 << n for n, c in enumerate(channels)}
    zone = "'" + parameters.reporting_timezone.replace("'", "''") + "'"
    for macro in (
        # the zone is a literal: a zone that comes from a row is looked up for every row
        f"local_day(t) AS timezone({zone}, t)::DATE",
        f"month_of(t) AS date_trunc('month', timezone({zone}, t))::DATE",
        "days_between(a, b) AS (epoch_us(b) - epoch_us(a)) / 86400000000",
        # so many days Monday to Friday later; what begins on a weekend begins on Monday
        """business_deadline(t, n) AS (
            CASE WHEN isodow(local_day(t)) > 5 THEN start_of_day(local_day(t) + 8 - isodow(local_day(t))::INT) ELSE t END)
            + to_days(((n // 5) * 7 + n % 5
                + CASE WHEN isodow(local_day(t)) <= 5 AND isodow(local_day(t)) + n % 5 > 5 THEN 2 ELSE 0 END)::INTEGER)""",
        "verdict(holds) AS CASE WHEN holds THEN 'passed' ELSE 'failed' END",
        "count_of(items) AS len(list_filter(items, lambda x: x IS NOT NULL))",
        "balance_of(a, b) AS least(a, b) / nullif(greatest(a, b), 0)",  # M9
        "mean_of_two(items) AS CASE WHEN count_of(items) >= 2 THEN list_avg(items) END",
        # an action plan edited, be it among other pages of a session
        "is_plan(kind, tags) AS kind = 'plan_update' OR list_contains(tags, 'plan_update')",
        *dart.MACROS,
        # who works for nobody that the directory knows may be anybody's
        "is_at(home, account) AS home IS NULL OR home = account",
        f"start_of_day(d) AS timezone({zone}, d::TIMESTAMP)",
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


def _find_scope(connection: Any) -> None:
    """The cells to be measured again, and with their touchpoints loaded."""
    for name in ("scope_day", "scope_account"):
        _stage(connection, name)
    _load(connection, "scope_account", fresh=True)
    _stage(connection, "scope_cell")


def _has_another_start(connection: Any) -> bool:
    """Whether the calendar begins in another week than when the marts were last built.

    Assignments without a start have a row in each of its periods, whatever account the first touchpoint is of.
    """
    ((is_another,),) = connection.execute(
        """SELECT (SELECT min(period_start) FROM mart_account_period WHERE period_grain = 'week')
                  IS DISTINCT FROM (SELECT min(period_start) FROM period WHERE period_grain = 'week')"""
    ).fetchall()
    return bool(is_another)


def _is_most(connection: Any) -> bool:
    """Whether building everything costs less than building the cells in scope in place of their old rows."""
    ((found, all_of_them),) = connection.execute(
        """SELECT (SELECT count(*) FROM mart_account_period SEMI JOIN scope_cell USING (account_id, period_grain, period_start)),
                  (SELECT count(*) FROM mart_account_period)"""
    ).fetchall()
    return bool(found >= SOME_CELLS and found >= MOST * all_of_them)


def _load(connection: Any, accounts: str, *, fresh: bool) -> None:
    """Touchpoints of the accounts in a table, in place of those loaded or beside them."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE loading AS SELECT account_id FROM {accounts}")
    for name in ("touch", "seller_touch"):
        head = f"CREATE OR REPLACE TEMP TABLE {name} AS" if fresh else f"INSERT INTO {name}"
        connection.execute(f"{head}\n{model(f'base_{name}')}")


def _stage(connection: Any, table: str, source: str | None = None) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS\n{model(source or f'base_{table}')}")


def _build_coverage(connection: Any, put: Put, *, everything: bool) -> None:
    for name in ("pair_period", "scope_seller", "scope_team", "further_pair", "further_account"):
        _stage(connection, name)
    connection.execute("CREATE OR REPLACE TEMP TABLE in_reach AS FROM scope_account UNION ALL FROM further_account")
    _load(connection, "further_account", fresh=False)
    for name in BASE:
        _stage(connection, name)
    for name in ("roll", "row_cell", "row_period"):
        _stage(connection, name, name)
    for metric in METRICS:
        _stage(connection, f"row_{metric}", f"metric_{metric}")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW coverage AS\n{model('coverage')}")
    for mart, scope in COVERAGE.items():
        key = [name for name in TABLES[mart].key if scope != "scope_cell" or name != "seller_id"]
        put(connection, mart, None if everything else (scope, key))
    if not everything:
        _finalise(connection)


def _finalise(connection: Any) -> None:
    """Rows outside the scope whose period has become final by the passing of time."""
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE ended AS SELECT period_grain, period_start FROM period, param
           WHERE is_over(end_at, as_of)"""
    )
    due = "NOT is_final AND (period_grain, period_start) IN (SELECT (period_grain, period_start) FROM ended)"
    for mart in (*COVERAGE, dart.MART):
        if connection.execute(f"SELECT 1 FROM {mart} WHERE {due} LIMIT 1").fetchall():
            digests.forget(connection, mart)
            connection.execute(f"UPDATE {mart} SET is_final = true WHERE {due}")
    connection.execute("DROP TABLE temp.ended")


def _build_deals(connection: Any, put: Put, *, everything: bool) -> None:
    for deals, marts in (("base_deal", BY_DEAL), ("base_deal_landmark", AT_LANDMARK)):
        for name in DEAL:
            _stage(connection, name, deals if name == "deal" else None)
        if marts is BY_DEAL:
            _build_dart(connection, put, everything=everything)
        for mart in marts:
            whole = everything or mart == "mart_deal_risk"  # a row of another day would be stale
            put(connection, mart, None if whole else ("deal", ["opportunity_id"]))


def _build_dart(connection: Any, put: Put, *, everything: bool) -> None:
    """Once the deals are staged and mart_account_period is built."""
    for name in dart.STAGES:
        _stage(connection, name)
    put(connection, dart.MART, None if everything else ("scope_account", ["account_id"]))


def _put_anew(connection: Any, mart: str, scope: Scope | None) -> None:
    """What a mart's model gives, where all is built from nothing: no old row is worth a comparison."""
    assert scope is None
    is_final = restated.keep(connection, mart, "true")
    if mart in digests.TRACKED:
        digests.forget(connection, mart)
    columns = ", ".join(f'"{name}"' for name in TABLES[mart].names)
    connection.execute(f"DELETE FROM {mart}")
    connection.execute(f"INSERT INTO {mart} ({columns})\nSELECT {columns} FROM (\n{model(mart)})")
    if is_final:
        restated.compare(connection, mart, mart, everything=True)


def _exchange(connection: Any, mart: str, scope: Scope | None) -> None:
    """What a mart's model gives in place of its rows, or of those whose key is in the table of ``scope``."""
    mine = "true"
    if scope is not None:
        table, key = scope
        mine = f"({', '.join(key)}) IN (SELECT ({', '.join(key)}) FROM {table})"
    exchange.stage(connection, mart, f"\n{model(mart)}")
    exchange.compare(connection, mart, mine)
    if restated.keep(connection, mart, exchange.going(mart)):
        restated.compare(connection, mart, exchange.came(mart), everything=False)
    exchange.exchange(connection, mart)
