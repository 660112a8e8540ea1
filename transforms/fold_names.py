"""Who is who in one meeting, of whose reports some know somebody by less than others.

A webhook may tell a participant by the vendor's id alone, and the report of the same call by the id and an address. By the id alone
nobody is known whom the directory lists by address: our own host would be a stranger who met us.
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

    Nothing is added to an id that comes with the addresses of several people.
    """
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
    if not known:
        return resolve

    def resolved(event: Event, party: Party) -> ResolvedParty:
        names = dict.fromkeys((*party.ids, *(one for native in party.ids for one in known.get(native, ()))))
        if len(names) > len(party.ids):
            party = msgspec.structs.replace(party, ids=tuple(names))
        return resolve(event, party)

    return resolved
