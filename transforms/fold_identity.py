"""Who a party is inside one folding group: the directory's word, and what the group's own events bind (R5)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

import msgspec

from transforms.directory import Directory, ResolvedParty
from transforms.event import Event, Party, hash_id
from transforms.fold_common import Fact
from transforms.fold_profiles import ANONYMOUS, ProfileBook, Said
from transforms.linking import is_app_identity
from transforms.touchpoint import IdentityConflict, IdentityLink

BINDING_FAMILIES = ("app", "identity")
BOUND_FAMILIES = ("app", "chat")
"""Whose anonymous visitors a binding names: live chats know them by the id that the app gave them."""


class Binding(msgspec.Struct, frozen=True, order=True, gc=False):
    """From ``at`` on, an anonymous id was used by ``target``."""

    at: int
    target: str
    """The person's id, else the best identifier of somebody whom the directory does not know."""
    person_id: str | None
    ids: tuple[str, ...]


class PartyBook:
    """Resolves the parties of one group's events; calls are remembered, for groups repeat few people many times."""

    def __init__(self, directory: Directory, facts: Sequence[Fact]) -> None:
        self._directory = directory
        self._known: dict[tuple[Party, str | None, str | None], ResolvedParty] = {}
        # of conversations, emails and meetings nothing is bound, and most groups hold nothing else
        binding = [fact for fact in facts if fact.event.family in BINDING_FAMILIES]
        said = _said(binding)
        self._profiles = ProfileBook(directory, said)
        self._timelines = _timelines(directory, self._profiles, said)
        self._is_said = bool(said)
        self._hints = _account_hints(directory, binding) if binding else {}
        self._by_base: list[tuple[Party, str | None]] = []
        """Parties matched by an email's base address, with the account hint that came with them."""
        self._conflicts = {one.conflict_id: one for one in self._profiles.conflicts}

    def __call__(self, event: Event, party: Party) -> ResolvedParty:
        """The party as of the event's time, in the event's source."""
        binding = None
        if self._is_said and event.family in BOUND_FAMILIES:
            ids = self._profiles.extended(event.source, party.ids)
            if ids is not party.ids:
                party = msgspec.structs.replace(party, ids=ids)
            binding = self._binding(event, party)
            if binding is not None:
                party = _bound_party(party, binding)
        key = (party, event.account_hint, binding.target if binding is not None else None)
        known = self._known.get(key)
        return self._resolve(key, binding) if known is None else known

    @property
    def is_steady(self) -> bool:
        """Whether a party of this group is the same person at all times: no anonymous id has changed hands."""
        return all(len(timeline) == 1 for timeline in self._timelines.values())

    def account_hint(self, source: str, ids: Iterable[str], at: int) -> str | None:
        """The account that a group call gave one of these ids: the only one ever, else the latest until ``at``."""
        if not self._hints:
            return None
        said = sorted(pair for one in set(ids) for pair in self._hints.get((source, one), ()))
        if len({account for _, account in said}) == 1:
            return said[0][1]
        earlier = [account for when, account in said if when <= at]
        return earlier[-1] if earlier else None

    def links(self) -> list[IdentityLink]:
        """Links that only this group shows; R5: one per stretch of time in which an anonymous id was one person's."""
        found = {*self._base_links(), *self._profiles.links()}
        if not self._timelines and not found:
            return []
        for (source, anonymous), timeline in self._timelines.items():
            is_shared = len(timeline) > 1
            for index, binding in enumerate(timeline):
                if binding.person_id is None:
                    continue
                following = timeline[index + 1].at if index + 1 < len(timeline) else None
                found.add(
                    IdentityLink(
                        identifier_type="anonymous_id",
                        identifier_hash=hash_id(anonymous),
                        person_id=binding.person_id,
                        rule_id="R5",
                        valid_from=binding.at if is_shared else None,
                        valid_to=following,
                        evidence_source=source,
                    )
                )
        return sorted(found, key=lambda link: (link.identifier_type, link.identifier_hash, link.valid_from or 0))

    def _base_links(self) -> Iterator[IdentityLink]:
        """Matches that the directory's own list of links does not hold (an email by its base address)."""
        for party, account_hint in self._by_base:
            link = self._directory.link_of(self._directory.person_of(party.ids, account_hint))
            if link is not None:
                yield link

    def conflicts(self) -> list[IdentityConflict]:
        """What two rules disagreed about for these parties, each once."""
        return [self._conflicts[key] for key in sorted(self._conflicts)]

    def _resolve(self, key: tuple[Party, str | None, str | None], binding: Binding | None) -> ResolvedParty:
        party, account_hint, _ = key
        bound: dict[str, str] = {}
        if binding is not None and binding.person_id is not None:
            bound = {one: binding.person_id for one in party.ids if one.startswith(ANONYMOUS)}
        known = self._known[key] = self._directory.party(party, bound, account_hint)
        if known.rule_id == "R3":
            self._by_base.append((party, account_hint))
        if known.conflict is not None:
            self._conflicts[known.conflict.conflict_id] = known.conflict
        return known

    def _binding(self, event: Event, party: Party) -> Binding | None:
        for one in party.ids:
            timeline = self._timelines.get((event.source, one))
            if timeline:
                if len(timeline) == 1:
                    return timeline[0]
                index = bisect_right(timeline, event.occurred_at, key=lambda binding: binding.at)
                return timeline[index - 1] if index else None
        return None


def _bound_party(party: Party, binding: Binding) -> Party:
    """An anonymous party bound to somebody whom the directory does not know goes by that one's identifiers."""
    if binding.person_id is not None or any(not one.startswith(ANONYMOUS) for one in party.ids):
        return party
    return msgspec.structs.replace(party, ids=binding.ids + party.ids)


def _said(facts: Sequence[Fact]) -> dict[Said, list[int]]:
    """What app events and app identities say of one user at a time: (source, identifiers) to when."""
    found: dict[Said, list[int]] = {}
    for fact in facts:
        event = fact.event
        if event.family == "app" or is_app_identity(event):
            for party in event.parties:
                if len(party.ids) > 1:
                    pair = (event.source, party.ids)
                    if pair in found:
                        found[pair].append(event.occurred_at)
                    else:
                        found[pair] = [event.occurred_at]
    return found


def _timelines(
    directory: Directory, profiles: ProfileBook, said: Mapping[Said, list[int]]
) -> dict[tuple[str, str], list[Binding]]:
    """(source, anonymous id) to its bindings in order of time; a single one holds at all times."""
    found: dict[tuple[str, str], list[tuple[list[int], _User]]] = {}
    for (source, ids), moments in said.items():
        user = _user_of(directory, profiles, source, ids)
        if user is not None:
            for one in user.anonymous:
                found.setdefault((source, one), []).append((moments, user))
    return {key: _stretches(bound) for key, bound in found.items()}


class _User(msgspec.Struct, frozen=True, gc=False):
    """Whom a set of identifiers that holds anonymous ones and others leads to."""

    anonymous: tuple[str, ...]
    named: tuple[str, ...]
    person_id: str | None
    target: str


def _user_of(directory: Directory, profiles: ProfileBook, source: str, ids: tuple[str, ...]) -> _User | None:
    """The user, if some ids are anonymous and some are not."""
    anonymous = tuple(one for one in ids if one.startswith(ANONYMOUS))
    named = tuple(one for one in ids if not one.startswith(ANONYMOUS))
    if not anonymous or not named:
        return None
    person_id = directory.person_of(extended := profiles.extended(source, named)).person_id
    return _User(anonymous, extended, person_id, person_id or profiles.root(source, named[0]))


def _stretches(said: list[tuple[list[int], _User]]) -> list[Binding]:
    """What was said of one anonymous id, in order of time and without the repetitions of who is bound already."""
    if len({user.target for _, user in said}) == 1:  # as nearly always: what was said first holds
        said = [([min(moments)], user) for moments, user in said]
    each = [(at, user.target, user.named, user.person_id) for moments, user in said for at in moments]
    kept: list[Binding] = []
    for at, target, named, person_id in sorted(each, key=itemgetter(0, 1, 2)):
        if not kept or kept[-1].target != target:
            kept.append(Binding(at, target, person_id, named))
    return kept


def _account_hints(directory: Directory, facts: Sequence[Fact]) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """(source, identifier) to (time, account id), as group calls say; what is no account of the directory hides none that is."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for fact in facts:
        event = fact.event
        if event.family == "identity" and event.account_hint and directory.account(event.account_hint) is not None:
            for party in event.parties:
                for one in party.ids:
                    found.setdefault((event.source, one), []).append((event.occurred_at, event.account_hint))
    return found
