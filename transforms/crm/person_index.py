"""Identifiers to persons (semantics 2.2, R1 to R4, and 2.6): the index that is built once from the CRM directory.

Everything here is a function of the *set* of rows: where rows compete, the choice is by rule, then by the older id.
Identifiers are prefixed normal forms as in ``event.Party.ids``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import msgspec

from transforms.crm.rows import Crm, Person
from transforms.event import hash_id
from transforms.normal import ANONYMOUS, CRM, crm_id, email_base, names_of, of_any_system, older_first, phone_id
from transforms.touchpoint import IdentityConflict, IdentityLink


class PersonMatch(msgspec.Struct, frozen=True, gc=False):
    """Who an identifier, or several of one party, leads to."""

    person_id: str | None
    rule_id: str
    """R1 to R4; R6 where nobody is known by any of them (R5 is decided in folding)."""
    identifier: str | None
    """The identifier that decided; for R6 the one that the provisional party is named after."""
    conflict: IdentityConflict | None = None


class _Hit(msgspec.Struct, frozen=True, gc=False):
    person_id: str
    rule_id: str
    evidence: str
    """Where the link stands: a file of the directory, or ``profile``."""
    is_lent: bool = False
    """An address that a profile gives to the native id which ``rule_id`` knows: what is listed itself goes before it."""

    @property
    def rank(self) -> str:
        return "R3" if self.is_lent else self.rule_id


_BEST_FIRST = {"email": 0, "phone": 1, "external_id": 2, "anonymous_id": 3}
"""Which identifier names a provisional party: the one that other systems are likeliest to know too."""


class PersonIndex:
    """Look-ups of one identifier (``hit``) and of a party's identifiers (``match``); made by ``PersonIndex.build``."""

    def __init__(self) -> None:
        self.persons: dict[str, Person] = {}
        self.conflicts: dict[str, IdentityConflict] = {}
        self.disagreements: dict[str, IdentityConflict] = {}
        """By conflict_id: profiles that give one human the identifiers of two persons."""
        self._hits: dict[str, _Hit] = {}
        self._rivals: dict[str, tuple[str, ...]] = {}
        """Emails that several contacts have: the payload's account may choose among them."""
        self._emails: dict[str, tuple[str, ...]] = {}
        """Identifiers that nobody is known by to the emails that a profile of the same human names."""
        self._mailboxes: dict[str, _Hit] = {}
        """Base addresses of listed emails that are written with dots which Gmail does not read, where one person has them."""

    @staticmethod
    def build(
        crm: Crm,
        persons: Mapping[str, Person],
        account_of: Callable[[str], str | None],
        bindings: Iterable[tuple[str, ...]],
    ) -> PersonIndex:
        """``account_of`` gives the account of an email's domain if it is one (A3); a binding is one profile's ids."""
        index = PersonIndex()
        index.persons = dict(persons)
        countries = {account.account_id: account.country for account in crm.accounts}
        index._add_external_ids()
        index._add_emails(account_of)
        index._add_aliases(crm, countries)
        index._add_phones(countries)
        index._add_mailboxes()
        index._add_bindings(bindings)
        index._add_mailboxes()  # of addresses that profiles lend, too
        return index

    def _add_mailboxes(self) -> None:
        found: dict[str, dict[str, _Hit]] = {}
        for identifier, hit in sorted(self._hits.items()):
            if identifier.startswith("email:") and "+" not in identifier:
                base = "email:" + email_base(identifier[6:])
                if base != identifier:
                    found.setdefault(base, {})[hit.person_id] = hit
        self._mailboxes = {base: next(iter(hits.values())) for base, hits in found.items() if len(hits) == 1}

    def hit(self, identifier: str) -> _Hit | None:
        """The person known by this identifier, by R1 to R4; an email also by its base address, an anonymous id without its system (R3)."""
        found = self._hits.get(identifier)
        if found is not None:
            return found
        if identifier.startswith(ANONYMOUS):
            return self._hits.get(of_any_system(identifier))
        if not identifier.startswith("email:"):
            return None
        base = "email:" + email_base(identifier[6:])
        known = self._hits.get(base) or self._mailboxes.get(base)
        return None if known is None else _Hit(known.person_id, "R3", known.evidence)

    def match(self, ids: tuple[str, ...], account_hint: str | None = None) -> PersonMatch:
        """The person behind one party: the first rule that hits, and among the ids that it hits the first as given."""
        hits = [(hit.rank, order, hit, one) for order, one in enumerate(ids) if (hit := self.hit(one)) is not None]
        if not hits:
            return PersonMatch(None, "R6", self._provisional(ids))
        _, _, hit, identifier = min(hits, key=lambda found: found[:2])
        rule = hit.rule_id
        person_id = self._chosen(identifier, hit, account_hint)
        conflict = self.conflicts.get(identifier)
        if conflict is not None and conflict.chosen_person_id != person_id:
            detail = "several contacts have it; the payload's account chose"
            conflict = conflict_row(identifier, rule, person_id, hit.person_id, detail)
        if len(hits) == 1:
            return PersonMatch(person_id, rule, identifier, conflict)
        for other_rank, _, other, one in sorted(hits, key=lambda found: found[:2]):
            if other_rank in ("R1", "R2") and one != identifier and not self._may_be(one, other, person_id):
                detail = f"{rule} names another person than {other_rank} of the same party; the first hit wins"
                conflict = conflict_row(identifier, rule, person_id, other.person_id, detail)
                break
        return PersonMatch(person_id, rule, identifier, conflict)

    def differing(self, other: PersonIndex) -> frozenset[str]:
        """Hashes of the identifiers that lead elsewhere, or for another reason, than in an index of other rows or bindings. An email
        stands for all that are written with it as their base address too, an anonymous id of any system for those of each."""
        found: set[str] = set()
        for mine, theirs in (
            (self._hits, other._hits),
            (self._emails, other._emails),
            (self._mailboxes, other._mailboxes),
            (self.conflicts, other.conflicts),
        ):
            found.update(one for one in mine.keys() | theirs.keys() if mine.get(one) != theirs.get(one))
        ours, others = self.told(), other.told()
        disputed = {one for one in ours.keys() | others.keys() if ours.get(one) != others.get(one)}
        return frozenset(map(hash_id, found)) | {(ours | others)[one].identifier_hash for one in disputed}

    def leading_to(self, people: Collection[str]) -> Iterator[str]:
        """Identifiers that may mean one of these people."""
        for known in (self._hits, self._mailboxes):
            yield from (one for one, hit in known.items() if hit.person_id in people)
        yield from (one for one, rivals in self._rivals.items() if not set(people).isdisjoint(rivals))

    def with_addresses(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Identifiers that nobody is known by, each with the addresses that a profile of the same human names."""
        yield from self._emails.items()

    def told(self) -> dict[str, IdentityConflict]:
        """What the directory's rows and the profiles disagree about, by the id of the conflict."""
        return {one.conflict_id: one for one in self.conflicts.values()} | self.disagreements

    def is_shared(self, ids: tuple[str, ...]) -> bool:
        """Whether the payload's account could make a difference to ``match``."""
        return bool(self._rivals) and any(one in self._rivals for one in ids)

    def emails_of(self, ids: tuple[str, ...]) -> tuple[str, ...]:
        """The party's own emails, else the one that a source's profile gives it, else none."""
        own = tuple(one for one in ids if one.startswith("email:"))
        if own:
            return own
        for one in ids:
            if one in self._emails:
                return self._emails[one]
        return ()

    def names_of(self, person_id: str) -> list[str]:
        """All identifiers by which this person is known, and nobody else."""
        return sorted(one for one, hit in self._hits.items() if hit.person_id == person_id and one not in self._rivals)

    def several_names(self) -> dict[str, set[str]]:
        """Who may be meant by several identifiers, and by which: persons, and by their address strangers of whom profiles tell it.

        A base address stands for every spelling of it. No source names anybody by the id of people.csv.
        """
        known: dict[str, set[str]] = defaultdict(set)
        for identifier, hit in self._hits.items():
            if not identifier.startswith(CRM):
                known[hit.person_id].add(identifier)
        for base, hit in self._mailboxes.items():
            if base not in self._hits:
                known[hit.person_id].add(base)
        for identifier, people in self._rivals.items():  # the payload's account may choose any of them
            for person_id in people:
                known[person_id].add(identifier)
        for identifier, emails in self._emails.items():
            known[emails[0]].update((identifier, emails[0]))
        return {whose: names for whose, names in known.items() if len(names) > 1}

    def links(self) -> Iterator[IdentityLink]:
        """Why each identifier of the directory is that person, by identifier."""
        for identifier in sorted(self._hits):
            hit = self._hits[identifier]
            yield IdentityLink(
                identifier_type=identifier.partition(":")[0],
                identifier_hash=hash_id(identifier),
                person_id=hit.person_id,
                rule_id=hit.rule_id,
                evidence_source=hit.evidence,
            )

    def link_of(self, match: PersonMatch) -> IdentityLink | None:
        """The link that a match rests on, if it is one that ``links`` does not list: an email by its base address, an anonymous id by an
        alias without a system, an email of several contacts of whom the payload's account chose."""
        if match.person_id is None or match.identifier is None:
            return None
        listed = self._hits.get(match.identifier)
        if listed is not None and listed.person_id == match.person_id:
            return None
        hit = listed or self.hit(match.identifier)
        return IdentityLink(
            identifier_type=match.identifier.partition(":")[0],
            identifier_hash=hash_id(match.identifier),
            person_id=match.person_id,
            rule_id=match.rule_id,
            evidence_source=hit.evidence if hit is not None else "event",
        )

    def _chosen(self, identifier: str, hit: _Hit, account_hint: str | None) -> str:
        if account_hint is not None and hit.rule_id == "R2":
            fitting = [one for one in self._rivals.get(identifier, ()) if self.persons[one].account_id == account_hint]
            if fitting:
                return fitting[0]
        return hit.person_id

    def _may_be(self, identifier: str, hit: _Hit, person_id: str) -> bool:
        return hit.person_id == person_id or person_id in self._rivals.get(identifier, ())

    def _provisional(self, ids: tuple[str, ...]) -> str | None:
        """An email (own, or by profile), a phone, a native id: so one stranger is one party in all channels."""
        emails = self.emails_of(ids)
        if emails:
            return emails[0]
        return min(ids, key=lambda one: _BEST_FIRST.get(one.partition(":")[0], 9), default=None)

    def _add_external_ids(self) -> None:
        claims: dict[str, set[str]] = defaultdict(set)
        for person in self.persons.values():
            for identifier in person.external_ids:
                claims[identifier].add(person.person_id)
        self._claim(claims, "R1", "people.csv")
        for person_id in self.persons:  # the CRM is a system too, and this is its native id
            self._hits.setdefault(crm_id(person_id), _Hit(person_id, "R1", "people.csv"))

    def _add_emails(self, account_of: Callable[[str], str | None]) -> None:
        claims: dict[str, set[str]] = defaultdict(set)
        for person in self.persons.values():
            for identifier in person.emails:
                claims[identifier].add(person.person_id)
        for identifier, people in claims.items():
            if len(people) < 2:
                continue
            self._rivals[identifier] = tuple(sorted(people, key=older_first))
            account = account_of(identifier)
            fitting = {one for one in people if account is not None and self.persons[one].account_id == account}
            if fitting:
                self._decide(identifier, "R2", "people.csv", fitting, people, "the domain's account chose")
        self._claim(claims, "R2", "people.csv")

    def _add_aliases(self, crm: Crm, countries: Mapping[str, str | None]) -> None:
        claims: dict[str, set[str]] = defaultdict(set)
        for alias in crm.aliases:
            person = self.persons.get(alias.person_id)
            if person is None:  # an alias of a person who is not (yet) there says nothing
                continue
            identifier = alias.in_region(countries.get(person.account_id) if person.account_id else None)
            if identifier is not None:
                claims[identifier].add(alias.person_id)
        self._claim(claims, "R3", "aliases.csv")

    def _add_phones(self, countries: Mapping[str, str | None]) -> None:
        claims: dict[str, set[str]] = defaultdict(set)
        for person in self.persons.values():
            region = countries.get(person.account_id) if person.account_id else None
            for raw in person.phones:
                identifier = phone_id(raw, region)
                if identifier is not None:
                    claims[identifier].add(person.person_id)
        self._claim({one: people for one, people in claims.items() if len(people) == 1}, "R4", "people.csv")

    def _add_bindings(self, bindings: Iterable[tuple[str, ...]]) -> None:
        """What the sources' own profiles tell: whose their native ids are, and which address is of a native id that is listed.

        Anonymous ids are left to R5: it knows time.
        """
        book = Profiles((names_of(ids) for ids in bindings), self.hit)
        self._lend_addresses(book)
        people: dict[str, set[str]] = defaultdict(set)
        for named in book.bindings:
            match = self.match(named)
            if match.conflict is not None:
                self.disagreements[match.conflict.conflict_id] = match.conflict
            if match.person_id is not None:
                for one in filter(is_native, named):
                    people[book.user(one)].add(match.person_id)
        for one in book.natives:
            if self.hit(one) is not None:
                continue
            user = book.user(one)
            if len(people[user]) == 1:
                self._hits[one] = _Hit(min(people[user]), "R1", "profile")
            elif people[user]:
                self.conflicts[one] = _torn(one, people[user])
            elif len(emails := book.emails(user)) == 1:
                self._emails[one] = emails
        for one, users in book.addresses.items():
            if self.hit(one) is None and not one.startswith("email:") and not any(people[user] for user in users):
                emails = tuple({email for user in users for email in book.emails(user)})
                if len(emails) == 1:
                    self._emails[one] = emails

    def _lend_addresses(self, book: Profiles) -> None:
        """Unknown addresses to the person whose listed native id the profiles give them to.

        Not where a profile has held it beside a known address, whoever's that is: an address that is changed, or shared, merges nobody.
        The rule is that by which the native id is known.
        """
        found: dict[str, dict[str, _Hit]] = defaultdict(dict)
        for address, users in book.addresses.items():
            if self.hit(address) is not None or any(book.has_known_address(user) for user in users):
                continue
            for known in filter(None, map(self.hit, users)):
                claim = _Hit(known.person_id, known.rule_id, "profile", is_lent=True)
                found[address][known.person_id] = min(claim, found[address].get(known.person_id, claim), key=_by_rule)
        for address, claims in found.items():
            if len(claims) == 1:
                self._hits[address] = next(iter(claims.values()))
            else:
                self.conflicts[address] = _torn(address, claims)

    def _claim(self, claims: Mapping[str, set[str]], rule_id: str, evidence: str) -> None:
        """Enter identifiers that no stronger rule has; of several claimants the smallest person_id is the older one's."""
        for identifier, people in claims.items():
            known = self._hits.get(identifier)
            if known is None:
                self._decide(
                    identifier, rule_id, evidence, people, people, "the smallest person_id counts as the older"
                )
            elif known.person_id not in people:
                detail = f"{known.rule_id} names another person than {rule_id}; the first hit wins"
                conflict = conflict_row(
                    identifier, known.rule_id, known.person_id, min(people, key=older_first), detail
                )
                self.conflicts.setdefault(identifier, conflict)

    def _decide(
        self, identifier: str, rule_id: str, evidence: str, fitting: set[str], people: set[str], reason: str
    ) -> None:
        chosen = min(fitting, key=older_first)
        self._hits[identifier] = _Hit(chosen, rule_id, evidence)
        if len(people) > 1:
            other = min(people - {chosen}, key=older_first)
            detail = f"{len(people)} contacts have it; {reason}"
            self.conflicts[identifier] = conflict_row(identifier, rule_id, chosen, other, detail)


class Profiles:
    """Who holds which addresses in the sources: a user is a native id that the directory knows, or unknown ones that profiles name together
    (a contact and one that it has absorbed). A known one must not bridge two people.

    ``known`` gives something for what the directory knows. Bindings hold no anonymous ids."""

    def __init__(self, bindings: Iterable[tuple[str, ...]], known: Callable[[str], object | None]) -> None:
        self.bindings = sorted(set(bindings))
        self._groups = _Groups()
        for named in self.bindings:
            unknown = [one for one in named if is_native(one) and known(one) is None]
            for one in unknown:
                self._groups.join(unknown[0], one)
        self.natives = sorted({one for named in self.bindings for one in named if is_native(one)})
        self.addresses: dict[str, set[str]] = defaultdict(set)
        """Every address and phone number to the users whose profiles have ever held it."""
        self._held: dict[str, set[str]] = defaultdict(set)
        for named in self.bindings:
            users = {self.user(one) for one in named if is_native(one)}
            for one in named:
                if not is_native(one):
                    self.addresses[one].update(users)
                    for user in users:
                        self._held[user].add(one)
        self._familiar = {user for user, held in self._held.items() if any(known(one) is not None for one in held)}

    def user(self, native: str) -> str:
        return self._groups.root(native)

    def emails(self, user: str) -> tuple[str, ...]:
        return tuple(sorted(one for one in self._held[user] if one.startswith("email:")))

    def has_known_address(self, user: str) -> bool:
        """Whether it has ever held one that the directory lists."""
        return user in self._familiar


def is_native(identifier: str) -> bool:
    return identifier.startswith("external_id:")


def _by_rule(hit: _Hit) -> str:
    return hit.rule_id


def _torn(identifier: str, people: Iterable[str]) -> IdentityConflict:
    chosen, other = sorted(people, key=older_first)[:2]
    detail = f"its profiles name {chosen} and {other}, so it is bound to nobody"
    return conflict_row(identifier, "R6", None, chosen, detail)


class _Groups:
    """Union of identifiers into groups; the root of a group is its smallest member."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, one: str) -> str:
        while (parent := self._parent.setdefault(one, one)) != one:
            self._parent[one] = self._parent[parent]
            one = parent
        return one

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low


def conflict_row(identifier: str, rule_id: str, chosen: str | None, other: str | None, detail: str) -> IdentityConflict:
    """A row of ``identity_conflict`` about one identifier; its id is a hash of what disagrees, and how."""
    return IdentityConflict(
        conflict_id=hash_id(f"conflict\x1f{rule_id}\x1f{identifier}\x1f{chosen}\x1f{other}\x1f{detail}"),
        identifier_type=identifier.partition(":")[0],
        identifier_hash=hash_id(identifier),
        rule_id=rule_id,
        chosen_person_id=chosen,
        other_person_id=other,
        detail=detail,
    )
