"""Who the people of a touch are, and whose (semantics 2.2 to 2.4)."""

from __future__ import annotations

from reference_folding.directory import Directory
from reference_folding.names import is_anonymous
from reference_folding.touches import Touch


def identify(t: Touch, directory: Directory) -> None:
    """Person, side and account of everybody; only buyers and strangers have an account."""
    source = t.witnesses[0].event.source
    for p in t.people:
        person = directory.person(p.ids, source, t.start)
        if person not in directory.people:
            named = [directory.names.stranger((i,), source) for i in p.ids if not is_anonymous(i)]
            bound = [b for i in p.ids if (b := directory.names.bound(i, source, t.start))]
            p.ids = tuple(dict.fromkeys((*p.ids, *(named or bound))))
            person = None
        p.person = person
        p.key = person or (p.ids[0] if p.ids else f"name:{p.name}")
        p.home = directory.home(person, p.ids)
        p.side = directory.side(person, p.ids, p.hint, p.name, p.home)
        if p.side in ("seller", "partner", "system"):
            p.home, p.how = None, "none"
        elif p.home:
            p.how = "person" if person and directory.people[person]["account_id"] else "domain"
        elif several := directory.domain_accounts(person, p.ids):
            p.candidates, p.how = set(several), "conflict"
