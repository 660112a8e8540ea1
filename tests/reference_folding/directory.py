"""The files of the CRM, and who somebody is (semantics 2)."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import defaultdict
from datetime import datetime

import phonenumbers
import tldextract

from reference_folding.names import Listed, Names
from reference_folding.touches import DAY

ATTACH = 14 * DAY
"""2.5: so long before its opening a deal takes what happens."""
FOREVER = 1 << 62
FREE_MAIL = ("freemail.example", "gmail.com", "googlemail.com")
MACHINES = [
    "automated", "bot", "bounce", "bounces", "do-not-reply", "donotreply", "mailer-daemon", "no-reply", "noreply",
    "notification", "notifications", "postmaster", "system",
]  # fmt: skip
"""Local parts of addresses."""
NOTE_TAKERS = ("otter.ai",)
"""Domains of services that listen to calls."""
NOTE_TAKER_NAME = r"\bnote[- ]?taker\b"
Row = dict[str, str]
_EXTRACT = tldextract.TLDExtract(suffix_list_urls=(), include_psl_private_domains=True)


def micros(text: str | None) -> int | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def cells(text: str) -> list[str]:
    """Of a list in a column."""
    return [part.strip() for part in text.split(";") if part.strip()]


def registrable(domain: str) -> str:
    """Where the list of public suffixes has no rule, the rule is ``*``."""
    return _EXTRACT(domain).top_domain_under_public_suffix or ".".join(domain.split(".")[-2:])


def email_form(text: str) -> str:
    """2.1: NFKC, trimmed, in lower case."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def phone_form(text: str, region: str | None) -> str | None:
    """2.1: E.164, read in the country of the account."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_machine(address: str) -> bool:
    return address.startswith("email:") and address[6:].rpartition("@")[0].split("+")[0] in MACHINES


class Directory:
    """Accounts, people, deals, buying groups, assignments, assets and aliases, and what profiles of the sources tell."""

    def __init__(self, files: dict[str, bytes], company: set[str], partners: set[str]) -> None:
        rows = {name: list(csv.DictReader(io.StringIO(data.decode()))) for name, data in files.items()}
        self.company, self.partners = company, partners
        self.accounts: dict[str, Row] = {row["account_id"]: row for row in rows["accounts"]}
        self.people: dict[str, Row] = {row["person_id"]: row for row in rows["people"]}
        self.deals = rows["opportunities"]
        self.groups = rows["buying_group"]
        self.assignments = rows["assignments"]
        self.assets = rows["assets"]
        self.domains: dict[str, set[str]] = defaultdict(set)
        for account in self.accounts.values():
            for domain in cells(account["domains"]):
                self.domains[registrable(domain)].add(account["account_id"])
        listed = Listed()
        for person, row in self.people.items():
            for external in cells(row["external_ids"]):
                listed.external[f"external_id:{external}"].append(person)
            for address in cells(row["emails"]):
                listed.email[f"email:{email_form(address)}"].append(person)
            for phone in cells(row["phones"]):
                listed.phone[f"phone:{phone_form(phone, self.region(person))}"].add(person)
        listed.alias = {self.alias_form(row): row["person_id"] for row in rows["aliases"]}
        self.names = Names(listed, self.one_of)

    def region(self, person: str) -> str | None:
        account = self.accounts.get(self.people[person]["account_id"])
        return account["country"] or None if account else None

    def alias_form(self, row: Row) -> str:
        kind, value = row["identifier_type"], row["identifier"].strip()
        if kind == "email":
            return f"email:{email_form(value)}"
        if kind == "phone":
            return f"phone:{phone_form(value, self.region(row['person_id']))}"
        return f"{kind}:{value}"

    def person(self, ids: tuple[str, ...], source: str, at: int) -> str | None:
        return self.names.person(ids, source, at)

    def one_of(self, address: str, candidates: list[str]) -> str:
        """2.6: of two contacts with one address that of the account which its domain names, else the older."""
        named = self.domain_accounts(None, (address,))
        fitting = [one for one in candidates if named == {self.people[one]["account_id"]}]
        return (fitting or candidates)[0]

    def home(self, person: str | None, ids: tuple[str, ...]) -> str | None:
        """A2 and A3 (2.4): the account of the person, else the one of the domain."""
        if person in self.people and self.people[person]["account_id"]:
            return self.people[person]["account_id"]
        several = self.domain_accounts(person, ids)
        return next(iter(several)) if len(several) == 1 else None

    def domain_accounts(self, person: str | None, ids: tuple[str, ...]) -> set[str]:
        """A3 (2.4): free mail, ourselves and partners are nobody's account."""
        own = self.own_domains(person, ids) - {*FREE_MAIL, *self.company, *self.partners}
        return {account for domain in own for account in self.domains.get(domain, ())}

    def own_domains(self, person: str | None, ids: tuple[str, ...]) -> set[str]:
        """Registrable domains of the addresses that are shown, else of those that the directory has."""
        shown = [i[6:] for i in ids if i.startswith("email:")]
        if not shown and person in self.people:
            shown = list(map(email_form, cells(self.people[person]["emails"])))
        return {registrable(address.rpartition("@")[2]) for address in shown}

    def side(
        self, person: str | None, ids: tuple[str, ...], hint: str | None, name: str | None, account: str | None
    ) -> str:
        """P1 to P5 (2.3)."""
        told = self.people[person]["side"] if person in self.people else None
        own = self.own_domains(person, ids)
        if told in ("seller", "partner"):
            return told
        if own & self.company:
            return "seller"
        if own & self.partners:
            return "partner"
        if any(is_machine(i) for i in ids):
            return "system"
        if any(domain in NOTE_TAKERS and domain not in self.domains for domain in own):
            return "system"
        if not ids and name and re.search(NOTE_TAKER_NAME, name, re.I):
            return "system"
        if hint in ("seller", "buyer", "partner", "system"):
            return hint
        return "buyer" if account or told == "buyer" else "unknown"

    def deal(self, account: str | None, at: int, persons: list[str]) -> tuple[str | None, str]:
        """2.5: at most one; of several that of who is in its buying group, then of its owner, then of the owner's team."""
        candidates = [d for d in self.deals if d["account_id"] == account and self.takes(d, at)]
        if not candidates:
            return None, "none"
        left = [d["opportunity_id"] for d in candidates]
        owner = {d["opportunity_id"]: d["owner_seller_id"] for d in self.deals}
        then = [d for d in left if any(self.is_member(g, d, persons) and is_valid(g, at) for g in self.groups)]
        later = [d for d in left if any(self.is_member(g, d, persons) and starts_after(g, at) for g in self.groups)]
        members = then or later
        if len(members) == 1:
            return members[0], "group_member"
        left = members or left
        owned = [d for d in left if owner[d] in persons]
        if len(owned) == 1:
            return owned[0], "team"
        left = owned or left
        ours = [self.people[p] for p in persons if self.people[p]["side"] == "seller"]
        teams = {row["team_id"] for row in ours if row["team_id"]}
        teamed = [d for d in left if self.people[owner[d]]["team_id"] in teams]
        if len(teamed) == 1:
            return teamed[0], "team"
        if len(candidates) == 1:
            return candidates[0]["opportunity_id"], "only"
        return None, "ambiguous"

    @staticmethod
    def takes(deal: Row, at: int) -> bool:
        opened, closed = micros(deal["opened_at"]), micros(deal["closed_at"])
        if opened is None or opened > at + ATTACH:
            return False
        return deal["status"] == "open" if closed is None else at <= closed

    @staticmethod
    def is_member(group: Row, deal: str, persons: list[str]) -> bool:
        return group["opportunity_id"] == deal and group["person_id"] in persons

    def roles(self, deal: str | None, person: str, at: int) -> list[str]:
        """In the buying group of a deal at a time."""
        held = [g["buyer_role"] for g in self.groups if deal and self.is_member(g, deal, [person]) and is_valid(g, at)]
        return sorted(set(held))

    def has_open_deal(self, account: str, at: int) -> bool:
        """1.1: open at the time itself."""
        for deal in self.deals:
            opened, closed = micros(deal["opened_at"]) or 0, micros(deal["closed_at"]) or FOREVER
            if deal["account_id"] == account and opened <= at <= closed:
                return True
        return False

    def owner(self, account: str | None, at: int) -> str | None:
        """Of the account at that time: of assignments, else of ``accounts.csv`` where these say nothing."""
        if account is None:
            return None
        rows = [a for a in self.assignments if a["account_id"] == account and a["role"] == "owner" and is_valid(a, at)]
        if rows:
            return max(rows, key=lambda a: micros(a["valid_from"]) or 0)["seller_id"]
        return self.accounts[account]["owner_seller_id"] or None


def is_valid(row: Row, at: int) -> bool:
    return (micros(row["valid_from"]) or 0) <= at < (micros(row["valid_to"]) or FOREVER)


def starts_after(row: Row, at: int) -> bool:
    return (micros(row["valid_from"]) or 0) > at
