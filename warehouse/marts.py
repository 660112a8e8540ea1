"""The marts: SQL models run in order, over all periods of all accounts or over those that an increment changed.

``warehouse/models/`` holds one SELECT a file. ``base_*`` find the cells (an account in a period) in scope and prepare them;
``roll`` names the rows of the four coverage marts and the cells that each covers; ``metric_*`` and ``coverage`` measure
those rows, the same for every mart; ``mart_*`` name the keys. An incremental build gives the same tables as a full one: rows
outside its scope rest on facts that have not changed, and no figure depends on the order in which rows are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.registry import TABLES
from warehouse import dart, digests, exchange, restated
from warehouse.terms import CODES, Parameters, declare

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
MARKS = ("shared", "unknown", "group_member")
"""What is told of touchpoints, and of people in them, wherever they are loaded."""
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
    "scope_relationship",
)
SCRATCH = (
    *CALENDAR,
    *MARKS,
    *SCOPES,
    "former_deal",
    "scope_deal",
    "in_reach",
    "loading",
    "touch",
    "seller_touch",
    *BASE,
    *ROWS,
    *DEAL,
    *CODES,
)
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
    connection: Any,
    parameters: Parameters,
    *,
    everything: bool,
    run_id: str,
    reasons: Sequence[str] = (),
    won_from: int | None = None,
) -> None:
    """Rebuild the marts inside the transaction that is open.

    ``everything``: all of them, from nothing. Else the rows of the periods in which a time of the temporary table
    ``changed(account_id, happened_at, is_ours)`` lies (of all periods of the account where it is NULL), the rollups that hold them, the
    deals and relationships of the accounts in ``touched(account_id)``, and the small marts whole. ``won_from`` (microseconds): deals
    that were won at that time or later are others than those of the last build, and the signals that are measured by them too.

    What changes of periods that were final is logged as changed by ``run_id``, for ``reasons`` (see ``warehouse.restated``).
    """
    for table in (
        "touched (account_id VARCHAR)",
        "changed (account_id VARCHAR, happened_at TIMESTAMPTZ, is_ours BOOLEAN)",
    ):
        connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table}")
    digests.begin(connection)
    put = _put_anew if everything else _exchange
    declare(connection, parameters, everything=everything, won_from=won_from)
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
    _stage(connection, "scope_relationship")
    put(connection, "mart_relationship", None if everything else ("scope_relationship", ["account_id"]))
    for mart in WHOLE:
        put(connection, mart, None)
    restated.write(connection, run_id, reasons)
    connection.execute(f"DROP {'VIEW' if everything else 'TABLE'} temp.coverage")
    for name in (*SCRATCH, *dart.STAGES):  # after a failure the rollback takes them
        connection.execute(f"DROP TABLE temp.{name}")


def _find_scope(connection: Any) -> None:
    """The cells to be measured again, and with their touchpoints loaded."""
    for name in ("scope_day", "scope_account"):
        _stage(connection, name)
    _load(connection, "scope_account", fresh=True)
    _stage(connection, "scope_cell")


def _has_another_start(connection: Any) -> bool:
    """Whether the calendar begins in another week, month or quarter than when the marts were last built: a week may lie in two months.

    Assignments without a start have a row in each of its periods, whatever account the first touchpoint is of.
    """
    ((is_another,),) = connection.execute(
        """WITH begun AS (SELECT period_grain, min(period_start) AS was FROM mart_account_period GROUP BY period_grain)
           SELECT coalesce(bool_or(was <> now), true) FROM begun
           JOIN (SELECT period_grain, min(period_start) AS now FROM period GROUP BY period_grain) USING (period_grain)"""
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
    # a table where its rows are compared with the marts', and most are not kept a second time
    connection.execute(f"CREATE OR REPLACE TEMP {'VIEW' if everything else 'TABLE'} coverage AS\n{model('coverage')}")
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
    _stage(connection, "former_deal")
    for deals, marts in (("base_deal", BY_DEAL), ("base_deal_landmark", AT_LANDMARK)):
        _stage(connection, "deal", deals)
        _stage(connection, "scope_deal")
        if marts is AT_LANDMARK and not everything and not _has_landmark_in_scope(connection):
            return
        for name in DEAL[1:]:
            _stage(connection, name)
        if marts is BY_DEAL:
            _build_dart(connection, put, everything=everything)
        for mart in marts:
            put(connection, mart, None if everything else ("scope_deal", ["opportunity_id"]))


def _has_landmark_in_scope(connection: Any) -> bool:
    found = (
        "FROM deal UNION ALL SELECT opportunity_id FROM mart_deal_landmark SEMI JOIN scope_deal USING (opportunity_id)"
    )
    return bool(connection.execute(f"SELECT 1 FROM (SELECT opportunity_id {found}) LIMIT 1").fetchall())


def _build_dart(connection: Any, put: Put, *, everything: bool) -> None:
    """Once the deals are staged and mart_account_period is built."""
    for name in dart.STAGES:
        _stage(connection, name)
    put(connection, dart.MART, None if everything else ("scope_dart", ["account_id", "period_grain", "period_start"]))


def _put_anew(connection: Any, mart: str, scope: Scope | None) -> None:
    """What a mart's model gives, where all is built from nothing: no old row is worth a comparison."""
    assert scope is None
    is_final = restated.keep(connection, mart, "true", mart, everything=True)
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
    twice = mart in (*COVERAGE, dart.MART)  # all of their figures are in a table by now
    exchange.stage(connection, mart, f"\n{model(mart)}", twice=twice)
    if not exchange.compare(connection, mart, mine, twice=twice):
        return
    if restated.keep(connection, mart, exchange.going(mart), exchange.came(mart), everything=False):
        restated.compare(connection, mart, exchange.came(mart), everything=False)
    exchange.exchange(connection, mart)
