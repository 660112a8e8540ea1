"""The page put together: queries of the snapshot in, one HTML file out."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from schemas.registry import TABLES
from schemas.vocab import ALL_CHANNELS, BUYING_JOBS, CHANNELS
from warehouse.report import timeline, views
from warehouse.report.views import View
from warehouse.rows import Row, dicts
from warehouse.store import SETTINGS

CHARTS = 6
"""Deals that are drawn."""
CHART_TOUCHPOINTS = 250
CHART_LOOPS = 12
"""Of one deal: more cannot be told apart."""
SHORT = dict(zip(BUYING_JOBS, ("PI", "SE", "RB", "SS", "VA", "CC", "no job"), strict=True))
"""Codes of ``path`` and ``variant``."""
ENDS = ("WON", "LOST", "OPEN")


DOCS = "../data-docs/index.html"
"""As a snapshot's page finds them, by whichever name it is opened."""


def write_report(database: Path, target: Path, *, docs: str | None = None) -> None:
    """Write the page of a snapshot, opened read only, to ``target`` in one piece; where that is a link, to what it leads to.
    ``docs`` as in ``render``.

    A pipe or a device is written into, not replaced. Raises ``OSError`` if it cannot be written.
    """
    connection = duckdb.connect(str(database), read_only=True)
    try:
        for statement in SETTINGS:
            connection.execute(statement)
        page = render(connection, docs=docs)
    finally:
        connection.close()
    if target.exists() and not target.is_file():
        target.write_text(page, encoding="utf-8")
        return
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, target)


def render(connection: duckdb.DuckDBPyConnection, *, docs: str | None = None) -> str:
    """The page as a string. Marts by named seller are left out where the snapshot has none.

    ``docs``: where the audit's pages are as seen from this one; without, it names them and leads nowhere.
    """
    ask = Asker(connection)
    head = ask.rows("head")[0]
    ask.zone = ZoneInfo(head["reporting_timezone"] or "UTC")
    head = ask.in_zone(head)
    # without deals, or before any of them was touched, the account's journey is the one to show
    scope = "opportunity" if head["deal_journeys"] else "account"
    conservation = ask.rows("conservation")
    tables = {
        "conservation": table(views.CONSERVATION, conservation),
        "journeys": ask.table(views.JOURNEYS, scope=scope),
        "triggers": ask.table(views.TRIGGERS, scope=scope),
        "jobs": ask.table(views.JOBS, scope=scope),
        "loops": ask.table(views.LOOPS, scope=scope),
        "teams": ask.table(views.TEAMS),
        "accounts": ask.table(views.ACCOUNTS),
        "lost_deals": ask.table(views.LOST_DEALS),
        "risk": ask.table(views.RISK),
        "lifts": ask.table(views.LIFTS),
        "quality": ask.table(views.TRUST),
    }
    review = TABLES["mart_lost_deal_review"]
    flags = [row | {"meaning": review.column(row["flag"]).meaning} for row in ask.rows("lost_flags")]
    tables["lost_flags"] = table(views.LOST_FLAGS, flags)
    if ask.has("mart_seller_period"):
        tables |= {
            "sellers": ask.table(views.SELLERS),
            "pairs": ask.table(views.PAIRS),
            "months": ask.table(views.MONTHS),
        }
    totals = ask.rows("totals", scope=scope)[0]
    names = ("records", "accepted", "duplicate", "ignored", "rejected")
    return template().render(
        head=head,
        zone=ask.zone.key,
        docs=docs,
        scope=scope,
        totals=totals,
        sums={name: sum(row[name] for row in conservation) for name in names},
        tables=tables,
        charts=charts(ask, tables["journeys"]["rows"]),
        matrix=matrix(ask.rows("transitions", scope=scope)),
        short=SHORT,
        channels=ALL_CHANNELS if totals["phone_calls"] else CHANNELS,
        drawing=timeline,
        meanings={name: TABLES["mart_transition_matrix"].column(name).meaning for name in ("n", "probability")},
    )


@cache
def template() -> Template:
    """Compiled once: that takes longer than to fill it."""
    environment = Environment(
        loader=PackageLoader("warehouse.report"),
        autoescape=True,  # names come from payloads: hostile until escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": words, "figure": figure}
    return environment.get_template("page.html")


class Asker:
    """Runs the queries of ``sql/``; times come in ``zone``, where months are counted too."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.zone = ZoneInfo("UTC")

    def has(self, name: str) -> bool:
        return bool(self.connection.execute("FROM duckdb_tables() WHERE table_name = ?", [name]).fetchall())

    def rows(self, query: str, **given: Any) -> list[Row]:
        return [self.in_zone(row) for row in dicts(self.connection, sql(query), given or None)]

    def in_zone(self, row: Row) -> Row:
        return {name: v.astimezone(self.zone) if isinstance(v, datetime) else v for name, v in row.items()}

    def table(self, view: View, **given: Any) -> Row:
        if view.limit is not None:
            given["limit"] = view.limit
        return table(view, self.rows(view.query, **given))


@cache
def sql(name: str) -> str:
    return (files("warehouse.report") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def table(view: View, rows: list[Row]) -> Row:
    """A view with its rows; ``total`` is how many there are in all."""
    return {"view": view, "rows": rows, "total": rows[0].get("total", len(rows)) if rows else 0}


def charts(ask: Asker, journeys: list[Row]) -> list[Row]:
    """The drawn journeys, those with the most loops; a journey without any where none has one."""
    chosen = [j for j in journeys if j["loop_count"]][:CHARTS] or [j for j in journeys if j["visit_count"]][:1]
    drawn = []
    for journey in chosen:
        key = {"journey": journey["journey_id"]}
        touchpoints = ask.rows("lane_touchpoints", **key, limit=CHART_TOUCHPOINTS)
        loops = ask.rows("lane_loops", **key, limit=CHART_LOOPS)
        sessions, visits = ask.rows("lane_sessions", **key), ask.rows("lane_visits", **key)
        chart = timeline.draw(touchpoints, sessions, visits, loops, journey["opened_at"], journey["closed_at"])
        if chart:
            drawn.append({"journey": journey, "chart": chart, "loops": loops, "touchpoints": touchpoints})
    return drawn


def matrix(rows: list[Row]) -> Row | None:
    """The transition matrix with its states in order; None before any transition."""
    if not rows:
        return None
    cells = {(row["from_state"], row["to_state"]): row for row in rows}
    totals = {row["from_state"]: row["row_total"] for row in rows}
    jobs = [job for job in BUYING_JOBS if job != "unclassified"]
    return {
        "from": [(state, totals[state]) for state in ("START", *jobs) if state in totals],
        "to": [*jobs, *ENDS],
        "cells": cells,
    }


def words(value: Any) -> str:
    """A vocabulary's term as people write it; a list of them with commas."""
    if isinstance(value, list):
        return ", ".join(words(v) for v in value)
    return str(value).replace("_", " ")


def figure(value: Any, show: str) -> str:
    """A figure as it is read: counts with thousands, shares as percent, seconds in the unit that its field names."""
    if show == "count":
        return f"{value:,}"
    if show == "share":
        return f"{100 * value:.0f}%"
    if show == "number":
        return f"{value:.2f}"
    if show == "days":
        return f"{value:,.1f} days"
    if show == "span":
        return f"{value / 86_400:,.1f} days"
    if show == "hours":
        return f"{value / 3600:,.1f} h"
    if show == "money":
        return f"{value:,.0f}"
    return f"{value:%Y-%m-%d}" if show == "when" else str(value)
