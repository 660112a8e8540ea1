"""Who there is: accounts with their buyers and deals, the sellers who look after them, and the directory of most."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from pipelines.simulate.clock import DAY, MICROS, iso
from pipelines.simulate.words import COMPANY_WORDS, FIRST_NAMES, LAST_NAMES, PAPERS, ROLES, TRADES

COMPANY = "vendor.example"
ASSETS = f"https://assets.{COMPANY}"
FREE_MAIL = "freemail.example"
ACCOUNTS_PER_TEAM = 8
"""A team has so many slots a day for meetings, one an account: nobody is in two meetings at once."""
ATTACH = 14 * DAY
CAP_OF_PEOPLE = 4


class Human(msgspec.Struct, frozen=True):
    """Somebody. ``key`` is the person's id, or the address of one whom the directory does not list."""

    key: str
    name: str
    email: str
    title: str = ""
    role: str = ""
    is_executive: bool = False
    is_listed: bool = True
    alias: str | None = None
    """A second address, known by ``aliases.csv``."""
    app_user: str = ""
    device: str = ""
    slack: str = ""
    intercom: str = ""


class Deal(msgspec.Struct, frozen=True):
    """An opportunity; times in seconds."""

    opportunity_id: str
    opened_at: int
    closed_at: int | None
    status: str


class Team(msgspec.Struct, frozen=True):
    """An account executive and the engineer who comes along; every second engineer is known by the domain alone."""

    number: int
    lead: Human
    engineer: Human


class Account(msgspec.Struct, frozen=True):
    """A customer company."""

    number: int
    account_id: str
    name: str
    domain: str
    team: Team
    slot: int
    """Which of the team's slots of a day is this account's, before the daily rotation."""
    buyers: tuple[Human, ...]
    """Listed in the directory."""
    newcomer: Human
    """Works there, and is known by the domain alone."""
    stranger: str
    """A free-mail address that says nothing of any account."""
    deals: tuple[Deal, ...]

    def deal_at(self, micros: int) -> str | None:
        """The deal that is open then or opens within 14 days; the simulated ones never overlap."""
        for deal in self.deals:
            is_open = deal.closed_at is None or micros <= deal.closed_at * MICROS
            if (deal.opened_at - ATTACH) * MICROS <= micros and is_open:
                return deal.opportunity_id
        return None


def accounts(rng: Random, count: int, start: int, days: int) -> Iterator[Account]:
    """So many accounts, one after another."""
    team = _team(rng, 0)
    for number in range(count):
        if number // ACCOUNTS_PER_TEAM != team.number:
            team = _team(rng, number // ACCOUNTS_PER_TEAM)
        yield _account(rng, number, team, start, days)


def _team(rng: Random, number: int) -> Team:
    lead, engineer = _names(rng, 2)
    return Team(
        number,
        Human(
            f"S{number:05d}", lead, _address(lead, f"{number}", COMPANY), "Account Executive",
            slack=f"U0S{number:06d}", intercom=f"{700_000 + number}",
        ),
        Human(
            f"E{number:05d}", engineer, _address(engineer, f"{number}", COMPANY), "Solution Engineer",
            is_listed=number % 2 == 0, slack=f"U0E{number:06d}",
        ),
    )  # fmt: skip


def _account(rng: Random, number: int, team: Team, start: int, days: int) -> Account:
    domain = f"account{number:05d}.example"
    names = _names(rng, CAP_OF_PEOPLE + rng.randrange(3) + 1)
    buyers = []
    for place, name in enumerate(names[:-1]):
        role, title, is_executive = ROLES[place]
        alias = f"{name.partition(' ')[0].lower()}{place}@{domain}" if rng.random() < 0.2 else None
        buyers.append(
            Human(
                f"B{number:05d}-{place}", name, _address(name, "", domain), title, role, is_executive, True, alias,
                f"u{number:05d}-{place}", f"d{rng.getrandbits(120):030x}", f"U{number:07d}{place}",
                f"c{number:05d}-{place}",
            )
        )  # fmt: skip
    last = _address(names[-1], "", domain)
    company = f"{COMPANY_WORDS[number % 16]} {TRADES[number // 16 % 8]} {number:05d}"
    return Account(
        number, f"A{number:05d}", company, domain, team, number % ACCOUNTS_PER_TEAM, tuple(buyers),
        Human(f"email:{last}", names[-1], last, is_listed=False),
        f"{names[0].partition(' ')[0].lower()}.{number}@{FREE_MAIL}",
        tuple(_deals(rng, number, start, days)),
    )  # fmt: skip


def _names(rng: Random, count: int) -> list[str]:
    firsts = rng.sample(FIRST_NAMES, count)
    return [f"{first} {rng.choice(LAST_NAMES)}" for first in firsts]


def _address(name: str, mark: str, domain: str) -> str:
    return name.lower().replace(" ", ".") + mark + "@" + domain


def _deals(rng: Random, number: int, start: int, days: int) -> Iterator[Deal]:
    """None, one, or two of which the second opens long after the first has closed."""
    if rng.random() < 0.1:
        return
    opened = start + int(days * DAY * rng.uniform(0.05, 0.3)) // DAY * DAY
    closed = opened + int(days * DAY * rng.uniform(0.2, 0.5)) // DAY * DAY
    outcome = rng.choice(("open", "won", "lost"))
    name = f"O{number:05d}"
    yield Deal(f"{name}-1", opened, None if outcome == "open" else closed, outcome)
    again = closed + 20 * DAY
    if outcome == "lost" and again < start + (days - 10) * DAY and rng.random() < 0.5:
        yield Deal(f"{name}-2", again, None, "open")


HEADERS = {
    "accounts": "account_id,name,domains,owner_seller_id,country",
    "people": "person_id,side,full_name,emails,phones,account_id,title,is_executive,team_id,timezone,external_ids",
    "opportunities": (
        "opportunity_id,account_id,name,owner_seller_id,opened_at,closed_at,status,loss_reason,amount,currency,stage"
    ),
    "stage_history": "opportunity_id,stage,entered_at",
    "buying_group": "opportunity_id,person_id,buyer_role,valid_from,valid_to",
    "assignments": "account_id,seller_id,role,valid_from,valid_to",
    "assets": "asset_id,asset_type,name,url,filename",
    "aliases": "identifier_type,identifier,person_id",
}


def stages_of(deal: Deal) -> list[tuple[str, int]]:
    """(stage, seconds at which it was entered); an open deal has come to its second one."""
    if deal.closed_at is None:
        return [("Discovery", deal.opened_at), ("Proposal", deal.opened_at + 14 * DAY)]
    length = deal.closed_at - deal.opened_at
    passed = [("Discovery", 0), ("Proposal", length // 4), ("Negotiation", length * 3 // 4)] if length else []
    return [(stage, deal.opened_at + since) for stage, since in passed] + [(f"Closed {deal.status}", deal.closed_at)]


class DirectoryWriter:
    """The CRM's files, row by row."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = {name: (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") for name in HEADERS}
        self._teams: set[int] = set()
        for name, header in HEADERS.items():
            self._files[name].write(header + "\n")
        for paper in PAPERS:
            title = paper.name.replace("-", " ").capitalize()
            self._row("assets", paper.name, paper.asset_type, title, f"{ASSETS}/{paper.name}", f"{paper.name}*.pdf")

    def add(self, account: Account, start: int) -> None:
        """An account with its people and deals; its team with the first of its accounts."""
        team = account.team
        if team.number not in self._teams:
            self._teams.add(team.number)
            for seller in (team.lead, team.engineer):
                if seller.is_listed:
                    ids = f"slack:{seller.slack}" + (f";intercom:{seller.intercom}" if seller.intercom else "")
                    self._row(
                        "people", seller.key, "seller", seller.name, seller.email, "", "", seller.title, "false",
                        f"team-{team.number:04d}", "UTC", ids,
                    )  # fmt: skip
        self._row("accounts", account.account_id, account.name, account.domain, team.lead.key, "DE")
        self._row("assignments", account.account_id, team.lead.key, "owner", iso(start), "")
        for buyer in account.buyers:
            ids = f"segment:{buyer.app_user};snowplow:{buyer.app_user};slack:{buyer.slack};intercom:{buyer.intercom}"
            self._row(
                "people", buyer.key, "buyer", buyer.name, buyer.email, "", account.account_id, buyer.title,
                str(buyer.is_executive).lower(), "", "", ids,
            )  # fmt: skip
            if buyer.alias:
                self._row("aliases", "email", buyer.alias, buyer.key)
        for deal in account.deals:
            closed = iso(deal.closed_at) if deal.closed_at is not None else ""
            reason = "no_decision" if deal.status == "lost" else ""
            amount = 50_000 + 10_000 * (account.number % 70)
            stages = stages_of(deal)
            self._row(
                "opportunities", deal.opportunity_id, account.account_id, f"{account.name} planning", team.lead.key,
                iso(deal.opened_at), closed, deal.status, reason, str(amount), "USD", stages[-1][0],
            )  # fmt: skip
            for stage, entered_at in stages:
                self._row("stage_history", deal.opportunity_id, stage, iso(entered_at))
            for buyer in account.buyers:
                self._row("buying_group", deal.opportunity_id, buyer.key, buyer.role, iso(deal.opened_at), "")

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _row(self, table: str, *cells: str) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self._files[table].write(line.getvalue())
