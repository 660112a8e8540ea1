"""What people see on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.errors import UserError
from pipelines.summary import Summary, counted
from transforms.sources import SourceSpec
from warehouse.rows import Row, dicts, of_last_run


def open_snapshot(path: Path) -> duckdb.DuckDBPyConnection:
    """The published snapshot, read only. Raises ``UserError`` where there is none."""
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} leads to {path.resolve()}, which is gone: touchloop run publishes it again")
    if not path.exists():
        raise UserError(f"nothing is published at {path} yet: touchloop run comes first")
    try:
        connection = duckdb.connect(str(path.resolve()), read_only=True)
    except duckdb.Error as error:
        raise UserError(f"the published snapshot cannot be opened: {error}\ntouchloop publish makes it anew") from None
    connection.execute("SET TimeZone='UTC'")
    return connection


@contextmanager
def reading_snapshot(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """As ``open_snapshot``, for as long as it is asked. Raises ``UserError`` where it has not the tables of this version, or is damaged."""
    connection = open_snapshot(path)
    try:
        yield connection
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise UserError(
            f"{path} was published by another version of touchloop, and touchloop run publishes it again: {error}"
        ) from None
    except duckdb.IOException as error:
        raise UserError(f"the published snapshot cannot be read: {error}\ntouchloop publish makes it anew") from None
    finally:
        connection.close()


def print_summary(out: Console, summary: Summary) -> None:
    for warning in summary.warnings:
        out.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    if summary.records or summary.units:
        out.print(
            f"{counted(summary.records, 'record')} in {counted(summary.units, 'new unit')}: "
            f"{summary.accepted:,} accepted, {summary.duplicate:,} duplicate, {summary.ignored:,} ignored, {summary.rejected:,} rejected",
            soft_wrap=True,
        )
    else:
        out.print("no new units")
    if summary.accounts_rebuilt or summary.touchpoints:
        out.print(
            f"{counted(summary.touchpoints, 'touchpoint')} and {counted(summary.accounts_rebuilt, 'account')} rebuilt"
        )
    # what waits to be published, because the audit failed, is not what stands there
    waiting = "not published; still the last one" if summary.unpublished else "up to date"
    state = "published" if summary.published else waiting
    out.print(f"{state}: {summary.snapshot}", soft_wrap=True, markup=False)


def write_page(snapshot: Path, target: Path) -> Path:
    """The report's page of the published snapshot, written to ``target``. Raises ``UserError`` where nothing is published."""
    from warehouse.report.page import write_report

    with reading_snapshot(snapshot):  # says what is missing
        write_report(snapshot.resolve(), target)
    return target


class Shown(msgspec.Struct):
    """What ``report`` shows of a snapshot: the first 20 journeys and loops, one pair's coverage, and how far to trust them."""

    snapshot: str
    page: str | None
    """The report's page, if it is published."""
    as_of: Any
    journeys: list[Row]
    journey_count: int
    """How many there are in all."""
    loops: list[Row]
    loop_count: int
    seller_level: bool
    """Whether coverage by seller is published."""
    pairs: int
    """How many pairs of seller and account there are."""
    coverage: list[Row]
    """Rows of ``mart_seller_account_period`` of the pair with the most seller touches: its last six months, then its lifetime."""
    trust: list[Row]


def shown(snapshot: Path, page: Path) -> Shown:
    """Read it. Raises ``UserError`` where nothing is published."""
    with reading_snapshot(snapshot) as connection:
        as_of = of_last_run(connection, "as_of")
        seller_level = bool(dicts(connection, SELLER_LEVEL))
        pair = dicts(connection, PAIR) if seller_level else []
        coverage = dicts(connection, PERIODS, [pair[0]["seller_id"], pair[0]["account_id"]]) if pair else []
        return Shown(
            snapshot=str(snapshot), page=str(page) if page.is_file() else None, as_of=as_of,
            journeys=dicts(connection, JOURNEYS, [MOST]), journey_count=_rows(connection, "mart_journey_summary"),
            loops=dicts(connection, LOOPS, [MOST]), loop_count=_rows(connection, "fact_loop"), seller_level=seller_level,
            pairs=pair[0]["pairs"] if pair else 0, coverage=coverage, trust=dicts(connection, TRUST),
        )  # fmt: skip


def print_report(out: Console, found: Shown) -> None:
    """Journeys, loops and coverage, then where the page is, if there is one."""
    out.print(f"\n[bold]touchloop[/bold] as of {found.as_of or '?'}")
    _print(out, "Journeys", found.journeys, found.journey_count)
    _print(out, "Loops: where buyers came back to a job they had left", found.loops, found.loop_count)
    _print_coverage(out, found)
    _print(out, "May I trust these numbers?", found.trust)
    out.print(f"\nAsk more in SQL: {found.snapshot}", soft_wrap=True, markup=False)
    if found.page:
        out.print(f"Open in a browser: {found.page}", soft_wrap=True, markup=False)


MOST = 20
"""Journeys and loops that are shown."""
JOURNEYS = """
SELECT journey_scope AS scope, coalesce(opportunity_id, account_id) AS key, session_count AS sessions, visit_count AS visits,
       loop_count AS loops, round(loop_rate, 3) AS loop_rate, round(throughput_seconds / 86400, 2) AS days,
       round(idle_seconds / 86400, 2) AS idle_days, variant
FROM mart_journey_summary ORDER BY loop_count DESC, journey_scope DESC, key LIMIT ?"""
LOOPS = """
SELECT coalesce(opportunity_id, account_id) AS key, revisited_job, path, loop_length AS length,
       round(loop_duration_seconds / 86400, 2) AS days, trigger_type AS trigger, loop_kind AS kind, closed_by
FROM fact_loop ORDER BY journey_scope DESC, key, to_visit_no LIMIT ?"""
SELLER_LEVEL = "SELECT 1 AS one FROM duckdb_tables() WHERE table_name = 'mart_seller_account_period'"
PAIR = """
SELECT seller_id, account_id, count(*) OVER () AS pairs FROM mart_seller_account_period
WHERE period_grain = 'lifetime' ORDER BY seller_touch_count DESC, seller_id, account_id LIMIT 1"""
PERIODS = """
SELECT * FROM mart_seller_account_period WHERE seller_id = ? AND account_id = ? AND period_grain IN ('month', 'lifetime')
QUALIFY row_number() OVER (PARTITION BY period_grain ORDER BY period_start DESC) <= 6
ORDER BY period_grain = 'lifetime', period_start"""
METRICS = (
    ("seller_touch_count", "seller touches", 1),
    ("buyer_evidence_count", "buyer evidence", 1),
    ("channel_coverage", "M1  channels covered", 1),
    ("buyer_channel_answer_coverage", "M2  buyer's channels answered", 1),
    ("touch_followup_share", "M2b touches followed up", 1),
    ("channel_balance", "M3  channel balance", 1),
    ("channel_fit", "M4  channel fit", 1),
    ("in_person_minutes_share", "M5m in person, of buyer minutes", 1),
    ("thirds_balance_minutes", "M6  balance of thirds, minutes", 1),
    ("hybrid_score", "M7  hybrid score", 1),
    ("is_hybrid", "M7  is hybrid", 1),
    ("response_median_business_seconds", "M8  median answer, business hours", 3600),
    ("response_rate", "M8r answered in time", 1),
    ("dialogue_ratio", "M9  dialogue ratio", 1),
    ("contact_coverage", "M10 buying group engaged", 1),
    ("job_coverage", "M13 jobs covered", 1),
)
TRUST = """
SELECT source, sum(touchpoints)::BIGINT AS touchpoints, sum(unresolved_account)::BIGINT AS unresolved,
       sum(unclassified_buyer)::BIGINT AS unclassified, sum(late)::BIGINT AS late, sum(duplicates_dropped)::BIGINT AS duplicates,
       sum(quarantined)::BIGINT AS quarantined
FROM mart_data_quality GROUP BY source ORDER BY source"""


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(dicts(connection, f"SELECT count(*) AS n FROM {table}")[0]["n"])


def _print(out: Console, title: str, rows: list[Row], total: int = 0) -> None:
    """``total``: how many rows there are, if not all are given."""
    if total > len(rows):
        title += f" ({len(rows):,} of {total:,} shown)"
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
    out.print()
    out.print(table if rows else f"{title}: none yet")


def _print_coverage(out: Console, found: Shown) -> None:
    """The pair with the most seller touches, its last months and its lifetime side by side."""
    if not found.seller_level:
        out.print("\nCoverage by seller is not published (publish.seller_level); mart_account_period has the accounts'")
        return
    rows = found.coverage
    if not rows:
        out.print("\nCoverage: no seller is assigned to an account yet")
        return
    seller, account, pairs = rows[0]["seller_id"], rows[0]["account_id"], found.pairs
    more = f" ({pairs - 1:,} more pairs in mart_seller_account_period)" if pairs > 1 else ""
    table = Table(
        title=escape(f"Coverage of {account} by {seller}{more}"),
        title_justify="left",
        title_style="bold",
        header_style="dim",
    )
    table.add_column("metric")
    for row in rows:
        table.add_column(
            "lifetime" if row["period_grain"] == "lifetime" else f"{row['period_start']:%Y-%m}", justify="right"
        )
    for name, label, divisor in METRICS:
        table.add_row(label, *(_figure(row[name], divisor) for row in rows))
    out.print()
    out.print(table)


def _figure(value: Any, divisor: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(round(value / divisor, 3) if isinstance(value, float) else value)


def print_sources(out: Console, specs: dict[str, SourceSpec]) -> None:
    table = Table(header_style="dim", show_lines=True)
    for name in ("source", "channel", "reads", "adapter"):
        table.add_column(name, overflow="fold")
    for spec in specs.values():
        table.add_row(f"{spec.title}\ninbox/{spec.name}/", spec.channel, "\n".join(spec.supports), spec.version)
    out.print(table)


def print_rejects(out: Console, groups: list[Row], rows: list[Row]) -> None:
    if not groups:
        out.print("no rejected records")
        return
    for title, records in (("By reason", groups), ("Newest", rows)):
        table = Table(title=title, title_justify="left", header_style="dim")
        for name in records[0]:
            table.add_column(name, overflow="fold")
        for record in records:
            table.add_row(*("" if v is None else escape(str(v)) for v in record.values()))
        out.print(table)
