"""Who is who in one meeting, of whose reports some know somebody by less than others.

A webhook may tell a participant by the vendor's id alone, and the report of the same call by the id and an address. By the id alone
nobody is known whom the directory lists by address: our own host would be a stranger who met us. And who joins as "iPhone" may have
typed a name by the time of leaving. A list of participants may say of somebody that they are ours where a webhook does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transforms.directory import ResolvedParty
from transforms.event import Event, Party
from transforms.fold_common import Fact, Resolver
from transforms.person_index import is_native


def by_all_names(facts: Sequence[Fact], resolve: Resolver) -> Resolver:
    """A resolver for the parties of these facts, which are of one meeting: whoever has a native id has all that is told with it.

    Nothing is added to an id that comes with the addresses of several people. A guest without any id has the last name of the stay.
    Whom one report says to be ours is ours in all.
    """
    resolve = _with_sides(facts, resolve)
    typed = _last_names(facts)
    told: dict[str, set[str]] = {}
    holders: dict[str, set[str]] = {}
    for fact in facts:
        event = fact.event
        for party in event.parties:
            if len(party.ids) < 2:
                continue
            addresses = tuple(one for one in party.ids if one.startswith("email:"))
            for native in party.ids:
                if is_native(native):
                    told.setdefault(native, set()).update(party.ids)
                    if addresses:
                        whose = resolve(event, msgspec.structs.replace(party, ids=addresses)).party_id
                        holders.setdefault(native, set()).add(whose)
    known = {native: sorted(ids) for native, ids in told.items() if len(holders.get(native, ())) < 2}
    if not known and not typed:
        return resolve

    def resolved(event: Event, party: Party) -> ResolvedParty:
        if not party.ids:
            name = typed.get((event.source, event.native_session_id))
            return resolve(event, party if name is None else msgspec.structs.replace(party, name=name))
        names = dict.fromkeys((*party.ids, *(one for native in party.ids for one in known.get(native, ()))))
        if len(names) > len(party.ids):
            party = msgspec.structs.replace(party, ids=tuple(names))
        return resolve(event, party)

    return resolved


def _with_sides(facts: Sequence[Fact], resolve: Resolver) -> Resolver:
    stated = [(fact.event, party) for fact in facts for party in fact.event.parties if party.side == "seller"]
    ours = {found.party_id for event, party in stated if (found := resolve(event, party)).side == "seller"}
    if not ours:
        return resolve

    def resolved(event: Event, party: Party) -> ResolvedParty:
        found = resolve(event, party)
        if found.side == "seller" or found.party_id not in ours:
            return found
        return msgspec.structs.replace(found, side="seller")

    return resolved


def _last_names(facts: Sequence[Fact]) -> dict[tuple[str, str | None], str]:
    """What those without an id were called last, by source and stay."""
    said: dict[tuple[str, str | None], list[tuple[int, str]]] = {}
    for fact in facts:
        event = fact.event
        if event.family == "attendance" and event.native_session_id:
            for party in event.parties:
                if not party.ids and party.name:
                    said.setdefault((event.source, event.native_session_id), []).append((event.occurred_at, party.name))
    return {stay: max(names)[1] for stay, names in said.items()}
