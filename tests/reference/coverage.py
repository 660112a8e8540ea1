"""The rows of the coverage marts, of ``mart_response_time`` and of ``mart_data_quality``, by their keys (semantics 5.1, 5.3, 5.9)."""

from __future__ import annotations

from datetime import date, datetime

import duckdb

from reference.compare import Mart
from reference.facts import Facts, Row
from reference.measures import measure, responses, trust
from reference.periods import GRAINS, Calendar
from reference.scope import Scope, Thresholds
from transforms.settings import Settings


def thresholds_of(settings: Settings) -> Thresholds:
    """Phone calls that are a channel of their own belong to C, whether it lists them or not (1.2)."""
    coverage = settings.coverage
    channels = tuple(coverage.channels)
    if settings.folding.phone_call_channel == "phone_call" and "phone_call" not in channels:
        channels += ("phone_call",)
    return Thresholds(
        channels=channels,
        horizon_seconds=coverage.response_horizon_business_hours * 3600,
        hybrid_window_weeks=coverage.hybrid_window_weeks,
        hybrid_min_touches=coverage.hybrid_min_touches,
        p90_min_n=coverage.p90_min_n,
    )


def reference(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> dict[str, Mart]:
    """Each mart by its name, from facts and dimensions of a warehouse."""
    facts = Facts(connection, Calendar(settings.coverage.reporting_timezone, as_of))
    thresholds = thresholds_of(settings)
    return {
        "mart_seller_account_period": seller_account_period(facts, thresholds),
        "mart_account_period": account_period(facts, thresholds),
        "mart_seller_period": seller_period(facts, thresholds),
        "mart_team_period": team_period(facts, thresholds),
        "mart_response_time": response_time(facts, thresholds),
        "mart_data_quality": data_quality(facts),
    }


def scope(
    facts: Facts,
    sellers: set[str] | None,
    accounts: set[str],
    grain: str,
    period_start: date,
    *,
    looks_back_anywhere: bool = False,
) -> Scope:
    """What a row of some sellers (None: all of ours) and some accounts covers in a period (5.1).

    A touchpoint of two accounts is there once. An episode belongs to the period of its question, and to a seller's row if it is
    addressed to the seller and the seller has a row with that account in the period. The weeks that M7 looks back over are those of the
    row's accounts; of a seller or team, also those of accounts that they have no row with in this period.
    """

    def is_in(account: str, moment: datetime) -> bool:
        return account in accounts and facts.calendar.period(grain, moment) == period_start

    episodes = []
    for episode in facts.episodes:
        seller, account = episode["seller_id"], episode["account_id"]
        if not is_in(account, episode["asked_at"]):
            continue
        if sellers is None or (seller in sellers and (seller, account, grain, period_start) in facts.spine):
            episodes.append(episode)
    covered = Scope(
        sellers=sellers,
        accounts=accounts,
        grain=grain,
        period_start=period_start,
        touches=[
            touch
            for touch in facts.touches
            if touch.periods[grain] == period_start and not accounts.isdisjoint(touch.accounts)
        ],
        episodes=episodes,
        followups=[row for row in facts.followups if is_in(row["account_id"], row["occurred_at"])],
        window=[],
    )
    for touch in facts.touches:
        is_within = looks_back_anywhere or not accounts.isdisjoint(touch.accounts)
        if is_within and covered.is_own(touch):
            covered.window.append(touch)
    return covered


def seller_account_period(facts: Facts, thresholds: Thresholds) -> Mart:
    """A row for each pair of the spine, and zeros where nothing happened."""
    mart: Mart = {}
    for seller, account, grain, period_start in facts.spine:
        covered = scope(facts, {seller}, {account}, grain, period_start)
        mart[seller, account, grain, period_start] = measure(covered, facts, thresholds)
    return mart


def account_period(facts: Facts, thresholds: Thresholds) -> Mart:
    """A row for each account that somebody was assigned to or that had a countable touchpoint in the period."""
    keys = {(account, grain, period_start) for _, account, grain, period_start in facts.spine}
    for touch in facts.touches:
        for account in touch.accounts:
            for grain in GRAINS:
                keys.add((account, grain, touch.periods[grain]))
    mart: Mart = {}
    for account, grain, period_start in keys:
        covered = scope(facts, None, {account}, grain, period_start)
        sellers = set()
        for touch in covered.touches:
            sellers |= touch.sellers
        mart[account, grain, period_start] = {**measure(covered, facts, thresholds), "seller_count": len(sellers)}
    return mart


def seller_period(facts: Facts, thresholds: Thresholds) -> Mart:
    """Over the accounts that the seller has a row with in the period."""
    accounts: dict[tuple[str, str, date], set[str]] = {}
    for seller, account, grain, period_start in facts.spine:
        accounts.setdefault((seller, grain, period_start), set()).add(account)
    mart: Mart = {}
    for (seller, grain, period_start), theirs in accounts.items():
        covered = scope(facts, {seller}, theirs, grain, period_start, looks_back_anywhere=True)
        row = measure(covered, facts, thresholds)
        row["account_count"] = len(theirs)
        row["channels_used"] = row["seller_channels"]
        mart[seller, grain, period_start] = row
    return mart


def team_period(facts: Facts, thresholds: Thresholds) -> Mart:
    """Over the accounts that anybody of the team has a row with in the period; sellers without a team are in none."""
    accounts: dict[tuple[str, str, date], set[str]] = {}
    sellers: dict[tuple[str, str, date], set[str]] = {}
    for seller, account, grain, period_start in facts.spine:
        team = facts.teams.get(seller)
        if team is not None:
            accounts.setdefault((team, grain, period_start), set()).add(account)
            sellers.setdefault((team, grain, period_start), set()).add(seller)
    mart: Mart = {}
    for (team, grain, period_start), theirs in accounts.items():
        members = {seller for seller, its_team in facts.teams.items() if its_team == team}
        covered = scope(facts, members, theirs, grain, period_start, looks_back_anywhere=True)
        row = measure(covered, facts, thresholds)
        row["seller_count"] = len(sellers[team, grain, period_start])
        mart[team, grain, period_start] = row
    return mart


def response_time(facts: Facts, thresholds: Thresholds) -> Mart:
    """M8 (5.3) by the addressed seller and the channel of the question; what nobody was addressed in is in no row."""
    episodes: dict[tuple[str, str, str, date], list[Row]] = {}
    for episode in facts.episodes:
        if episode["seller_id"] is None:
            continue
        for grain in GRAINS:
            period_start = facts.calendar.period(grain, episode["asked_at"])
            key = (episode["seller_id"], episode["ask_channel"], grain, period_start)
            episodes.setdefault(key, []).append(episode)
    touches = {touch.row["touchpoint_id"]: touch for touch in facts.touches}
    mart: Mart = {}
    for key, theirs in episodes.items():
        asks = [touches[episode["ask_touchpoint_id"]] for episode in theirs]
        mart[key] = {
            "ask_count": len(theirs),
            "answered_count": sum(1 for episode in theirs if episode["answer_touchpoint_id"] is not None),
            **responses(theirs, thresholds),
            **trust(asks, asks),
        }
    return mart


QUALITY = (
    "touchpoints",
    "unresolved_account",
    "unresolved_person",
    "unclassified_buyer",
    "buyer_touchpoints",
    "late",
    "duplicates_dropped",
    "quarantined",
    "conflict",
    "scheduled_only",
    "ignored",
)


def data_quality(facts: Facts) -> Mart:
    """Semantics 5.9: touchpoints in the month of their time, records that became none in that of their arrival."""
    mart: Mart = {}

    def add(source: str, moment: datetime, column: str, n: int) -> None:
        if n:
            key = (source, facts.calendar.period("month", moment))
            mart.setdefault(key, dict.fromkeys(QUALITY, 0))[column] += n

    for touch in facts.touches:
        row = touch.row
        source = row["source"].split("/")[1]  # /email/m365/tenant-1
        is_buyer = row["is_countable"] and touch.is_buyer_evidence
        for column, holds in (
            ("touchpoints", True),
            ("unresolved_account", row["account_id"] is None and not row["is_internal"]),
            ("unresolved_person", touch.has_unknown_party),
            ("unclassified_buyer", is_buyer and touch.buying_job == "unclassified"),
            ("buyer_touchpoints", is_buyer),
            ("late", row["is_late"]),
            ("conflict", row["account_resolution"] == "conflict"),
            ("scheduled_only", row["status"] == "scheduled"),
        ):
            add(source, row["occurred_at"], column, 1 if holds else 0)
    for unit in facts.units.values():
        add(unit["source"], unit["landed_at"], "duplicates_dropped", unit["duplicate_count"])
    for record in facts.rejected:
        if record["outcome"] is None or record["outcome"] == "rejected":
            add(record["source"], record["first_rejected_at"], "quarantined", 1)
    for ignored in facts.ignored:
        add(ignored["source"], facts.units[ignored["unit_id"]]["landed_at"], "ignored", ignored["n"])
    return mart
