"""The stages that a deal was in, from its history in the CRM, or from its stage of today where there is none.

A stay lasts until the next stage is entered, the last one until the deal closes; what is entered at the close or later has no
end. CRMs write a row whenever anything of a deal changes (Salesforce's OpportunityHistory: amount, date, probability), so rows
that repeat the stage are one stay.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from transforms.crm.rows import Opportunity, StageChange
from transforms.times import DAY

__all__ = ["StageBook", "Stay", "stages_of_deals"]


class Stay(msgspec.Struct, gc=False):
    """``fact_stage_history``."""

    opportunity_id: str
    account_id: str
    stage_no: int
    stage: str
    entered_at: int
    left_at: int | None
    stage_days: float | None
    is_current: bool
    basis: str


class StageBook:
    """Which stage a deal was in at a moment; before the first that is known, that one. Build it with ``StageBook.of``."""

    def __init__(self, stays: dict[str, tuple[list[int], list[str]]]) -> None:
        self._stays = stays

    @staticmethod
    def of(deals: Iterable[Opportunity], changes: Iterable[StageChange]) -> StageBook:
        """Of deals without any change, the stage of today."""
        stays: dict[str, tuple[list[int], list[str]]] = {}
        for stay in stages_of_deals(deals, changes, as_of=0):
            entered, stages = stays.setdefault(stay.opportunity_id, ([], []))
            entered.append(stay.entered_at)
            stages.append(stay.stage)
        return StageBook(stays)

    def at(self, opportunity_id: str, moment: int) -> str | None:
        """None of a deal that tells no stage."""
        entered, stages = self._stays.get(opportunity_id, ([], []))
        return stages[max(0, bisect_right(entered, moment) - 1)] if stages else None


def stages_of_deals(deals: Iterable[Opportunity], changes: Iterable[StageChange], as_of: int) -> list[Stay]:
    """The stays of every deal, in order, whatever the order of ``changes``; those of other deals are left out.

    Times are microseconds. A deal without history has one stay, its stage of today since it was opened; without a stage
    either it has none. ``basis`` says which of this each row rests on (C6). Only stays that a deal is in depend on ``as_of``,
    and these only of open deals.
    """
    by_deal: dict[str, tuple[Opportunity, list[StageChange]]] = {deal.opportunity_id: (deal, []) for deal in deals}
    for change in changes:
        if change.opportunity_id in by_deal:
            by_deal[change.opportunity_id][1].append(change)
    found: list[Stay] = []
    for deal, mine in by_deal.values():
        entered = _entered(deal, sorted(mine, key=_entered_at))
        ends = [moment for moment, _, _ in entered[1:]]
        for number, (moment, stage, basis) in enumerate(entered, 1):
            is_current = number == len(entered)
            left_at = _left_at(deal, moment, None if is_current else ends[number - 1])
            end = as_of if is_current and deal.status == "open" else left_at
            found.append(
                Stay(
                    opportunity_id=deal.opportunity_id,
                    account_id=deal.account_id,
                    stage_no=number,
                    stage=stage,
                    entered_at=moment,
                    left_at=left_at,
                    stage_days=None if end is None or end < moment else (end - moment) / DAY,
                    is_current=is_current,
                    basis=basis,
                )
            )
    return found


def _entered(deal: Opportunity, changes: list[StageChange]) -> list[tuple[int, str, str]]:
    """(when, which stage, basis) of every stay."""
    if not changes:
        return [(deal.opened_at, deal.stage, "current_stage")] if deal.stage else []
    found: list[tuple[int, str, str]] = []
    first = changes[0]
    if first.from_stage and deal.opened_at < first.entered_at:
        found.append((deal.opened_at, first.from_stage, "from_stage"))
    for change in changes:
        if not found or found[-1][1] != change.stage:
            found.append((change.entered_at, change.stage, "history"))
    return found


def _entered_at(change: StageChange) -> int:
    return change.entered_at


def _left_at(deal: Opportunity, moment: int, next_at: int | None) -> int | None:
    """When a stay that began at ``moment`` ended; what is entered at the close or later is where deals end, and has no end itself."""
    if deal.closed_at is not None and deal.closed_at <= moment:
        return None
    return deal.closed_at if next_at is None else next_at
