"""Which account a touchpoint belongs to (semantics 2.4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from transforms.directory import ResolvedParty


class AccountShare(msgspec.Struct, frozen=True):
    account_id: str
    buyer_count: int


class AccountVerdict(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str | None
    resolution: str
    rule_id: str
    candidates: tuple[str, ...] = ()
    accounts: tuple[AccountShare, ...] = ()
    """Every account in the touchpoint, the primary first."""


def resolve_account(
    parties: Sequence[ResolvedParty], hint: str | None, open_accounts: Collection[str] = ()
) -> AccountVerdict:
    raise NotImplementedError


def inherit_thread(verdicts: list[AccountVerdict]) -> list[AccountVerdict]:
    raise NotImplementedError


def settle_sides(parties: Sequence[ResolvedParty], verdict: AccountVerdict) -> list[ResolvedParty]:
    raise NotImplementedError
