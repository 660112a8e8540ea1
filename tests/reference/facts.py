"""What the marts are computed from: touchpoints with their people, wait episodes, follow-ups, assignments, and the spine of 5.1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from reference.periods import GRAINS, INSTANT, LIFETIME, Calendar, first_day, next_period
from warehouse.rows import Row, dicts

Pair = tuple[str, str, str, date]
"""Seller, account, grain and first day of a period."""


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    """Every row of a table by the names of its columns."""
    return dicts(connection, f'SELECT * FROM "{table}"')


@dataclass
class Touch:
    """A touchpoint, with what the definitions derive from its people."""

    row: Row
    parties: list[Row]
    accounts: list[str]
    """Where it counts; none, if it is not countable."""
    sellers: set[str]
    """Known people of ours whose touch it is."""
    is_seller_touch: bool
    """Somebody of ours made it, known or not."""
    day: date
    periods: dict[str, date]
    """First day of its period, by grain."""

    @property
    def channel(self) -> str:
        return self.row["channel"]

    @property
    def modality(self) -> str:
        return self.row["modality"]

    @property
    def direction(self) -> str:
        return self.row["direction"]

    @property
    def buying_job(self) -> str:
        return self.row["buying_job"]

    @property
    def is_buyer_evidence(self) -> bool:
        """Semantics 0, of a countable touchpoint."""
        return self.direction in ("inbound", "mutual", "self_serve")

    @property
    def has_unknown_party(self) -> bool:
        """Somebody from outside whom the directory does not know (5.9)."""
        unknown = [party for party in self.parties if party["person_id"] is None]
        return any(party["side"] not in ("seller", "system") for party in unknown)


def accounts_of(touch: Row, bridged: list[str]) -> list[str]:
    """What we held with two customers or sent to both counts in both; what a buyer wrote, in the author's account alone (section 8)."""
    if not touch["is_countable"]:
        return []
    if touch["direction"] in ("outbound", "mutual"):
        return bridged
    return [touch["account_id"]]


def takes_part(party: Row, touch: Row) -> bool:
    """Semantics 0: actor or attended, and a cc gives no credit. Whoever else wrote in a burst of ours is an attendee of it."""
    if party["participation_role"] == "actor" or party["attended"]:
        return True
    if party["party_id"] == touch["actor_party_id"]:
        return True
    return party["participation_role"] == "attendee" and touch["direction"] == "outbound"


class Facts:
    """The rows of a warehouse, read once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, calendar: Calendar) -> None:
        self.calendar = calendar
        self.episodes = rows(connection, "fact_response")
        self.followups = rows(connection, "fact_followup")
        self.memberships = rows(connection, "dim_buying_group_member")
        self.people = {row["person_id"]: row for row in rows(connection, "dim_person")}
        self.teams = {row["seller_id"]: row["team_id"] for row in rows(connection, "dim_seller")}
        self.account_of_deal = {row["opportunity_id"]: row["account_id"] for row in rows(connection, "dim_opportunity")}
        self.units = {row["unit_id"]: row for row in rows(connection, "ledger_unit")}
        self.rejected = rows(connection, "rejected_record")
        self.ignored = rows(connection, "ignored_record_count")
        self.assignments = self._assignments(connection)
        self.touches = self._touches(connection)
        self.spine = self._spine()

    def _assignments(self, connection: duckdb.DuckDBPyConnection) -> list[Row]:
        """Those of the directory, and the owner of each account that they name no owner of, who is so without start or end."""
        assignments = rows(connection, "dim_assignment")
        with_owner = {row["account_id"] for row in assignments if row["role"] == "owner"}
        for account in rows(connection, "dim_account"):
            if account["account_id"] not in with_owner and account["owner_seller_id"] is not None:
                assignments.append(
                    {
                        "account_id": account["account_id"],
                        "seller_id": account["owner_seller_id"],
                        "valid_from": None,
                        "valid_to": None,
                    }
                )
        return assignments

    def _touches(self, connection: duckdb.DuckDBPyConnection) -> list[Touch]:
        parties: dict[str, list[Row]] = {}
        for party in rows(connection, "fact_touchpoint_participant"):
            parties.setdefault(party["touchpoint_id"], []).append(party)
        bridged: dict[str, list[str]] = {}
        for bridge in rows(connection, "bridge_touchpoint_account"):
            bridged.setdefault(bridge["touchpoint_id"], []).append(bridge["account_id"])
        touches = []
        for row in rows(connection, "fact_touchpoint"):
            mine = parties.get(row["touchpoint_id"], [])
            ours = []
            if row["is_countable"] and row["direction"] in ("outbound", "mutual"):
                ours = [party for party in mine if party["side"] == "seller" and takes_part(party, row)]
            touches.append(
                Touch(
                    row=row,
                    parties=mine,
                    accounts=accounts_of(row, bridged.get(row["touchpoint_id"], [])),
                    sellers={party["person_id"] for party in ours if party["person_id"] is not None},
                    is_seller_touch=bool(ours),
                    day=self.calendar.day(row["occurred_at"]),
                    periods={grain: self.calendar.period(grain, row["occurred_at"]) for grain in GRAINS},
                )
            )
        return touches

    def _spine(self) -> set[Pair]:
        """Semantics 5.1: the seller was assigned on any day of the period up to the run's clock, or made a seller touch in it."""
        pairs: set[Pair] = set()
        for assignment in self.assignments:
            pairs |= self._assigned(assignment)
        for touch in self.touches:
            for seller in touch.sellers:
                for account in touch.accounts:
                    for grain in GRAINS:
                        pairs.add((seller, account, grain, touch.periods[grain]))
        return pairs

    def _assigned(self, assignment: Row) -> set[Pair]:
        """An assignment without a start holds in every period that the data reach (section 8)."""
        start, end, as_of = assignment["valid_from"], assignment["valid_to"], self.calendar.as_of
        if start is not None and start > as_of:
            return set()
        if start is not None and end is not None and end <= start:
            return set()
        from_day = self.calendar.day(start if start is not None else self._earliest())
        last_moment = as_of if end is None else min(end - INSTANT, as_of)
        to_day = self.calendar.day(last_moment)
        seller, account = assignment["seller_id"], assignment["account_id"]
        pairs: set[Pair] = {(seller, account, "lifetime", LIFETIME)}
        for grain in ("week", "month", "quarter"):
            period = first_day(grain, from_day)
            while period <= to_day:
                pairs.add((seller, account, grain, period))
                period = next_period(grain, period)
        return pairs

    def _earliest(self) -> datetime:
        """What the data reach back to: the first countable touchpoint or the first start of an assignment."""
        moments = [self.calendar.as_of]
        moments += [touch.row["occurred_at"] for touch in self.touches if touch.row["is_countable"]]
        moments += [row["valid_from"] for row in self.assignments if row["valid_from"] is not None]
        return min(moments)

    def is_member(self, account: str, person: str | None) -> bool:
        """Of the buying group of any deal of the account, at any time."""
        deals = [membership["opportunity_id"] for membership in self.memberships if membership["person_id"] == person]
        return any(self.account_of_deal.get(deal) == account for deal in deals)
