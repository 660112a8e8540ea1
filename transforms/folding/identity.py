"""Who a party is inside one folding group: the directory's word, and what the group's own events bind (R5)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

import msgspec

from transforms.crm.directory import Directory, ResolvedParty
from transforms.crm.person_index import conflict_row
from transforms.event import Event, Party, hash_id
from transforms.folding.common import Fact
from transforms.folding.linking import is_app_identity, visitors
from transforms.folding.profiles import ProfileBook, Said
from transforms.normal import ANONYMOUS, names_of
from transforms.touchpoint import IdentityConflict, IdentityLink

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
        said = _said(facts)
        self._profiles = ProfileBook(directory, said)
        self._timelines = _timelines(directory, self._profiles, said)
        self._is_said = bool(said)
        self._hints = self._account_hints(facts)
        self._unlisted: list[tuple[Party, str | None]] = []
        """Parties whose match the directory's own list of links may not hold, with the account hint that came with them."""
        self._conflicts = {one.conflict_id: one for one in self._profiles.conflicts}
        self._outranked = self._outranked_timelines()

    def __call__(self, event: Event, party: Party) -> ResolvedParty:
        """The party as of the event's time, in the event's source."""
        binding = None
        if self._is_said and event.family in BOUND_FAMILIES:
            ids = self._profiles.extended(event.source, party.ids)
            if ids is not party.ids:
                party = msgspec.structs.replace(party, ids=ids)
            binding = self._binding(event.source, party.ids, event.occurred_at)
            if binding is not None:
                party = _bound_party(party, binding)
        key = (party, event.account_hint, binding.target if binding is not None else None)
        known = self._known.get(key)
        return self._resolve(key, binding) if known is None else known

    @property
    def is_steady(self) -> bool:
        """Whether a party of this group is the same person at all times: no anonymous id has changed hands."""
        return all(len(timeline) == 1 for timeline in self._timelines.values())

    def user_id(self, event: Event, party: Party) -> str | None:
        """The id that an app's stranger goes by in this event, or is bound to by the device's; None of a device that is nobody's."""
        named = names_of(party.ids)
        if named:
            return named[0]
        binding = self._binding(event.source, party.ids, event.occurred_at)
        return binding.ids[0] if binding is not None else None

    def account_hint(self, events: Sequence[Event], at: int) -> str | None:
        """The account that group calls gave the users of these events: the only one ever, else the latest until ``at``."""
        if not self._hints:
            return None
        users = {(e.source, self._user(e.source, p.ids, e.occurred_at)) for e in events for p in e.parties if p.ids}
        said = sorted(pair for user in users for pair in self._hints.get(user, ()))
        if len({account for _, account in said}) == 1:
            return said[0][1]
        earlier = [account for when, account in said if when <= at]
        return earlier[-1] if earlier else None

    def links(self) -> list[IdentityLink]:
        """Links that only this group shows; R5: one per stretch of time in which an anonymous id was one person's."""
        found = {*self._unlisted_links(), *self._profiles.links()}
        if not self._timelines and not found:
            return []
        for (source, anonymous), timeline in self._timelines.items():
            if (source, anonymous) in self._outranked:
                continue
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

    def _outranked_timelines(self) -> frozenset[tuple[str, str]]:
        """Bindings of no use, because an alias has the anonymous id (R3 before R5); whom else they name is told as a conflict."""
        found = set()
        for (source, anonymous), timeline in self._timelines.items():
            known = self._directory.person_of((anonymous,))
            if known.person_id is None:
                continue
            found.add((source, anonymous))
            others = {binding.person_id for binding in timeline if binding.person_id not in (None, known.person_id)}
            for other in others:
                detail = f"{known.rule_id} names another person than R5; the first hit wins"
                conflict = conflict_row(anonymous, known.rule_id, known.person_id, other, detail)
                self._conflicts[conflict.conflict_id] = conflict
        return frozenset(found)

    def _unlisted_links(self) -> Iterator[IdentityLink]:
        for party, account_hint in self._unlisted:
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
        if known.rule_id == "R3" or known.conflict is not None:
            self._unlisted.append((party, account_hint))
        if known.conflict is not None:
            self._conflicts[known.conflict.conflict_id] = known.conflict
        return known

    def _binding(self, source: str, ids: Iterable[str], at: int) -> Binding | None:
        for one in ids:
            timeline = self._timelines.get((source, one))
            if timeline:
                if len(timeline) == 1:
                    return timeline[0]
                index = bisect_right(timeline, at, key=lambda binding: binding.at)
                return timeline[index - 1] if index else None
        return None

    def _user(self, source: str, ids: tuple[str, ...], at: int) -> str:
        """One name for whoever has these ids at the time: a person, else a user whom the directory does not know, else a device."""
        named = names_of(ids)
        person_id = self._directory.person_of(self._profiles.extended(source, named) if named else ids).person_id
        if person_id is not None:
            return person_id
        if named:
            return self._profiles.root(source, named[0])
        binding = self._binding(source, ids, at)
        return ids[0] if binding is None else binding.target

    def _account_hints(self, facts: Sequence[Fact]) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """(source, user) to (time, account id), as group calls say: of whoever had the id then, and not of who shares a device with them.
        What is no account of the directory hides none that is."""
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for fact in facts:
            event = fact.event
            if event.family != "identity":
                continue
            account_id = self._directory.known_account(event.account_hint)
            if account_id is not None:
                for party in event.parties:
                    if party.ids:
                        user = self._user(event.source, party.ids, event.occurred_at)
                        found.setdefault((event.source, user), []).append((event.occurred_at, account_id))
        return found


def _bound_party(party: Party, binding: Binding) -> Party:
    """An anonymous party bound to somebody whom the directory does not know goes by that one's identifiers."""
    if binding.person_id is not None or names_of(party.ids):
        return party
    return msgspec.structs.replace(party, ids=binding.ids + party.ids)


def _said(facts: Sequence[Fact]) -> dict[Said, list[int]]:
    """What app events, app identities and live chats say of one user at a time: (source, identifiers) to when."""
    found: dict[Said, list[int]] = {}
    for fact in facts:
        event = fact.event
        if event.family == "app" or is_app_identity(event):
            users = event.parties
        elif event.family == "chat":
            users = visitors(event.parties)
        else:
            continue  # of emails and meetings nothing is bound
        for party in users:
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
    named = names_of(ids)
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
