"""Random edits of a simulated workspace's directory, as exports of one night after another differ."""

from __future__ import annotations

import random
from pathlib import Path

from crm_files import File

KEYS = {
    "accounts": ["account_id"],
    "people": ["person_id"],
    "opportunities": ["opportunity_id"],
    "buying_group": ["opportunity_id", "person_id", "buyer_role", "valid_from"],
    "assignments": ["account_id", "seller_id", "role", "valid_from"],
    "aliases": ["identifier_type", "identifier"],
    "stage_history": ["opportunity_id", "entered_at"],
}
MOMENTS = ("2026-02-01T00:00:00Z", "2026-03-15T12:00:00Z", "2026-05-01T00:00:00Z", "2026-06-20T08:00:00Z")
VALUES = {
    "side": ("buyer", "seller", "partner"),
    "domains": ("group.example", "acme.example;group.example", ""),
    "status": ("open", "won", "lost"),
    "opened_at": MOMENTS,
    "closed_at": (*MOMENTS, ""),
    "valid_from": (*MOMENTS, ""),
    "valid_to": (*MOMENTS, ""),
    "timezone": ("", "Asia/Kathmandu", "America/New_York"),
    "team_id": ("", "north", "south"),
    "is_executive": ("true", "false", ""),
    "title": ("CEO", "Vice President Sales", "Clerk", ""),
    "country": ("DE", "US", ""),
    "role": ("owner", "team"),
}


def share_names(crm: Path, dice: random.Random) -> None:
    """Some people have another's address; aliases of people's own names and of others."""
    people = File(crm / "people.csv")
    for person in people.rows:
        if dice.random() < 0.05:
            person["emails"] = dice.choice(people.rows)["emails"]
    people.write(KEYS["people"])
    aliases = File(crm / "aliases.csv")
    listed = [one for row in people.rows for one in row["emails"].split(";") if one]
    named = [f"alias{number}@group.example" for number in range(6)] + dice.sample(listed, 4)
    for one in named:
        person_id = dice.choice(people.rows)["person_id"]
        aliases.rows.append(aliases.row(identifier_type="email", identifier=one, person_id=person_id))
    aliases.write(KEYS["aliases"])


def edit(crm: Path, dice: random.Random) -> list[str]:
    """Up to three rows are changed in a column, go, or come. Returns what was done, in words."""
    return [said for _ in range(dice.randint(1, 3)) if (said := _edit(crm, dice.choice(list(KEYS)), dice))]


def _edit(crm: Path, name: str, dice: random.Random) -> str:
    file, key = File(crm / f"{name}.csv"), KEYS[name]
    row, column = dice.choice(file.rows), dice.choice(file.columns)
    other = dice.choice(file.rows)[column]
    what = dice.choices(("cell", "gone", "new"), (4, 1, 1))[0]
    if what == "gone":
        file.rows.remove(row)
        said = f"{name}: {row} is gone"
    elif what == "new":
        new = row | {one: f"{row[one]}-{dice.randint(0, 99)}" for one in key if len(key) == 1}
        new |= {one: dice.choice(file.rows)[one] for one in key if len(key) > 1}
        new |= {} if column in key else {column: other}
        file.rows.append(new)
        said = f"{name}: {new} is new"
    else:
        was = row[column]
        row[column] = dice.choice((other, dice.choice(VALUES.get(column, (other,)))))
        if column == "emails" and dice.random() < 0.5:
            row[column] = f"{was};{row[column]}".strip(";")
        said = f"{name} {row[key[0]]}: {column} is {row[column]!r}, and was {was!r}"
    file.write(key)
    return said
