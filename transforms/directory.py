"""Who is who: the CRM directory as lookups (semantics 2.2, 2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from transforms.crm import Account, Assignment, Crm, GroupMember, Opportunity, Person
from transforms.event import Party
from transforms.settings import Identity
from transforms.touchpoint import IdentityConflict

_NOTHING_BOUND: Mapping[str, str] = MappingProxyType({})


class PersonMatch(msgspec.Struct, frozen=True):
    person_id: str | None
    rule_id: str
    identifier: str | None
    conflict: IdentityConflict | None = None


class ResolvedParty(msgspec.Struct, frozen=True):
    party_id: str
    person_id: str | None
    side: str
    rule_id: str
    identifier_type: str | None
    identifier_hash: str | None
    identifier: str | None
    account_id: str | None
    domain_accounts: tuple[str, ...]
    role: str
    is_executive: bool | None
    attended: bool | None = None
    conflict: IdentityConflict | None = None


class Directory:
    @staticmethod
    def build(crm: Crm, settings: Identity, bindings: Iterable[tuple[str, ...]] = ()) -> Directory:
        raise NotImplementedError

    def person_of(self, ids: tuple[str, ...], account_hint: str | None = None) -> PersonMatch:
        raise NotImplementedError

    def party(
        self, party: Party, bound: Mapping[str, str] = _NOTHING_BOUND, account_hint: str | None = None
    ) -> ResolvedParty:
        raise NotImplementedError

    def person(self, person_id: str) -> Person | None:
        raise NotImplementedError

    def account(self, account_id: str) -> Account | None:
        raise NotImplementedError

    def opportunity(self, opportunity_id: str) -> Opportunity | None:
        raise NotImplementedError

    def is_executive(self, person_id: str) -> bool | None:
        raise NotImplementedError

    def owner_of(self, account_id: str, at: int) -> str | None:
        raise NotImplementedError

    def sellers_of(self, account_id: str) -> list[Assignment]:
        raise NotImplementedError

    def opportunities_of(self, account_id: str) -> list[Opportunity]:
        raise NotImplementedError

    def roles_of(self, opportunity_id: str, person_id: str, at: int) -> list[str]:
        raise NotImplementedError

    def group_members(self, opportunity_id: str) -> list[GroupMember]:
        raise NotImplementedError
