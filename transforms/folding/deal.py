"""Deals of touchpoints, remembered: between two dates that matter to an account, the same people have the same deal."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from transforms.crm.directory import Directory, ResolvedParty
from transforms.folding.opportunity import OpportunityVerdict, choose_opportunity

MEMO_LIMIT = 50_000


class DealChooser:
    """``choose_opportunity`` (semantics 2.5) with a memory; one per worker."""

    def __init__(self, directory: Directory, attach_before: int) -> None:
        self._directory = directory
        self._attach_before = attach_before
        self._dates: dict[str, list[int]] = {}
        self._known: dict[tuple[object, ...], OpportunityVerdict] = {}

    def choose(
        self, account_id: str | None, at: int, parties: Sequence[ResolvedParty], hint: str | None
    ) -> OpportunityVerdict:
        """The deal of a touchpoint at ``at`` between these parties."""
        if account_id is None:
            return choose_opportunity(self._directory, None, at, parties, hint, self._attach_before)
        dates = self._dates.get(account_id)
        if dates is None:
            dates = self._dates[account_id] = self._turning_points(account_id)
        people = tuple([party.person_id for party in parties]) if dates else ()
        key = (account_id, bisect_right(dates, at), hint, *people)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MEMO_LIMIT:
                self._known.clear()
            known = choose_opportunity(self._directory, account_id, at, parties, hint, self._attach_before)
            self._known[key] = known
        return known

    def _turning_points(self, account_id: str) -> list[int]:
        """Moments from which on the choice may differ: a deal can take touchpoints, no longer can, a member leaves."""
        found: set[int] = set()
        for deal in self._directory.opportunities_of(account_id):
            found.add(deal.opened_at - self._attach_before)
            if deal.closed_at is not None:
                found.add(deal.closed_at + 1)  # the moment of closing still belongs to the deal
            for member in self._directory.group_members(deal.opportunity_id):
                found.update(moment for moment in (member.valid_from, member.valid_to) if moment is not None)
        return sorted(found)
