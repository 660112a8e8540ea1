"""Who is who in one meeting, of whose reports some know somebody by less than others.

A webhook may tell a participant by the vendor's id alone, and the report of the same call by the id and an address. By the id alone
nobody is known whom the directory lists by address: our own host would be a stranger who met us. And who joins as "iPhone" may have
typed a name by the time of leaving. A list of participants may say of somebody that they are ours where a webhook does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transforms.crm.directory import ResolvedParty
from transforms.crm.person_index import is_native
from transforms.event import Event, Party
from transforms.folding.common import Fact, Resolver


def by_all_names(facts: Sequence[Fact], resolve: Resolver) -> Resolver:
    """A resolver for the parties of these facts, which are of one meeting: whoever has a native id, or a stay in the call, has all that
    is told with it.

    Nothing is added to an id or a stay that comes with the addresses of several people. A guest without any id has the last name of
    the stay. Whom one report says to be ours is ours in all.
    """
    typed = _last_names(facts)
    told: dict[str, set[str]] = {}
    holders: dict[str, set[str]] = {}
    for fact in facts:
        event = fact.event
        stay = _stay(event)
        for party in event.parties:
            keys = [native for native in party.ids if is_native(native)]
            if stay is not None:
                keys.append(stay)
            if not keys or len(party.ids) + (stay is not None) < 2:
                continue
            addresses = tuple(one for one in party.ids if one.startswith("email:"))
            whose = resolve(event, msgspec.structs.replace(party, ids=addresses)).party_id if addresses else None
            for key in keys:
                told.setdefault(key, set()).update(party.ids)
                if whose is not None:
                    holders.setdefault(key, set()).add(whose)
    known = {key: sorted(ids) for key, ids in told.items() if len(holders.get(key, ())) < 2}
    if not known and not typed:
        return _with_sides(facts, resolve)

    def resolved(event: Event, party: Party) -> ResolvedParty:
        stay = _stay(event) if party in event.parties else None
        names = dict.fromkeys(party.ids)
        reached = [*names] if stay is None else [*names, stay]
        for key in reached:  # an id that a stay tells may itself come with others
            new = [one for one in known.get(key, ()) if one not in names]
            names.update(dict.fromkeys(new))
            reached.extend(new)
        if not names:
            name = None if stay is None else typed.get(stay)
            return resolve(event, party if name is None else msgspec.structs.replace(party, name=name))
        if len(names) > len(party.ids):
            party = msgspec.structs.replace(party, ids=tuple(names))
        return resolve(event, party)

    return _with_sides(facts, resolved)


def _stay(event: Event) -> str | None:
    """The stay in a call that a report tells of; what it is called holds in one occurrence alone."""
    if event.family != "attendance" or not event.native_session_id:
        return None
    return f"stay:{event.dedupe_key}/{event.native_session_id}"


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


def _last_names(facts: Sequence[Fact]) -> dict[str, str]:
    """What those without an id were called last, by stay."""
    said: dict[str, list[tuple[int, str]]] = {}
    for fact in facts:
        event = fact.event
        if (stay := _stay(event)) is not None:
            for party in event.parties:
                if not party.ids and party.name:
                    said.setdefault(stay, []).append((event.occurred_at, party.name))
    return {stay: max(names)[1] for stay, names in said.items()}
