"""Enablement at the time of need (semantics 5.5, M14): what a buyer asked for, and whether and when it was sent.

A need belongs to the deal of its ask; an ask outside any deal belongs to the account, so that no ask is counted
twice. A share meets a need of the account, of its own deal, and, where the share itself is attached to no deal, of
every deal of the account.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from transforms.event import hash_id
from transforms.journey_rows import BUYER_EVIDENCE, Need
from transforms.journeys.business_time import BusinessCalendar
from transforms.journeys.reach import Participants, addressed_seller, is_answer
from transforms.settings import Coverage
from transforms.times import DAY, SECOND, micros
from transforms.touchpoint import Touchpoint

Viewed = Mapping[str, Sequence[tuple[str, int]]]
"""By touchpoint id: the asset types viewed or downloaded in it, each with the moment in microseconds."""
NOTHING_VIEWED: Viewed = MappingProxyType({})

CONSUMED_WITHIN = 30 * DAY
"""How long after its delivery a view or download still counts as consuming it."""


class _Wanted(msgspec.Struct):
    """A need that is being collected; positions are indexes in the account's ordered touchpoints."""

    opportunity_id: str | None
    asset_type: str
    first: Touchpoint
    delivered: int | None
    had_already: bool
    ask_count: int = 1


class _Shares:
    """Positions of our outbound shares by asset type and deal, ascending; a partner's are not ours."""

    def __init__(self, rows: Sequence[Touchpoint]) -> None:
        self._rows = rows
        self._all: dict[str, list[int]] = {}
        self._of_deal: dict[tuple[str, str | None], list[int]] = {}
        for position, touchpoint in enumerate(rows):
            if touchpoint.direction == "outbound" and is_answer(touchpoint):
                for asset_type in asset_types_of(touchpoint):
                    self._all.setdefault(asset_type, []).append(position)
                    self._of_deal.setdefault((asset_type, touchpoint.opportunity_id), []).append(position)

    def _lists(self, asset_type: str, opportunity_id: str | None) -> list[list[int]]:
        if opportunity_id is None:
            return [self._all.get(asset_type, [])]
        return [self._of_deal.get((asset_type, deal), []) for deal in (opportunity_id, None)]

    def last_before(self, position: int, asset_type: str, opportunity_id: str | None) -> int | None:
        found = [
            positions[index - 1]
            for positions in self._lists(asset_type, opportunity_id)
            if (index := bisect_left(positions, position))
        ]
        return max(found, default=None)

    def first_after(self, position: int, asset_type: str, opportunity_id: str | None) -> int | None:
        found = [
            positions[index]
            for positions in self._lists(asset_type, opportunity_id)
            if (index := bisect_right(positions, position)) < len(positions)
        ]
        return min(found, default=None)


def asset_types_of(touchpoint: Touchpoint) -> set[str]:
    """Every asset type shared or viewed in a touchpoint."""
    types = set(touchpoint.asset_types)
    if touchpoint.asset_type:
        types.add(touchpoint.asset_type)
    return types


def asked_for(touchpoint: Touchpoint, job_assets: Mapping[str, str], tag_assets: Mapping[str, str]) -> list[str]:
    """Asset types for which a countable touchpoint shows a need, sorted.

    A rule tag on any buyer evidence asks for the tag's asset. A question or a form that the buyer sent (among the
    pages of a session its tag tells of it) asks for the asset of its job, unless a tag says more precisely what it is
    about. An acknowledgement asks for nothing.
    """
    if touchpoint.is_ack or touchpoint.direction not in BUYER_EVIDENCE:
        return []
    by_tag = {tag_assets[tag] for tag in touchpoint.tags if tag in tag_assets}
    if by_tag:
        return sorted(by_tag)
    asks = touchpoint.is_question is True or "form_submit" in (touchpoint.interaction_kind, *touchpoint.tags)
    if asks and touchpoint.direction != "mutual" and touchpoint.buying_job in job_assets:
        return [job_assets[touchpoint.buying_job]]
    return []


def needs(
    rows: Sequence[Touchpoint],
    participants: Participants,
    calendar_of: Callable[[str | None], BusinessCalendar],
    settings: Coverage,
    job_assets: Mapping[str, str],
    tag_assets: Mapping[str, str],
    closed_at: Mapping[str, int],
    as_of: int,
    viewed: Viewed = NOTHING_VIEWED,
) -> list[Need]:
    """One row per need, in the order of first asks.

    ``rows`` are all countable touchpoints of one account, in order. ``closed_at`` has the closing time of deals that
    are won or lost. Asks of one deal and asset type merge until the asset is delivered. ``outcome``: ``already_had``
    if it was shared within the lookback before the ask (delivery time 0), ``on_time`` or ``late`` by the business
    days allowed, ``never`` if the deal closed without it, ``open`` while it is not yet due; overdue and still
    undelivered on an open deal it is ``late``, with no ``delivered_at``. ``viewed`` tells when in a touchpoint of several
    pages an asset was viewed; one that it does not know was viewed at its start.
    """
    shares = _Shares(rows)
    views = _views(rows, viewed)
    lookback = micros(settings.enablement_lookback_days, DAY)
    current: dict[tuple[str | None, str], _Wanted] = {}
    wanted: list[_Wanted] = []
    for position, touchpoint in enumerate(rows):
        for asset_type in asked_for(touchpoint, job_assets, tag_assets):
            deal = touchpoint.opportunity_id
            need = current.get((deal, asset_type))
            if need is not None and (need.delivered is None or need.delivered > position):
                need.ask_count += 1
                continue
            delivered = shares.last_before(position, asset_type, deal)
            had_already = delivered is not None and rows[delivered].occurred_at >= touchpoint.occurred_at - lookback
            if not had_already:
                delivered = shares.first_after(position, asset_type, deal)
                if delivered is not None and _closed_by(closed_at, deal, rows[delivered].occurred_at - 1) is not None:
                    delivered = None
            need = current[deal, asset_type] = _Wanted(deal, asset_type, touchpoint, delivered, had_already)
            wanted.append(need)
    return [_need(want, rows, participants, calendar_of, settings, closed_at, as_of, views) for want in wanted]


def _closed_by(closed_at: Mapping[str, int], deal: str | None, moment: int) -> int | None:
    """When the deal closed, if it had by ``moment``."""
    closed = closed_at.get(deal) if deal is not None else None
    return closed if closed is not None and closed <= moment else None


def _views(rows: Sequence[Touchpoint], viewed: Viewed) -> dict[str, list[int]]:
    """Times, ascending, at which the buyer viewed or downloaded each asset type on our property."""
    views: dict[str, list[int]] = {}
    for touchpoint in rows:
        if touchpoint.direction == "self_serve":
            at_start = [(asset_type, touchpoint.occurred_at) for asset_type in asset_types_of(touchpoint)]
            for asset_type, moment in viewed.get(touchpoint.touchpoint_id, at_start):
                views.setdefault(asset_type, []).append(moment)
    for moments in views.values():
        moments.sort()
    return views


def _consumed(times: Sequence[int], delivered_at: int, as_of: int) -> bool | None:
    """Viewed within the time allowed; None while that time still runs."""
    index = bisect_left(times, delivered_at)
    if index < len(times) and times[index] <= delivered_at + CONSUMED_WITHIN:
        return True
    return False if as_of > delivered_at + CONSUMED_WITHIN else None


def _need(
    want: _Wanted,
    rows: Sequence[Touchpoint],
    participants: Participants,
    calendar_of: Callable[[str | None], BusinessCalendar],
    settings: Coverage,
    closed_at: Mapping[str, int],
    as_of: int,
    views: Mapping[str, Sequence[int]],
) -> Need:
    first = want.first
    calendar = calendar_of(addressed_seller(first, participants))
    allowed = micros(settings.enablement_business_days * calendar.day_seconds, SECOND) / SECOND
    share = None if want.delivered is None else rows[want.delivered]
    taken = None if share is None else calendar.business_seconds(first.occurred_at, share.occurred_at)
    if want.had_already:
        outcome = "already_had"
    elif taken is not None:
        outcome = "on_time" if taken <= allowed else "late"
    elif _closed_by(closed_at, want.opportunity_id, as_of) is not None:
        outcome = "never"
    else:
        outcome = "late" if calendar.business_seconds(first.occurred_at, as_of) > allowed else "open"
    due_at = calendar.add_business_seconds(first.occurred_at, allowed)
    owner = f"opportunity:{want.opportunity_id}" if want.opportunity_id else f"account:{first.account_id}"
    return Need(
        need_id=hash_id(f"need:{owner}:{want.asset_type}:{first.touchpoint_id}"),
        account_id=first.account_id or "",
        opportunity_id=want.opportunity_id,
        buying_job=first.buying_job,
        needed_asset_type=want.asset_type,
        first_asked_at=first.occurred_at,
        ask_count=want.ask_count,
        delivered_at=share.occurred_at if share else None,
        delivery_business_seconds=taken,
        outcome=outcome,
        due_at=due_at,
        overdue_at=calendar.resumes_at(due_at),
        asked_touchpoint_id=first.touchpoint_id,
        delivered_touchpoint_id=share.touchpoint_id if share else None,
        consumed=_consumed(views.get(want.asset_type, ()), share.occurred_at, as_of) if share else None,
        calendar_id=calendar.calendar_id,
    )
