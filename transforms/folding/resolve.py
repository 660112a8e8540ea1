"""Which account a touchpoint belongs to (semantics 2.4), and which accounts it touches (1.1).

Each buyer party has its own account: that of the person (A2), else the only one of its domain (A3). The touchpoint's
is the one in the payload (A1), else the one with the most attended buyer people. The thread may settle what stays open.

Decisions where the text is silent: a party that the source says was absent counts only if nobody was present. Of a
message only its authors took part: who reads along from another customer does not take a question away from the account
that asked it, and does not name the account of an author whose domain is of several. A4 is of each participant, a reader
too: others in the touchpoint settle it, else the thread does. It keeps the resolution ``domain``: the domain named the
candidates, the others only chose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from transforms.crm.directory import ResolvedParty


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
    settled: tuple[tuple[str, str], ...] = ()
    """(party_id, account) of those whose domain is of several, one of which has been settled on (A4)."""
    is_torn: bool = False
    """Somebody's domain is of several accounts, and none of them has been settled on."""

    @property
    def of_all(self) -> tuple[str, ...]:
        """Their ids; none if the touchpoint has no account."""
        return tuple(share.account_id for share in self.accounts) if self.account_id is not None else ()


_UNRESOLVED = AccountVerdict(account_id=None, resolution="unresolved", rule_id="A6")

Again = Callable[[int, Collection[str]], AccountVerdict]
"""Judges the touchpoint of a number anew, given the accounts of its thread."""


def resolve_account(
    parties: Sequence[ResolvedParty],
    hint: str | None,
    open_accounts: Collection[str] = (),
    threads: Sequence[Collection[str]] = (),
) -> AccountVerdict:
    """A1 to A4 for the parties of one touchpoint.

    ``hint`` is the account id in the payload; ``open_accounts`` are the accounts with an open opportunity at the time,
    which break a tie between accounts with as many people. ``threads`` holds the accounts of the touchpoint's thread,
    then those of the conversation around it: they settle what nobody in the touchpoint does.
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
    if not torn:
        return _judged(people, present, (), hint, open_accounts, by_person)
    named = frozenset(people)
    here = named if hint is None else named | {hint}
    settled, unsettled = [], []
    for party in torn:
        account = _settled(party, (here, *threads))
        if account is None:
            unsettled.append(party)
        else:
            people[account].add(party.party_id)
            settled.append((party.party_id, account))
    verdict = _judged(people, present, unsettled, hint, open_accounts, by_person)
    if verdict.rule_id == "A3" and verdict.account_id not in named:  # by the thread alone
        verdict = msgspec.structs.replace(verdict, rule_id="A4", candidates=_candidates(torn))
    return msgspec.structs.replace(verdict, settled=tuple(sorted(settled)), is_torn=bool(unsettled))


def inherit_thread(verdicts: Mapping[int, AccountVerdict], again: Again) -> dict[int, AccountVerdict]:
    """The verdicts of one thread by their numbers, with people of several accounts (A4) and gaps (A5) settled by the others."""
    known = {share.account_id for verdict in verdicts.values() for share in verdict.accounts}
    # adds no account to the known ones
    settled = {n: again(n, known) if verdict.is_torn else verdict for n, verdict in verdicts.items()}
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
    return {n: inherited if verdict.resolution == "unresolved" else verdict for n, verdict in settled.items()}


def settle_homes(parties: Sequence[ResolvedParty], verdict: AccountVerdict) -> list[ResolvedParty]:
    """A4: of the accounts of somebody's domain the one that was settled on is theirs here."""
    home = dict(verdict.settled)
    return [
        msgspec.structs.replace(one, domain_accounts=(home[one.party_id],))
        if one.party_id in home and one.account_id is None
        else one
        for one in parties
    ]


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


def _judged(
    people: dict[str, set[str]],
    present: Sequence[ResolvedParty],
    torn: Sequence[ResolvedParty],
    hint: str | None,
    open_accounts: Collection[str],
    by_person: Collection[str],
) -> AccountVerdict:
    """Of the people of each account, and those whose account nothing settles."""
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
    return _conflict(torn, {}) if torn else _UNRESOLVED


def _settled(party: ResolvedParty, circles: Iterable[Collection[str]]) -> str | None:
    """The one of the party's accounts that others belong to: the nearest others who belong to one of them."""
    for accounts in circles:
        fitting = [one for one in party.domain_accounts if one in accounts]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _conflict(torn: Iterable[ResolvedParty], readers: dict[str, set[str]]) -> AccountVerdict:
    return AccountVerdict(
        account_id=None, resolution="conflict", rule_id="A4", candidates=_candidates(torn), accounts=_shares(readers)
    )


def _candidates(torn: Iterable[ResolvedParty]) -> tuple[str, ...]:
    return tuple(sorted({one for party in torn for one in party.domain_accounts}))


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
