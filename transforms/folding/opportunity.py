"""Which deal a touchpoint belongs to (semantics 2.5): at most one, so that sums over deals stay true.

Decisions where the text is silent:

* The moment of closing still belongs to the deal. A closed deal without a date of closing takes nothing, since nobody
  knows when "after close" begins.
* An explicit link has to name a candidate: it chooses among deals but does not lift the limits in time.
* If several candidates have a group member among the participants, the search goes on among these alone; likewise for
  teams.
* A member counts from before ``valid_from`` (people are entered into a group after they wrote), but not after
  ``valid_to``; where several candidates have a member, those go first whose member was in the group already.
* A deal's team is its owner, and with it everybody of the owner's ``team_id``; the owner in person goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from transforms.crm.directory import Directory, ResolvedParty, is_valid
from transforms.crm.rows import GroupMember, Opportunity
from transforms.times import DAY

ATTACH_BEFORE_OPENING = 14 * DAY


class OpportunityVerdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The deal of one touchpoint and why."""

    opportunity_id: str | None
    resolution: str
    """explicit, group_member, team, only, ambiguous, none"""
    rule_id: str
    """O1 explicit, O2 group member, O3 team, O4 only, O5 ambiguous, O6 none."""
    candidates: tuple[str, ...] = ()
    """Sorted; all deals that the time allows."""


def choose_opportunity(
    directory: Directory,
    account_id: str | None,
    at: int,
    parties: Sequence[ResolvedParty],
    hint: str | None,
    attach_before: int = ATTACH_BEFORE_OPENING,
) -> OpportunityVerdict:
    """The deal of a touchpoint of ``account_id`` at ``at`` with these parties.

    ``hint`` is the opportunity id in the payload; ``attach_before`` how many microseconds before its opening a deal may
    take a touchpoint (``Journeys.opportunity_attach_days``).
    """
    if account_id is None:
        return _NONE
    deals = [deal for deal in directory.opportunities_of(account_id) if is_candidate(deal, at, attach_before)]
    if not deals:
        return _NONE
    candidates = tuple(sorted(deal.opportunity_id for deal in deals))
    if hint in candidates:
        return OpportunityVerdict(opportunity_id=hint, resolution="explicit", rule_id="O1", candidates=candidates)
    people = {party.person_id for party in parties if party.person_id is not None}
    for resolution, rule_id, fits in _choices(directory, at, people):
        fitting = [deal for deal in deals if fits(deal)]
        if len(fitting) == 1:
            chosen = fitting[0].opportunity_id
            return OpportunityVerdict(
                opportunity_id=chosen, resolution=resolution, rule_id=rule_id, candidates=candidates
            )
        deals = fitting or deals
    return OpportunityVerdict(opportunity_id=None, resolution="ambiguous", rule_id="O5", candidates=candidates)


_NONE = OpportunityVerdict(opportunity_id=None, resolution="none", rule_id="O6")


def _choices(
    directory: Directory, at: int, people: set[str]
) -> Iterator[tuple[str, str, Callable[[Opportunity], bool]]]:
    """(resolution, rule, whether a deal fits), in the order in which they choose; the first nearly always does."""

    def seats(deal: Opportunity) -> list[GroupMember]:
        return [one for one in directory.group_members(deal.opportunity_id) if one.person_id in people]

    yield "group_member", "O2", lambda deal: any(one.valid_to is None or at < one.valid_to for one in seats(deal))
    yield "group_member", "O2", lambda deal: any(is_valid(one, at) for one in seats(deal))
    yield "team", "O3", lambda deal: deal.owner_seller_id in people
    teams = {person.team_id for one in people if (person := directory.person(one)) and person.side == "seller"}
    teams.discard(None)

    def has_team(deal: Opportunity) -> bool:
        owner = directory.person(deal.owner_seller_id) if deal.owner_seller_id else None
        return owner is not None and owner.team_id in teams

    yield "team", "O3", has_team
    yield "only", "O4", lambda deal: True


def is_candidate(deal: Opportunity, at: int, attach_before: int) -> bool:
    """Open at ``at``, or opened within ``attach_before`` after it; never once it is closed."""
    if deal.opened_at > at + attach_before:
        return False
    if deal.closed_at is None:
        return deal.status == "open"
    return at <= deal.closed_at
