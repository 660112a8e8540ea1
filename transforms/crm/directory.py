"""Who is who, and who has what: the CRM directory as look-ups (semantics 2.2, 2.3).

A ``Directory`` is built once for a run, is never changed afterwards and can be pickled to workers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from transforms.crm.freemail import is_nobodys
from transforms.crm.person_index import PersonIndex, PersonMatch, is_native
from transforms.crm.rows import Account, Assignment, Crm, GroupMember, Opportunity, Person
from transforms.crm.titles import TitleLevels
from transforms.event import Party, hash_id
from transforms.normal import (
    ACCOUNT,
    ANONYMOUS,
    email_base,
    is_machine,
    machine_pattern,
    of_any_system,
    registrable_domain,
)
from transforms.settings import Identity
from transforms.touchpoint import IdentityConflict, IdentityLink

__all__ = ["Directory", "Elsewhere", "PersonMatch", "ResolvedParty"]

_NOTHING_BOUND: Mapping[str, str] = MappingProxyType({})
_MEMO_LIMIT = 40_000
"""Parties remembered by one worker; then it starts afresh, so that memory does not follow the input."""

_Row = TypeVar("_Row", bound=msgspec.Struct)


class ResolvedParty(msgspec.Struct, frozen=True, gc=False):
    """One participant with everything that the directory says of it."""

    party_id: str
    """The person's id, else ``u:`` and the hash of ``identifier``."""
    person_id: str | None
    side: str
    """buyer, seller, partner, system, unknown"""
    rule_id: str
    """R1 to R6: why this person."""
    identifier_type: str | None
    identifier_hash: str | None
    identifier: str | None
    """The identifier that decided, or that names the provisional party; None for a party without ids and name."""
    account_id: str | None
    """The person's CRM account (A2)."""
    domain_accounts: tuple[str, ...]
    """Accounts that the party's domain maps to (A3: one, A4: several), sorted; none for free and disposable mail."""
    role: str
    is_executive: bool | None
    attended: bool | None = None
    conflict: IdentityConflict | None = None


class Elsewhere(msgspec.Struct, frozen=True):
    """By what events may name somebody who is somebody else in another directory, or has another account there."""

    identifiers: frozenset[str] = frozenset()
    """Hashes. An email stands for all that are written with it as their base address too, an anonymous id of any system for those of each."""
    domains: frozenset[str] = frozenset()
    """Registrable domains of other accounts than before."""

    def __bool__(self) -> bool:
        return bool(self.identifiers or self.domains)

    def concerns(self, ids: tuple[str, ...]) -> bool:
        """Whether one of a party's identifiers, or what it stands for (``PersonIndex.hit``), is among them."""
        emails = [one for one in ids if one.startswith("email:")]
        meant = {*ids, *(f"email:{email_base(one[6:])}" for one in emails)}
        meant.update(of_any_system(one) for one in ids if one.startswith(ANONYMOUS))
        return not self.identifiers.isdisjoint(map(hash_id, meant)) or _is_at(emails, self.domains)


class Directory:
    """Build it with ``Directory.build``."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._machines = machine_pattern(identity.system_localparts)
        self._likely_machines = machine_pattern(identity.system_localparts, identity.likely_system_localparts)
        self._recorders = _normal_domains(identity.system_domains)
        self._recorder_names = [re.compile(pattern, re.IGNORECASE) for pattern in identity.system_names]
        self._executive = TitleLevels(identity.executive_titles)
        self._ours = _normal_domains(identity.company_domains)
        self._partners = _normal_domains(identity.partner_domains)
        self._free = _normal_domains(identity.free_mail_domains)
        self._accounts: dict[str, Account] = {}
        self._persons: dict[str, Person] = {}
        self._domains: dict[str, tuple[str, ...]] = {}
        self._deals: dict[str, tuple[Opportunity, ...]] = {}
        self._members: dict[str, tuple[GroupMember, ...]] = {}
        self._roles: dict[tuple[str, str], list[GroupMember]] = defaultdict(list)
        """Of each (deal, person)."""
        self._owners: dict[str, tuple[Assignment, ...]] = {}
        """Of each account, the one that counts first coming first."""
        self._index = PersonIndex()
        self._profile_accounts: dict[str, str] = {}
        """Native ids to the one account that their profiles have ever named."""
        self._matches: dict[Any, PersonMatch] = {}
        self._parties: dict[Any, ResolvedParty] = {}
        self._people: dict[Any, ResolvedParty] = {}

    @staticmethod
    def build(crm: Crm, settings: Identity, bindings: Iterable[tuple[str, ...]] = ()) -> Directory:
        """The directory of ``crm``, whatever the order of its rows.

        ``bindings`` are groups of prefixed ids that a source's own user profiles give to one human
        (``external_id:slack:U1`` with ``email:ann@example.com``), with the account that the profile names (``account:A1``).
        """
        made = Directory(settings)
        made._accounts = _unique(crm.accounts, lambda row: row.account_id)
        made._persons = _unique(crm.people, lambda row: row.person_id)
        made._domains = made._domain_map()
        made._deals = _grouped(
            _unique(crm.opportunities, lambda row: row.opportunity_id).values(),
            lambda row: row.account_id,
            lambda row: (row.opened_at, row.opportunity_id),
        )
        made._members = _grouped(
            crm.buying_group, lambda row: row.opportunity_id, lambda row: (row.person_id, row.buyer_role, *_span(row))
        )
        for row in crm.buying_group:
            made._roles[(row.opportunity_id, row.person_id)].append(row)
        made._owners = _grouped(
            (row for row in crm.assignments if row.role == "owner"),
            lambda row: row.account_id,
            lambda row: (-(row.valid_from or 0), row.seller_id),
        )
        bindings = list(bindings)
        made._index = PersonIndex.build(crm, made._persons, made._one_account_of, bindings)
        made._profile_accounts = made._accounts_of_profiles(bindings)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_matches": {}, "_parties": {}, "_people": {}}

    # who

    def person_of(self, ids: tuple[str, ...], account_hint: str | None = None) -> PersonMatch:
        """R1 to R4 over the identifiers of one party; R6 where nobody is known by them.

        ``account_hint``, the account in the payload (A1), chooses where several contacts share an email.
        """
        hint = account_hint if account_hint is not None and self._index.is_shared(ids) else None
        key = (ids, hint)
        found = self._matches.get(key)
        if found is None:
            found = _remember(self._matches, key, self._index.match(ids, hint))
        return found

    def party(
        self, party: Party, bound: Mapping[str, str] = _NOTHING_BOUND, account_hint: str | None = None
    ) -> ResolvedParty:
        """The party resolved. ``bound`` maps anonymous ids to the person that they belong to at the time (R5)."""
        ids = party.ids
        hint = account_hint if account_hint is not None and self._index.is_shared(ids) else None
        key = (ids, party.side, party.role, party.attended, None if ids else party.name, hint)
        found = self._parties.get(key)
        if found is None:
            found = _remember(self._parties, key, self._in_role(party, key[1], key[4], hint))
        if bound and found.person_id is None:
            for one in ids:
                if one in bound:
                    return self._bound(party, key, one, bound[one])
        return found

    def person(self, person_id: str) -> Person | None:
        return self._persons.get(person_id)

    def account(self, account_id: str) -> Account | None:
        return self._accounts.get(account_id)

    def known_account(self, hint: str | None) -> str | None:
        """The account that a payload names (A1), if it is one of ours: a number of somebody else's CRM names none, and hides none that is."""
        return hint if hint in self._accounts else None

    def profile_account(self, parties: Iterable[Party]) -> str | None:
        """The account that the sources' profiles of these users name (A1), if it is one of ours and the only one."""
        if not self._profile_accounts:
            return None
        told = {self._profile_accounts[one] for party in parties for one in party.ids if one in self._profile_accounts}
        return told.pop() if len(told) == 1 else None

    def is_executive(self, person_id: str) -> bool | None:
        """As the directory says, else by the title; None where neither is known."""
        person = self._persons.get(person_id)
        if person is None:
            return None
        if person.is_executive is not None or person.title is None:
            return person.is_executive
        return person.title in self._executive

    # who has what

    def owner_of(self, account_id: str, at: int) -> str | None:
        """The owner assigned at that moment (the latest to begin, then the smallest id), else that of accounts.csv."""
        for row in self._owners.get(account_id, ()):
            if is_valid(row, at):
                return row.seller_id
        account = self._accounts.get(account_id)
        return account.owner_seller_id if account else None

    def opportunities_of(self, account_id: str) -> list[Opportunity]:
        """All its deals by opening, closed ones too."""
        return list(self._deals.get(account_id, ()))

    def roles_of(self, opportunity_id: str, person_id: str, at: int) -> list[str]:
        """The person's buyer roles in the deal at that moment, sorted."""
        rows = self._roles.get((opportunity_id, person_id))
        return sorted({row.buyer_role for row in rows if is_valid(row, at)}) if rows else []

    def group_members(self, opportunity_id: str) -> list[GroupMember]:
        """All members of the buying group, ended ones too."""
        return list(self._members.get(opportunity_id, ()))

    def names_of(self, person_id: str) -> list[str]:
        """All identifiers by which this person is known, and nobody else."""
        return self._index.names_of(person_id)

    def is_shared(self, identifier: str) -> bool:
        """Whether several people are listed with this email."""
        return self._index.is_shared((identifier,))

    # why

    def several_names(self) -> dict[str, set[str]]:
        """Who is known by several identifiers, and by which (``PersonIndex.several_names``)."""
        return self._index.several_names()

    def links(self) -> Iterator[IdentityLink]:
        """Every identifier that the directory knows, with the rule and the file that give it to its person."""
        return self._index.links()

    def link_of(self, match: PersonMatch) -> IdentityLink | None:
        """The link that a match rests on where ``links`` does not list it (an email by its base address)."""
        return self._index.link_of(match)

    def conflicts(self) -> list[IdentityConflict]:
        """What the directory's rows and the sources' profiles disagree about, by identifier; each once."""
        return sorted(
            self._index.told().values(), key=lambda one: (one.identifier_type, one.identifier_hash, one.conflict_id)
        )

    def domain_accounts(self, emails: Iterable[str]) -> tuple[str, ...]:
        """Accounts that the registrable domains of these ``email:`` ids map to, sorted; none for free mail."""
        found: set[str] = set()
        for one in emails:
            host = one.rpartition("@")[2]
            domain = registrable_domain(host)
            if domain in self._domains and not is_nobodys(host, domain, self._free):
                found.update(self._domains[domain])
        return tuple(sorted(found))

    def differing(self, other: Directory, people: Collection[str] = ()) -> Elsewhere:
        """What leads elsewhere than in another directory, or for another reason. ``people``: whose rows are not the same in both."""
        mine, theirs = self._profile_accounts, other._profile_accounts
        moved = {one for one in mine.keys() | theirs.keys() if mine.get(one) != theirs.get(one)}
        of_mine, of_theirs = self._domains, other._domains
        domains = {one for one in of_mine.keys() | of_theirs.keys() if of_mine.get(one) != of_theirs.get(one)}
        for directory in (self, other):
            at_home = {p.person_id for p in directory._persons.values() if _is_at(p.emails, domains)}
            moved.update(directory._index.leading_to({*people, *at_home}))
            moved.update(one for one, emails in directory._index.with_addresses() if _is_at(emails, domains))
        hashes = self._index.differing(other._index) | frozenset(map(hash_id, moved))
        return Elsewhere(hashes, frozenset(domains))

    # inside

    def _one_account_of(self, email: str) -> str | None:
        accounts = self.domain_accounts((email,))
        return accounts[0] if len(accounts) == 1 else None

    def _accounts_of_profiles(self, bindings: Iterable[tuple[str, ...]]) -> dict[str, str]:
        """What is no account of ours hides none that is; profiles carry no history, so of several accounts none is told."""
        told: dict[str, set[str]] = defaultdict(set)
        for ids in bindings:
            accounts = [one for one in ids if one.startswith(ACCOUNT)]
            for account in filter(None, (self.known_account(one.removeprefix(ACCOUNT)) for one in accounts)):
                for native in filter(is_native, ids):
                    told[native].add(account)
        return {native: min(accounts) for native, accounts in told.items() if len(accounts) == 1}

    def _domain_map(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = defaultdict(set)
        for account in self._accounts.values():
            for raw in account.domains:
                domain = registrable_domain(raw)
                if domain is not None:
                    found[domain].add(account.account_id)
        return {domain: tuple(sorted(accounts)) for domain, accounts in found.items()}

    def _bound(self, party: Party, key: tuple[Any, ...], identifier: str, person_id: str) -> ResolvedParty:
        key = (*key, identifier, person_id)
        found = self._parties.get(key)
        if found is None:
            found = _remember(self._parties, key, self._resolved(party, PersonMatch(person_id, "R5", identifier)))
        return found

    def _in_role(self, party: Party, side: str | None, name: str | None, hint: str | None) -> ResolvedParty:
        """The party resolved; people turn up in many roles, so who they are is worked out once for all of these."""
        key = (party.ids, side, name, hint)
        found = self._people.get(key)
        if found is None:
            found = _remember(self._people, key, self._resolved(party, self.person_of(party.ids, hint)))
        if found.role == party.role and found.attended is party.attended:
            return found
        return msgspec.structs.replace(found, role=party.role, attended=party.attended)

    def _resolved(self, party: Party, match: PersonMatch) -> ResolvedParty:
        person = self._persons.get(match.person_id) if match.person_id is not None else None
        identifier = match.identifier
        if identifier is None and party.name and party.name.strip():
            identifier = "name:" + " ".join(party.name.lower().split())
        hashed = hash_id(identifier) if identifier is not None else None
        own = self._index.emails_of(party.ids)
        emails = own or (person.emails if person is not None else ())
        domain_accounts = self.domain_accounts(emails)
        account_id = person.account_id if person is not None else None
        has_account = account_id is not None or len(domain_accounts) == 1
        is_program = self._is_machine(person, own) or (
            person is None and not domain_accounts and self._is_recorder(party, emails)
        )
        return ResolvedParty(
            party_id=match.person_id or f"u:{hashed or hash_id('name:')}",
            person_id=match.person_id,
            side=self._side(person, emails, party.side, has_account, is_program),
            rule_id=match.rule_id,
            identifier_type=identifier.partition(":")[0] if identifier is not None else None,
            identifier_hash=hashed,
            identifier=identifier,
            account_id=account_id,
            domain_accounts=domain_accounts,
            role=party.role,
            is_executive=self.is_executive(match.person_id) if match.person_id is not None else None,
            attended=party.attended,
            conflict=match.conflict,
        )

    def _is_machine(self, person: Person | None, emails: tuple[str, ...]) -> bool:
        """Whether it writes from an address that no human has (P4); of a listed person's own name an address says less than the list."""
        machines = self._likely_machines if person is None else self._machines
        return any(is_machine(one, machines) for one in emails)

    def _is_recorder(self, party: Party, emails: tuple[str, ...]) -> bool:
        """A program that writes down what is said (P4): by its vendor's address, or by the name that it joined with."""
        if any(registrable_domain(one.rpartition("@")[2]) in self._recorders for one in emails):
            return True
        name = party.name if not party.ids else None
        return name is not None and any(pattern.search(name) for pattern in self._recorder_names)

    def _side(
        self, person: Person | None, emails: tuple[str, ...], stated: str | None, has_account: bool, is_program: bool
    ) -> str:
        """P1 to P5; what the directory says of a buyer or partner counts before what a source says. ``is_program``: P4 holds.

        A machine that writes by a colleague's account or from our domain is still the machine that its source calls it
        (semantics 1.4).
        """
        ours = "system" if stated == "system" else "seller"
        if person is not None and person.side == "seller":
            return ours
        domains = {registrable_domain(one.rpartition("@")[2]) for one in emails}
        if not domains.isdisjoint(self._ours):
            return ours
        if not domains.isdisjoint(self._partners) or (person is not None and person.side == "partner"):
            return "partner"
        if is_program:
            return "system"
        if person is not None:
            return person.side
        if stated is not None and stated != "unknown":
            return stated
        return "buyer" if has_account else "unknown"


def _is_at(emails: Iterable[str], domains: Collection[str]) -> bool:
    return bool(domains) and any(registrable_domain(one.rpartition("@")[2]) in domains for one in emails)


def _normal_domains(domains: Iterable[str]) -> frozenset[str]:
    return frozenset(registrable_domain(one) or one.strip().lower() for one in domains)


def _span(row: GroupMember | Assignment) -> tuple[int, int]:
    return row.valid_from or 0, row.valid_to or 0


def is_valid(row: GroupMember | Assignment, at: int) -> bool:
    """Whether a membership or an ownership holds at a moment; its end no longer counts."""
    return (row.valid_from is None or row.valid_from <= at) and (row.valid_to is None or at < row.valid_to)


def _unique(rows: Iterable[_Row], key: Callable[[_Row], str]) -> dict[str, _Row]:
    """Rows by key, in its order. Where two files disagree, the smaller row in JSON stays, whichever came first."""
    found: dict[str, _Row] = {}
    for row in sorted(rows, key=lambda one: (key(one), msgspec.json.encode(one))):
        found.setdefault(key(row), row)
    return found


def _grouped(
    rows: Iterable[_Row], key: Callable[[_Row], str], order: Callable[[_Row], Any]
) -> dict[str, tuple[_Row, ...]]:
    """Rows by key, each group in order and without repeats."""
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in sorted(set(rows), key=lambda one: (order(one), msgspec.json.encode(one))):
        found[key(row)].append(row)
    return {one: tuple(group) for one, group in found.items()}


_Value = TypeVar("_Value")


def _remember(memo: dict[Any, _Value], key: Any, value: _Value) -> _Value:
    if len(memo) >= _MEMO_LIMIT:
        memo.clear()
    memo[key] = value
    return value
