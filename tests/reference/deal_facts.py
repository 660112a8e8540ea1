"""What the references of deals read: rows of facts and dimensions as plain objects, and the terms of sections 0 and 1 about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from reference.scope import share
from transforms.settings import Settings
from warehouse.rows import dicts

Row = SimpleNamespace
"""A row of a table; its columns are attributes."""
DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Deal(SimpleNamespace):
    """A row of ``dim_opportunity`` as it stood at as_of.

    ``status`` is open before the close, whatever the CRM knows by now (``crm_status``). ``seen_until`` is the close of a closed deal
    and as_of of an open one: nothing later counts. It is None where nobody knows when the deal was closed, and then nothing counts.
    """

    def has_seen(self, moment: datetime) -> bool:
        return self.seen_until is not None and moment <= self.seen_until


def is_buyer_evidence(touchpoint: Row) -> bool:
    """Section 0: the buyer wrote, came or looked."""
    return touchpoint.is_countable and touchpoint.direction in ("inbound", "mutual", "self_serve")


def is_seller_touch(touchpoint: Row) -> bool:
    """Section 0: our people wrote or came; what a partner sends is not ours."""
    if touchpoint.direction == "outbound":
        return touchpoint.is_countable and touchpoint.actor_side != "partner"
    return touchpoint.is_countable and touchpoint.direction == "mutual"


def is_human_message(touchpoint: Row) -> bool:
    """M9: emails and chats that somebody wrote, theirs and ours."""
    if not touchpoint.is_countable or touchpoint.is_automated or touchpoint.channel not in ("email", "chat"):
        return False
    return touchpoint.direction == "inbound" or (touchpoint.direction == "outbound" and is_seller_touch(touchpoint))


def is_plan_update(touchpoint: Row) -> bool:
    """Section 1.2: somebody changed a mutual action plan."""
    return touchpoint.interaction_kind == "plan_update" or "plan_update" in (touchpoint.tags or [])


def is_cocreation(touchpoint: Row) -> bool:
    """Section 5.7: a workshop, or a plan edited by the buyer."""
    return touchpoint.interaction_kind == "workshop" or (
        is_plan_update(touchpoint) and touchpoint.actor_side == "buyer"
    )


def dialogue_ratio(touchpoints: Iterable[Row]) -> float | None:
    """M9: the fewer of theirs and ours by the more; NULL without any."""
    messages = [t for t in touchpoints if is_human_message(t)]
    theirs = len([t for t in messages if t.direction == "inbound"])
    ours = len(messages) - theirs
    return min(theirs, ours) / max(theirs, ours) if messages else None


def put_trust(row: dict[str, Any], touchpoints: Iterable[Row]) -> None:
    """Section 5.9: the shares of the row's own inputs that nobody is known by, and that no job was found for."""
    touchpoints = list(touchpoints)
    unknown = [
        t
        for t in touchpoints
        if any(p.person_id is None and p.side not in ("seller", "system") for p in t.participants)
    ]
    evidence = [t for t in touchpoints if is_buyer_evidence(t)]
    unclassified = [t for t in evidence if t.buying_job == "unclassified"]
    row |= share("unresolved_share", len(unknown), len(touchpoints))
    row |= share("unclassified_share", len(unclassified), len(evidence))


def days_between(start: datetime, end: datetime) -> float:
    return (end - start) / DAY


class DealFacts:
    """The tables of a warehouse that the references read, under the settings that it was derived with."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> None:
        self.connection, self.settings, self.as_of = connection, settings, as_of
        self.zone = ZoneInfo(settings.coverage.reporting_timezone)
        self.touchpoints = {t.touchpoint_id: t for t in self.rows("fact_touchpoint")}
        self._join_touchpoints()
        self.accounts = {a.account_id: a for a in self.rows("dim_account")}
        self.home_of_person = {p.person_id: p.account_id for p in self.rows("dim_person")}
        self.deals = [self._deal(o) for o in self.rows("dim_opportunity")]
        self.deal_of = {deal.opportunity_id: deal for deal in self.deals}
        self._join_groups()
        self.needs = self.rows("fact_enablement_need")
        self.responses = self.rows("fact_response")
        self.followups = self.rows("fact_followup")
        self.steps = self.rows("fact_internal_step")
        self.visits = self._by_deal("fact_visit", "visit_no")
        self.loops = self._by_deal("fact_loop", "to_visit_no")

    def rows(self, table: str) -> list[Row]:
        return [Row(**row) for row in dicts(self.connection, f'SELECT * FROM "{table}"')]

    def _join_touchpoints(self) -> None:
        """Each touchpoint with its participants, its accounts, the asset types it shared and the events that tell of it."""
        for touchpoint in self.touchpoints.values():
            touchpoint.participants, touchpoint.shares, touchpoint.events = [], [], []
            touchpoint.accounts = set()
        for participant in self.rows("fact_touchpoint_participant"):
            self.touchpoints[participant.touchpoint_id].participants.append(participant)
        for bridge in self.rows("bridge_touchpoint_account"):
            self.touchpoints[bridge.touchpoint_id].accounts.add(bridge.account_id)
        for asset in self.rows("fact_asset_event"):
            if asset.action == "share":
                self.touchpoints[asset.touchpoint_id].shares.append(asset)
        events = {event.event_id: event for event in self.rows("fact_event")}
        for witness in self.rows("bridge_touchpoint_event"):
            self.touchpoints[witness.touchpoint_id].events.append(events[witness.event_id])
        self.in_order = sorted(
            (t for t in self.touchpoints.values() if t.is_countable),
            key=lambda t: (t.occurred_at, t.sequence or "", t.touchpoint_id),
        )

    def _deal(self, opportunity: Row) -> Deal:
        """Section 8: as of a time before its close a deal is open."""
        deal = Deal(**vars(opportunity), crm_status=opportunity.status)
        if deal.closed_at is not None and deal.closed_at > self.as_of:
            deal.status = "open"
        deal.is_closed = deal.status in ("won", "lost")
        deal.seen_until = deal.closed_at if deal.is_closed else self.as_of
        deal.touchpoints = [t for t in self.in_order if t.opportunity_id == deal.opportunity_id]
        return deal

    def _join_groups(self) -> None:
        self.group_of_deal: dict[str, list[Row]] = defaultdict(list)
        self.group_of_account: dict[str, set[str]] = defaultdict(set)
        for member in self.rows("dim_buying_group_member"):
            self.group_of_deal[member.opportunity_id].append(member)
            self.group_of_account[self.deal_of[member.opportunity_id].account_id].add(member.person_id)

    def _by_deal(self, table: str, order: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(self.rows(table), key=lambda row: getattr(row, order)):
            if row.journey_scope == "opportunity":
                found[row.opportunity_id].append(row)
        return found

    def touchpoints_of_account(self, account_id: str) -> list[Row]:
        """Section 8: what a buyer wrote belongs to the author's account alone, all else to each of a touchpoint's accounts."""
        return [
            t
            for t in self.in_order
            if account_id in t.accounts and (t.direction != "inbound" or t.account_id == account_id)
        ]

    def seen_by(self, deal: Deal, until: datetime | None) -> list[Row]:
        """A deal's touchpoints that had begun by then; what still lasted then ends there."""
        if until is None:
            return []
        return [
            Row(**{**vars(t), "ended_at": min(t.ended_at, until)}) for t in deal.touchpoints if t.occurred_at <= until
        ]

    def is_own(self, participant: Row, account_id: str, group: set[str]) -> bool:
        """Whether somebody in a touchpoint of several customers is one of this one's: by home, or by the buying group."""
        home = self.home_of_person.get(participant.person_id) or participant.home_account_id
        return home in (account_id, None) or participant.person_id in group

    def engaged(self, touchpoint: Row, account_id: str, group: set[str]) -> list[Row]:
        """Section 0: the buyer's people who acted or came; in a meeting of several customers, this one's."""
        is_shared = touchpoint.direction == "mutual" and len(touchpoint.accounts) > 1
        return [
            p
            for p in touchpoint.participants
            if p.side == "buyer" and p.is_engaged and (not is_shared or self.is_own(p, account_id, group))
        ]

    def group_ever(self, deal: Deal) -> set[str]:
        return {member.person_id for member in self.group_of_deal[deal.opportunity_id]}

    def engaged_in_deal(self, deal: Deal, touchpoint: Row) -> list[Row]:
        return self.engaged(touchpoint, deal.account_id, self.group_ever(deal))

    def group_at_end(self, deal: Deal) -> list[Row]:
        """M10, M10r: roles in force at the end; at a close also those that end or begin with it."""

        def holds(member: Row) -> bool:
            if deal.seen_until is None or (member.valid_from is not None and member.valid_from > deal.seen_until):
                return False
            if member.valid_to is None or member.valid_to > deal.seen_until:
                return True
            return deal.is_closed and member.valid_to == deal.seen_until

        return [member for member in self.group_of_deal[deal.opportunity_id] if holds(member)]

    def deliveries(self, touchpoints: Iterable[Row]) -> list[Row]:
        """M14: what our people shared."""
        return [s for t in touchpoints if t.direction == "outbound" and is_seller_touch(t) for s in t.shares]

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def business_deadline(self, moment: datetime, count: int) -> datetime:
        """Section 5.6: so many business days later at the same time of day; a closed day begins with the next open one."""
        hours = self.settings.business_hours

        def is_open(day: date) -> bool:
            return WEEKDAYS[day.weekday()] in hours.days and day.isoformat() not in hours.holidays

        local = moment.astimezone(self.zone).replace(tzinfo=None)
        while not is_open(local.date()):
            local = datetime(local.year, local.month, local.day) + DAY
        while count > 0:
            local += DAY
            if is_open(local.date()):
                count -= 1
        return local.replace(tzinfo=self.zone).astimezone(UTC)
