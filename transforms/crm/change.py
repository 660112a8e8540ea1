"""What rows of another CRM export can make different: whose facts, which people, and what payloads name.

A row that is not as it was stands here as it was and as it is, whatever its column: what rests on rows can rest on any of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from transforms.crm.rows import Account, Assignment, Crm, GroupMember, Opportunity, Person, StageChange

_Row = TypeVar("_Row", bound=msgspec.Struct)


class CrmChange(msgspec.Struct, frozen=True):
    """Between two directories, the other way round too."""

    accounts: frozenset[str] = frozenset()
    """Whose own row, deals, stages, buying groups, owners or sellers are others."""
    people: frozenset[str] = frozenset()
    """Whose own row is another."""
    members: frozenset[str] = frozenset()
    """Who may belong to other accounts, or sit in other buying groups."""
    known: frozenset[str] = frozenset()
    """Accounts that are new, or gone: payloads that name them name an account, or none."""
    won_from: int | None = None
    """When the first deal was won that had not been, or no longer has, or was in another way: later ones are measured by it (M15)."""


def crm_change(
    before: Crm, now: Crm, stages_before: Iterable[StageChange] = (), stages_now: Iterable[StageChange] = ()
) -> CrmChange | None:
    """What lies between two directories. None where any figure may be another: an asset came or went, or a seller from a team, or all
    buying groups."""
    if (
        _unlike(before.assets, now.assets)
        or bool(before.buying_group) != bool(now.buying_group)
        or _teams(before) - _teams(now)
    ):
        return None
    accounts: list[Account] = _unlike(before.accounts, now.accounts)
    people: list[Person] = _unlike(before.people, now.people)
    deals: list[Opportunity] = _unlike(before.opportunities, now.opportunities)
    seats: list[GroupMember] = _unlike(before.buying_group, now.buying_group)
    assignments: list[Assignment] = _unlike(before.assignments, now.assignments)
    staged: list[StageChange] = _unlike(stages_before, stages_now)
    known = frozenset({one.account_id for one in before.accounts} ^ {one.account_id for one in now.accounts})
    persons = frozenset(one.person_id for one in people)
    every_deal = [*before.opportunities, *now.opportunities]
    every_seat = [*before.buying_group, *now.buying_group]
    accounts_of_deals: dict[str, set[str]] = defaultdict(set)
    for deal in every_deal:
        accounts_of_deals[deal.opportunity_id].add(deal.account_id)
    touched_deals = {one.opportunity_id for one in seats} | {one.opportunity_id for one in staged}
    of_sellers = [(one.owner_seller_id, one.account_id) for one in (*before.accounts, *now.accounts)]
    of_sellers += [(one.owner_seller_id, one.account_id) for one in every_deal]
    of_sellers += [(one.seller_id, one.account_id) for one in (*before.assignments, *now.assignments)]
    regrouped = {one.opportunity_id for one in deals} | {
        one.opportunity_id for one in every_deal if one.account_id in known
    }
    return CrmChange(
        accounts=frozenset(
            {one.account_id for one in accounts}
            | {one.account_id for one in deals}
            | {one.account_id for one in assignments}
            | {account for deal in touched_deals for account in accounts_of_deals[deal]}
            | {account for seller, account in of_sellers if seller in persons}
        ),
        people=persons,
        members=frozenset(
            {one.person_id for one in seats}
            | {one.person_id for one in every_seat if one.opportunity_id in regrouped}
            | {one.person_id for one in (*before.people, *now.people) if one.account_id in known}
        ),
        known=known,
        won_from=min(
            (one.closed_at for one in deals if one.status == "won" and one.closed_at is not None), default=None
        ),
    )


def _teams(crm: Crm) -> set[tuple[str, str]]:
    return {(one.person_id, one.team_id) for one in crm.people if one.side == "seller" and one.team_id is not None}


def _unlike(before: Iterable[_Row], now: Iterable[_Row]) -> list[_Row]:
    """Rows of one file that the other does not have, from both."""
    return list(set(before) ^ set(now))
