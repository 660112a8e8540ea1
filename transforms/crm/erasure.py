"""What is forgotten of people who are erased, and what stays (semantics C8): the touchpoint, as an anonymous count.

One identifier stands in for all that an erased person had: ``email:erased-<random>@<domain>``, in the domain of the account, so
that the touchpoint stays that account's. Names, and the words of what was written or titled where the person took part, are
dropped; of these only what a rule can see is kept, so that a touchpoint keeps its job, and nobody reads whom it was with.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from transforms.crm.rows import Alias, Crm, Person
from transforms.event import Event, Party, hash_id, named
from transforms.normal import QUESTION_MARKS, crm_id, email_base, phone_id, reply_prefix

STAND_INS = ("email:erased-", "external_id:erased:")
"""How an identifier begins that stands in for those of an erased person."""
SHORTEST = 4
"""Characters of a native id that is looked for inside other fields: a shorter one may be anything."""
DROPPED = "..."
"""In the place of words of which no rule sees any: that something was said is kept, for it asked nothing."""
WORDS = ("page_path", "event_name", "source_event_id")
USER_KEYS = ("conversation_id", "dedupe_key")
"""Of an app's event: they may hold the user's id."""


class Erasures:
    """The stand-ins of everybody who was erased, by the hash (``hash_id``) of each identifier; false if there is nobody.

    ``patterns`` find the words that rules can see. Pickled to workers.
    """

    def __init__(self, stand_ins: Mapping[str, str] | None = None, patterns: Sequence[re.Pattern[str]] = ()) -> None:
        self._stand_ins = dict(stand_ins or {})
        self._patterns = tuple(patterns)
        self._known: dict[str, str | None] = {}

    def __bool__(self) -> bool:
        return bool(self._stand_ins)

    @property
    def digest(self) -> str:
        """Of who was erased; empty if there is nobody."""
        return hash_id("\x1f".join(sorted(self._stand_ins))) if self._stand_ins else ""

    def stand_in(self, identifier: str) -> str | None:
        """What stands in for an identifier (prefixed, as in ``Party.ids``), an email also by its base address."""
        if identifier not in self._known:
            found = self._stand_ins.get(hash_id(identifier))
            if found is None and identifier.startswith("email:"):
                found = self._stand_ins.get(hash_id("email:" + email_base(identifier[6:])))
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[identifier] = found
        return self._known[identifier]

    def without(self, event: Event) -> Event:
        """The event as it may be kept: itself, if nobody in it was erased."""
        found = {one: stand_in for ids in named(event) for one in ids if (stand_in := self.stand_in(one)) is not None}
        if not found:
            return event
        changed: dict[str, Any] = {
            "parties": tuple(_stood_in_for(party, found) for party in event.parties),
            "organizer": found.get(event.organizer or "", event.organizer),
            "calendar": found.get(event.calendar or "", event.calendar),
            "plan_items": tuple(
                msgspec.structs.replace(item, title=None, owner=item.owner and _stood_in_for(item.owner, found))
                for item in event.plan_items
            ),
        }
        hide = _Hider(found)
        for name in (*WORDS, *(USER_KEYS if event.family in ("app", "identity") else ())):
            if (value := getattr(event, name)) is not None:
                changed[name] = hide(value)
        for name in ("links", "attachments"):
            changed[name] = tuple(map(hide, getattr(event, name)))
        return self.wordless(msgspec.structs.replace(event, **changed))

    def wordless(self, event: Event) -> Event:
        """The event without its words, but for those that rules can see."""
        return msgspec.structs.replace(
            event,
            subject_text=self._seen_by_rules(event.subject_text),
            first_line=self._seen_by_rules(event.first_line),
        )

    def _seen_by_rules(self, text: str | None) -> str | None:
        """Line by line, since a question is one at the end of its line."""
        return None if text is None else "\n".join(map(self._seen_of, text.split("\n")))

    def _seen_of(self, text: str) -> str:
        """``Pricing for Ann Buyer?`` to ``Pricing ?``: the parts that any pattern finds, and what marks a reply or a question."""
        kept = reply_prefix(text)
        spans = [one.span() for pattern in (*self._patterns, _QUESTION) for one in pattern.finditer(text, len(kept))]
        parts, reached = [kept.strip()], len(kept)
        for start, end in sorted(spans):
            if end > reached:
                parts.append(text[max(start, reached) : end])
                reached = end
        if parts[-1] in tuple(QUESTION_MARKS) and not text.rstrip().endswith(tuple(QUESTION_MARKS)):
            parts.append(DROPPED)
        return " ".join(part for part in parts if part) or DROPPED

    def without_people(self, crm: Crm) -> Crm:
        """The directory as if an erased person had never been in it, nor their seat in a buying group. Our own people stay."""
        regions = {account.account_id: account.country for account in crm.accounts}
        region_of = {person.person_id: regions.get(person.account_id or "") for person in crm.people}
        gone = {person.person_id for person in crm.people if person.side != "seller" and self._names(person, regions)}
        return Crm(
            accounts=crm.accounts,
            people=[one for one in crm.people if one.person_id not in gone],
            opportunities=crm.opportunities,
            buying_group=[one for one in crm.buying_group if not self._is_gone(one.person_id, gone)],
            assignments=crm.assignments,
            assets=crm.assets,
            aliases=[
                one
                for one in crm.aliases
                if not self._is_gone(one.person_id, gone) and not self._is_erased(one, region_of.get(one.person_id))
            ],
        )

    def _is_gone(self, person_id: str, gone: Collection[str]) -> bool:
        return person_id in gone or self.stand_in(crm_id(person_id)) is not None

    def _is_erased(self, alias: Alias, region: str | None) -> bool:
        identifier = alias.in_region(region)
        return identifier is not None and self.stand_in(identifier) is not None

    def _names(self, person: Person, regions: Mapping[str, str | None]) -> bool:
        """Whether any identifier of a row is an erased person's."""
        region = regions.get(person.account_id or "")
        phones = (phone_id(raw, region) for raw in person.phones)
        known = (crm_id(person.person_id), *person.emails, *person.external_ids, *phones)
        return any(one is not None and self.stand_in(one) is not None for one in known)


_QUESTION = re.compile(f"[{QUESTION_MARKS}]")


class _Hider:
    """Puts the stand-in's own name where a text holds an identifier: ``?email=ann%40acme.example`` becomes ``?email=erased-…``."""

    def __init__(self, found: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {}
        forms = []
        for identifier, stand_in in found.items():
            name = stand_in.rpartition(":")[2].partition("@")[0]
            value = native(identifier)
            for form in {value, quote(value), quote(value, safe="")}:
                self._names[form.lower()] = name
                if identifier.startswith(("email:", "phone:")):
                    forms.append(re.escape(form))
                elif len(form) >= SHORTEST:
                    forms.append(rf"(?<![0-9A-Za-z]){re.escape(form)}(?![0-9A-Za-z])")
        self._pattern = re.compile("|".join(sorted(forms, key=len, reverse=True)) or "(?!)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        if text.lower() in self._names:
            return self._names[text.lower()]
        return self._pattern.sub(lambda found: self._names[found[0].lower()], text)


def native(identifier: str) -> str:
    """``ann@acme.example`` of ``email:ann@acme.example``, ``U1`` of ``external_id:slack:U1``; of a phone number what is before its extension."""
    kind, _, value = identifier.partition(":")
    if kind == "phone":
        return value.partition(";")[0]
    return value if kind == "email" else value.partition(":")[2]


def is_stand_in(identifier: str | None) -> bool:
    """Whether an identifier stands in for those of an erased person."""
    return identifier is not None and identifier.startswith(STAND_INS)


def _stood_in_for(party: Party, found: Mapping[str, str]) -> Party:
    stand_in = next((found[one] for one in party.ids if one in found), None)
    return party if stand_in is None else msgspec.structs.replace(party, ids=(stand_in,), name=None)
