"""Which account a touchpoint belongs to (semantics 2.4), and which accounts it touches (1.1).

Each buyer party has its own account: that of the person (A2), else the only one of its domain (A3). The touchpoint's
is the one in the payload (A1), else the one with the most attended buyer people. The thread may settle what stays open.

Decisions where the text is silent: a party that the source says was absent counts only if nobody was present. Of a
message only its authors took part: who reads along from another customer does not take a question away from the account
that asked it, and does not name the account of an author whose domain is of several. A4, when other participants settle
it, keeps the resolution ``domain``: the domain named the candidates, the others only chose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from transforms.directory import ResolvedParty


class AccountShare(msgspec.Struct, frozen=True, gc=False):
    """One account in a touchpoint, and how many of its people took part."""

    account_id: str
    buyer_count: int


class AccountVerdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The account of one touchpoint and why."""

    account_id: str | None
    resolution: str
    """explicit, person, domain, thread, conflict, unresolved"""
    rule_id: str
    """A1 to A6."""
    candidates: tuple[str, ...] = ()
    """Sorted accounts that were weighed; for ``conflict`` those that the domain maps to."""
    accounts: tuple[AccountShare, ...] = ()
    """Every account in the touchpoint, the primary first; of a ``conflict`` those of its readers, none of which is primary."""

    @property
    def of_all(self) -> tuple[str, ...]:
        """Their ids; none if the touchpoint has no account."""
        return tuple(share.account_id for share in self.accounts) if self.account_id is not None else ()


_UNRESOLVED = AccountVerdict(account_id=None, resolution="unresolved", rule_id="A6")


def resolve_account(
    parties: Sequence[ResolvedParty], hint: str | None, open_accounts: Collection[str] = ()
) -> AccountVerdict:
    """A1 to A4 for the parties of one touchpoint.

    ``hint`` is the account id in the payload; ``open_accounts`` are the accounts with an open opportunity at the time,
    which break a tie between accounts with as many people.
    """
    present = _present_buyers(parties)
    if not present and hint is None:
        return _UNRESOLVED
    people: dict[str, set[str]] = defaultdict(set)
    by_person: set[str] = set()
    torn: list[ResolvedParty] = []
    for party in present:
        if party.account_id is not None:
            people[party.account_id].add(party.party_id)
            by_person.add(party.account_id)
        elif len(party.domain_accounts) == 1:
            people[party.domain_accounts[0]].add(party.party_id)
        elif party.domain_accounts:
            torn.append(party)
    if torn:
        for party, account in _settle(torn, {*people} | ({hint} if hint is not None else set())):
            people[account].add(party.party_id)
    if hint is not None:
        return _verdict(hint, "explicit", "A1", people)
    if torn:
        authors = _authors(present)
        unsettled = [party for party in torn if party.party_id in authors]
        if unsettled and not any(authors & parties for parties in people.values()):
            return _conflict(unsettled, people)
    if people:
        primary = _primary(people, present, open_accounts)
        return _verdict(primary, *(("person", "A2") if primary in by_person else ("domain", "A3")), people)
    if torn:
        return _conflict(torn, {})
    return _UNRESOLVED


def inherit_thread(verdicts: list[AccountVerdict]) -> list[AccountVerdict]:
    """The verdicts of one thread, in their order, with conflicts (A4) and gaps (A5) settled by the others."""
    known = _known(verdicts)
    settled = [_from_candidates(verdict, known) for verdict in verdicts]  # adds no account to the known ones
    if len(known) != 1:
        return settled
    only = next(iter(known))
    inherited = AccountVerdict(
        account_id=only,
        resolution="thread",
        rule_id="A5",
        candidates=(only,),
        accounts=(AccountShare(only, 0),),
    )
    return [inherited if verdict.resolution == "unresolved" else verdict for verdict in settled]


def settle_sides(parties: Sequence[ResolvedParty], verdict: AccountVerdict) -> list[ResolvedParty]:
    """P5 once the account is known: whoever is still ``unknown`` in a touchpoint with an account is a buyer."""
    if verdict.account_id is None:
        return list(parties)
    return [msgspec.structs.replace(one, side="buyer") if one.side == "unknown" else one for one in parties]


def _present_buyers(parties: Sequence[ResolvedParty]) -> list[ResolvedParty]:
    """Buyer parties that count: those who attended, as far as known; for a message its author and recipients.

    Whoever's domain is that of several accounts is among them, and ``unknown`` until one of these is settled on.
    """
    buyers = [one for one in parties if one.side == "buyer" or (one.side == "unknown" and one.domain_accounts)]
    if len(buyers) < 2:
        return buyers
    seen = any(party.attended for party in buyers)
    present = [party for party in buyers if (party.attended if seen else party.attended is not False)]
    return present or buyers


def _primary(people: dict[str, set[str]], present: Iterable[ResolvedParty], open_accounts: Collection[str]) -> str:
    """The account of most of a message's buyer authors, else of most buyers; then one with an open deal, then the smallest id."""
    if len(people) == 1:
        return next(iter(people))
    authors = _authors(present)
    return min(people, key=lambda one: (-len(people[one] & authors), -len(people[one]), one not in open_accounts, one))


def _authors(present: Iterable[ResolvedParty]) -> set[str]:
    """Of a message, the buyers who wrote it."""
    return {party.party_id for party in present if party.role == "actor" and party.attended is None}


def _settle(torn: Iterable[ResolvedParty], known: set[str]) -> list[tuple[ResolvedParty, str]]:
    """Parties whose domain maps to several accounts, each with the only one of these that the touchpoint has."""
    found = []
    for party in torn:
        fitting = known.intersection(party.domain_accounts)
        if len(fitting) == 1:
            found.append((party, fitting.pop()))
    return found


def _conflict(torn: Iterable[ResolvedParty], readers: dict[str, set[str]]) -> AccountVerdict:
    candidates = sorted({one for party in torn for one in party.domain_accounts})
    return AccountVerdict(
        account_id=None, resolution="conflict", rule_id="A4", candidates=tuple(candidates), accounts=_shares(readers)
    )


def _shares(people: dict[str, set[str]]) -> tuple[AccountShare, ...]:
    """Accounts by how many took part, most first."""
    ordered = sorted(people, key=lambda one: (-len(people[one]), one))
    return tuple(AccountShare(one, len(people[one])) for one in ordered)


def _verdict(primary: str, resolution: str, rule_id: str, people: dict[str, set[str]]) -> AccountVerdict:
    if len(people) == 1 and primary in people:  # as nearly always: one account, and nothing to weigh
        share = AccountShare(primary, len(people[primary]))
        return AccountVerdict(
            account_id=primary, resolution=resolution, rule_id=rule_id, candidates=(primary,), accounts=(share,)
        )
    others = _shares({one: parties for one, parties in people.items() if one != primary})
    shares = (AccountShare(primary, len(people.get(primary, ()))), *others)
    return AccountVerdict(
        account_id=primary,
        resolution=resolution,
        rule_id=rule_id,
        candidates=tuple(sorted({primary, *people})),
        accounts=shares,
    )


def _known(verdicts: Iterable[AccountVerdict]) -> set[str]:
    return {share.account_id for verdict in verdicts for share in verdict.accounts}


def _from_candidates(verdict: AccountVerdict, known: set[str]) -> AccountVerdict:
    if verdict.resolution != "conflict":
        return verdict
    fitting = known.intersection(verdict.candidates)
    if len(fitting) != 1:
        return verdict
    only = fitting.pop()
    return AccountVerdict(
        account_id=only,
        resolution="domain",
        rule_id="A4",
        candidates=verdict.candidates,
        accounts=(AccountShare(only, 0), *verdict.accounts),
    )
