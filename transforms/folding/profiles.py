"""Who the users of an app are by what its identified events say of them (semantics 2.2), inside one folding group.

An identify call gives a user id and an address to one human; the pages after it carry the user id alone. As with the
profiles of other sources, a user id that the directory does not know is whoever its profiles name: their person, else the
owner of their one address. One whose profiles name two persons stays unbound, and an address is somebody's only by a user id
that the directory knows, and not beside a known address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from transforms.crm.directory import Directory, PersonMatch
from transforms.crm.person_index import Profiles, conflict_row, is_native
from transforms.event import hash_id
from transforms.folding.common import components
from transforms.normal import names_of
from transforms.touchpoint import IdentityConflict, IdentityLink

Said = tuple[str, tuple[str, ...]]
"""A source, and identifiers that it gave to one user in one event."""


class ProfileBook:
    """A function of the set of what was said; anonymous ids are left to R5, which knows time."""

    def __init__(self, directory: Directory, said: Iterable[Said]) -> None:
        self.conflicts: list[IdentityConflict] = []
        self._persons: dict[tuple[str, str], tuple[str, str]] = {}
        """Every unknown id that profiles give to a person: whom, and the rule."""
        self._lent: dict[tuple[str, str], str] = {}
        self._roots: dict[tuple[str, str], str] = {}
        by_source: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for source, ids in said:
            named = names_of(ids)
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
        for (source, identifier), (person_id, rule_id) in self._persons.items():
            yield IdentityLink(
                identifier_type=identifier.partition(":")[0],
                identifier_hash=hash_id(identifier),
                person_id=person_id,
                rule_id=rule_id,
                evidence_source=source,
            )

    def _read(self, directory: Directory, source: str, bindings: list[tuple[str, ...]]) -> None:
        def known(identifier: str) -> PersonMatch | None:
            match = directory.person_of((identifier,))
            return None if match.person_id is None else match

        book = Profiles(bindings, known)
        unknown = [[one for one in named if known(one) is None] for named in book.bindings]
        roots = components((), [(ids[0], one) for ids in unknown if ids for one in ids])
        self._roots.update({(source, one): root for one, root in roots.items()})
        self._lend_addresses(source, book, known)
        persons: dict[str, dict[str, str]] = defaultdict(dict)
        for named in book.bindings:
            match = directory.person_of(self.extended(source, named))
            if match.conflict is not None:
                self.conflicts.append(match.conflict)
            if match.person_id is not None and match.identifier is not None:
                for one in filter(is_native, named):
                    of_user = persons[book.user(one)]
                    of_user[match.person_id] = min(match.identifier, of_user.get(match.person_id, match.identifier))
        for one in book.natives:
            if known(one) is not None:
                continue
            found = persons[book.user(one)]
            if len(found) == 1:
                ((person_id, self._lent[source, one]),) = found.items()
                self._persons[source, one] = (person_id, "R1")
            elif found:
                self.conflicts.append(_torn(one))
            elif len(emails := book.emails(book.user(one))) == 1:
                (self._lent[source, one],) = emails

    def _lend_addresses(self, source: str, book: Profiles, known: Callable[[str], PersonMatch | None]) -> None:
        for address, users in book.addresses.items():
            if known(address) is not None or any(map(book.has_known_address, users)):
                continue
            listed = sorted((match.rule_id, user, match.person_id) for user in users if (match := known(user)))
            people = {person_id for *_, person_id in listed}
            if len(people) > 1:
                self.conflicts.append(_torn(address))
            elif listed:
                rule_id, self._lent[source, address], person_id = listed[0]
                if person_id is not None:
                    self._persons[source, address] = (person_id, rule_id)


def _torn(identifier: str) -> IdentityConflict:
    return conflict_row(identifier, "R6", None, None, "its profiles name several persons, so it is bound to nobody")
