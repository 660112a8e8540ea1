"""The directory of a simulated workspace made untidy: what a CRM says of people, accounts and times when nobody looks after it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from crm_files import File

TEAMS = ("north", "south", "", "west")
ZONES = ("", "UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")


def make_untidy(crm: Path, seed: int, moments: Sequence[str]) -> None:
    """Change the CSVs of ``inbox/crm`` in place. ``moments`` are ISO times at which assignments and memberships begin and end."""
    dice = random.Random(seed)
    accounts, people = File(crm / "accounts.csv"), File(crm / "people.csv")
    deals, groups = File(crm / "opportunities.csv"), File(crm / "buying_group.csv")
    assignments = File(crm / "assignments.csv")
    sellers = hire(people, dice)
    neglect_accounts(accounts, dice)
    reassign(assignments, sellers, moments, dice)
    forget_people(people, accounts, dice)
    regroup(groups, people, moments, dice)
    for deal in deals.rows:
        if dice.random() < 0.15:
            deal["account_id"] = dice.choice(accounts.rows)["account_id"]
    accounts.write(["account_id"])
    people.write(["person_id"])
    deals.write(["opportunity_id"])
    groups.write(["opportunity_id", "person_id", "buyer_role", "valid_from"])
    assignments.write(["account_id", "seller_id", "role", "valid_from"])


def hire(people: File, dice: random.Random) -> list[str]:
    """Sellers in several teams, in none, and in several zones; two who never touch anything. Returns the ids of all."""
    sellers = [row for row in people.rows if row["side"] == "seller"]
    for number, seller in enumerate(sellers):
        seller["team_id"] = TEAMS[number % len(TEAMS)]
        seller["timezone"] = dice.choice(ZONES)
    idle = [
        people.row(
            person_id=f"S-idle-{team}",
            side="seller",
            full_name=f"Idle {team}",
            emails=f"idle.{team}@vendor.example",
            is_executive="false",
            team_id=team,
        )
        for team in ("north", "east")
    ]
    people.rows += idle
    return [row["person_id"] for row in sellers + idle]


def neglect_accounts(accounts: File, dice: random.Random) -> None:
    """Some without an owner, and two pairs that share a domain."""
    for account in accounts.rows:
        if dice.random() < 0.3:
            account["owner_seller_id"] = ""
    first, second, third, fourth = accounts.rows[:4]
    second["domains"] = f"{first['domains']};{second['domains']}"
    fourth["domains"] = third["domains"]


def reassign(assignments: File, sellers: list[str], moments: Sequence[str], dice: random.Random) -> None:
    """Some dropped, some bounded, be it to nothing at all, and further ones of other sellers beside them."""
    kept = []
    for assignment in assignments.rows:
        fate = dice.choice(("dropped", "bounded", "begun", "kept", "kept", "kept"))
        if fate == "dropped":
            continue
        if fate in ("bounded", "begun"):
            assignment["valid_from"] = dice.choice([*moments, ""])
        if fate == "bounded":
            assignment["valid_to"] = dice.choice(moments)
        kept.append(assignment)
        for _ in range(dice.randint(1, 3)):
            kept.append(
                assignments.row(
                    account_id=assignment["account_id"],
                    seller_id=dice.choice(sellers),
                    role=dice.choice(("team", "team", "owner")),
                    valid_from=dice.choice([*moments, ""]),
                    valid_to=dice.choice([*moments, "", ""]),
                )
            )
    assignments.rows = kept


def forget_people(people: File, accounts: File, dice: random.Random) -> None:
    """Buyers whom the directory does not know, or knows as partners, as another account's or as nobody's."""
    kept = []
    for person in people.rows:
        if person["side"] == "buyer":
            fate = dice.choices(
                ("known", "unknown", "partner", "elsewhere", "nowhere"),
                weights=(60, 15, 5, 15, 5),
            )[0]
            if fate == "unknown":
                continue
            if fate == "partner":
                person["side"] = "partner"
            elif fate == "elsewhere":
                person["account_id"] = dice.choice(accounts.rows)["account_id"]
            elif fate == "nowhere":
                person["account_id"] = ""
        kept.append(person)
    people.rows = kept


def regroup(groups: File, people: File, moments: Sequence[str], dice: random.Random) -> None:
    """Memberships that begin late, end, never began, or are of somebody from anywhere."""
    outsiders = [row["person_id"] for row in people.rows if row["side"] != "seller"]
    for member in groups.rows:
        if dice.random() < 0.3:
            member["valid_from"] = dice.choice([*moments, ""])
        if dice.random() < 0.4:
            member["valid_to"] = dice.choice(moments)
        if dice.random() < 0.1:
            member["person_id"] = dice.choice(outsiders)
