"""Who has which identifier (semantics 2.2, 2.6): by the files of the directory, by what profiles tell, and beside which anonymous id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

Ids = tuple[str, ...]
GMAIL = ("gmail.com", "googlemail.com")


def email_base(address: str) -> str:
    """2.1: without what follows a plus; Gmail knows no dots either."""
    local, _, domain = address.rpartition("@")
    local = local.split("+")[0]
    return f"{local.replace('.', '') if domain in GMAIL else local}@{domain}"


def is_native(identifier: str) -> bool:
    return identifier.startswith("external_id:")


def is_anonymous(identifier: str) -> bool:
    return identifier.startswith("anonymous_id:")


class Binding(NamedTuple):
    """R5: an event in which an anonymous id and somebody with a name stood together."""

    at: int
    source: str
    anonymous: str
    person: str


class Hit(NamedTuple):
    """Of an identifier: the number of the rule, and who may be meant, the older first."""

    rule: int
    people: list[str]


class Listed:
    """R1 to R4 by the rows of the files."""

    def __init__(self) -> None:
        self.external: dict[str, list[str]] = defaultdict(list)
        self.email: dict[str, list[str]] = defaultdict(list)
        self.phone: dict[str, set[str]] = defaultdict(set)
        self.alias: dict[str, str] = {}

    def hit(self, identifier: str) -> Hit | None:
        if identifier in self.external:
            return Hit(1, self.external[identifier])
        if identifier in self.email:
            return Hit(2, self.email[identifier])
        if identifier.startswith("anonymous_id:") and identifier not in self.alias:
            identifier = "anonymous_id:" + identifier.split(":", 2)[2]  # of any system
        if identifier in self.alias:
            return Hit(3, [self.alias[identifier]])
        if len(self.phone.get(identifier, ())) == 1:
            return Hit(4, list(self.phone[identifier]))
        return None

    def spelled(self, base: str) -> set[str]:
        """Whose address without a tag has this base."""
        known = {i: people for i, people in self.email.items() if "+" not in i}
        known |= {i: [person] for i, person in self.alias.items() if i.startswith("email:") and "+" not in i}
        return {people[0] for i, people in known.items() if email_base(i[6:]) == base}


def united_sets(sets: list[set[str]]) -> list[set[str]]:
    """Those that have something in common are one."""
    found: list[set[str]] = []
    for one in sets:
        mine = [other for other in found if other & one]
        found = [other for other in found if other not in mine] + [one.union(*mine)]
    return found


class Told:
    """What profiles tell: those of the chats together, those of an app by itself.

    A native id is of the person of its address, or of the address that is its only one. An unknown address is of a native id
    that is known otherwise, if no profile held it beside a known address.
    """

    def __init__(self, profiles: Iterable[Ids], hit: Callable[[str], Hit | None]) -> None:
        self.people: dict[str, str] = {}
        self.lent: dict[str, str] = {}
        self.mail: dict[str, str] = {}
        profiles = sorted(set(profiles))
        users = [{i for i in ids if is_native(i)} for ids in profiles]
        unknown = [{i for i in user if hit(i) is None} for user in users]
        groups = united_sets([u for u in unknown if u] + [{i} for user in users for i in user if hit(i) is not None])
        addresses = {i for ids in profiles for i in ids if not is_native(i)}
        held = [{i for ids in profiles if group & set(ids) for i in ids if not is_native(i)} for group in groups]
        for address in addresses:
            owners = [n for n, mine in enumerate(held) if address in mine]
            beside = {i for n in owners for i in held[n]}
            if hit(address) is None and not any(hit(i) for i in beside):
                people = {found.people[0] for n in owners for i in groups[n] if (found := hit(i))}
                if len(people) == 1:
                    self.lent[address] = people.pop()
        for group, mine in zip(groups, held, strict=True):
            if any(hit(i) for i in group):
                continue
            told = {self.first(ids, hit) for ids in profiles if group & set(ids)} - {None}
            mails = [i for i in mine if i.startswith("email:")]
            for i in group:
                if len(told) == 1:
                    self.people[i] = next(iter(told)) or ""
                elif not told and len(mails) == 1:
                    self.mail[i] = mails[0]

    def first(self, ids: Ids, hit: Callable[[str], Hit | None]) -> str | None:
        hits = [found for i in ids if (found := hit(i) or self.hit(i))]
        return min(hits, key=lambda found: found.rule).people[0] if hits else None

    def hit(self, identifier: str) -> Hit | None:
        if identifier in self.people:
            return Hit(1, [self.people[identifier]])
        base = f"email:{email_base(identifier[6:])}" if identifier.startswith("email:") else identifier
        lent = self.lent.get(identifier) or self.lent.get(base)
        return Hit(3, [lent]) if lent else None


NOTHING_TOLD = Told([], lambda _: None)


class Names:
    """Persons and strangers by their identifiers."""

    def __init__(self, listed: Listed, choose: Callable[[str, list[str]], str]) -> None:
        """``choose`` takes an address and those who have it (2.6)."""
        self.listed, self.choose = listed, choose
        self.chats = NOTHING_TOLD
        self.apps: dict[str, Told] = {}
        self.bindings: list[Binding] = []

    def learn(self, chats: Iterable[Ids], apps: dict[str, set[Ids]]) -> None:
        """Profiles of the chats, and of each app."""
        self.chats = Told(chats, self.hit)
        self.apps = {source: Told(profiles, self.hit) for source, profiles in apps.items()}

    def hit(self, identifier: str) -> Hit | None:
        """Wherever it is shown."""
        found = self.listed.hit(identifier) or self.chats.hit(identifier)
        if found is None and identifier.startswith("email:"):  # R3: the address of which this is a spelling
            base = email_base(identifier[6:])
            exact, spelled = self.listed.hit(f"email:{base}"), self.listed.spelled(base)
            if exact:
                return Hit(3, exact.people)
            return Hit(3, list(spelled)) if len(spelled) == 1 else None
        return found

    def person(self, ids: Ids, source: str, at: int) -> str | None:
        """R1 to R6, the first that holds; a stranger too, where an anonymous id is bound to one."""
        app = self.apps.get(source, NOTHING_TOLD)
        hits = [(found.rule, n, found.people) for n, i in enumerate(ids) if (found := self.hit(i) or app.hit(i))]
        if hits:
            rule, n, people = min(hits)
            return self.choose(ids[n], people) if rule == 2 else people[0]
        if not all(map(is_anonymous, ids)):
            return None  # a stranger's own name says more than the device, which is theirs from then on
        return next((bound for i in ids if (bound := self.bound(i, source, at))), None)

    def bound(self, identifier: str, source: str, at: int) -> str | None:
        """R5: the one person of an anonymous id; where it had several, the last of them until then."""
        mine = sorted(b for b in self.bindings if b.anonymous == identifier and b.source == source)
        if len({b.person for b in mine}) == 1:
            return mine[0].person
        before = [b for b in mine if b.at <= at]
        return before[-1].person if before else None

    def stranger(self, ids: Ids, source: str) -> str:
        """Whom the directory does not know is known by the address that they show, else by the one that their profiles tell."""
        told = [self.chats.mail, self.apps.get(source, NOTHING_TOLD).mail]
        mails = [i for i in ids if i.startswith("email:")] + [mail[i] for mail in told for i in ids if i in mail]
        return mails[0] if mails else ids[0]
