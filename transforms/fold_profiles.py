"""Who the users of an app are by what its identified events say of them (semantics 2.2), inside one folding group.

An identify call gives a user id and an address to one human; the pages after it carry the user id alone. As with the
profiles of other sources, an id that the directory does not know is whoever its profiles name: their person, else the
owner of their one address. Ids chain through unknown ones only, and one whose profiles name two persons stays unbound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from transforms.directory import Directory
from transforms.event import hash_id
from transforms.fold_common import components
from transforms.normal import ANONYMOUS
from transforms.person_index import conflict_row
from transforms.touchpoint import IdentityConflict, IdentityLink

Said = tuple[str, tuple[str, ...]]
"""A source, and identifiers that it gave to one user in one event."""


class ProfileBook:
    """A function of the set of what was said; anonymous ids are left to R5, which knows time."""

    def __init__(self, directory: Directory, said: Iterable[Said]) -> None:
        self.conflicts: list[IdentityConflict] = []
        self._persons: dict[tuple[str, str], str | None] = {}
        """Every unknown id that profiles name together with others; None if they name no person or several."""
        self._lent: dict[tuple[str, str], str] = {}
        self._roots: dict[tuple[str, str], str] = {}
        by_source: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for source, ids in said:
            named = tuple(one for one in ids if not one.startswith(ANONYMOUS))
            if len(named) > 1:
                by_source[source].add(named)
        for source, profiles in by_source.items():
            self._read(directory, source, sorted(profiles))

    def extended(self, source: str, ids: tuple[str, ...]) -> tuple[str, ...]:
        """The ids of a user, and after them those that the profiles lend."""
        lent = [self._lent[source, one] for one in ids if (source, one) in self._lent] if self._lent else []
        return tuple(dict.fromkeys((*ids, *lent))) if lent else ids

    def root(self, source: str, identifier: str) -> str:
        """One name for all ids of a user whom the directory does not know."""
        return self._roots.get((source, identifier), identifier)

    def links(self) -> Iterable[IdentityLink]:
        """Why an id that the directory does not know is that person."""
        for (source, identifier), person_id in self._persons.items():
            if person_id is None:
                continue
            yield IdentityLink(
                identifier_type=identifier.partition(":")[0],
                identifier_hash=hash_id(identifier),
                person_id=person_id,
                rule_id="R1" if identifier.startswith("external_id:") else "R3",
                evidence_source=source,
            )

    def _read(self, directory: Directory, source: str, profiles: list[tuple[str, ...]]) -> None:
        edges: list[tuple[str, str]] = []
        seeds: list[tuple[str, str | None, str | None, list[str]]] = []
        for named in profiles:
            match = directory.person_of(named)
            if match.conflict is not None:
                self.conflicts.append(match.conflict)
            unknown = [one for one in named if directory.person_of((one,)).person_id is None]
            if unknown:
                edges += [(unknown[0], one) for one in unknown]
                emails = [one for one in named if one.startswith("email:")]
                seeds.append((unknown[0], match.person_id, match.identifier, emails))
        roots = components((), edges)
        persons: dict[str, dict[str, str]] = defaultdict(dict)
        addresses: dict[str, set[str]] = defaultdict(set)
        for first, person_id, identifier, emails in seeds:
            root = roots[first]
            addresses[root].update(emails)
            if person_id is not None and identifier is not None:
                known = persons[root].get(person_id)
                persons[root][person_id] = identifier if known is None else min(known, identifier)
        for one, root in roots.items():
            found = persons[root]
            self._roots[source, one] = root
            self._persons[source, one] = next(iter(found)) if len(found) == 1 else None
            if len(found) == 1:
                self._lent[source, one] = next(iter(found.values()))
            elif found:
                detail = "its profiles name several persons, so it is bound to nobody"
                self.conflicts.append(conflict_row(one, "R6", None, None, detail))
            elif len(addresses[root]) == 1 and not one.startswith("email:"):
                self._lent[source, one] = min(addresses[root])
