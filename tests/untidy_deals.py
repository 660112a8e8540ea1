"""A simulated workspace's directory made messy: second deals, odd closes, roles that change hands, people whom nobody knows."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

from crm_files import File, Row

Rows = list[Row]

LOSS_REASONS = ("price", "product_gap", "no_decision", "competitor", "")
ROLES = ("champion", "economic_buyer", "technical_evaluator", "user", "blocker", "influencer")


def make_messy(workspace: Path, seed: int) -> None:
    """Edit the CRM's files below ``inbox/crm``. Same seed, same mess."""
    dice = random.Random(seed)
    names = ("opportunities", "buying_group", "people", "accounts")
    files = [File(workspace / "inbox" / "crm" / f"{name}.csv") for name in names]
    deals, groups, people, accounts = (file.rows for file in files)
    for deal in deals:
        _change_deal(deal, dice)
    groups += _add_second_deals(deals, groups, dice)
    for deal in deals:
        _change_close(deal, dice)
    deal_of = {deal["opportunity_id"]: deal for deal in deals}
    for member in groups:
        _change_validity(member, deal_of[member["opportunity_id"]], dice)
    groups += _successors(groups, dice)
    for person in people:
        _change_person(person, [account["account_id"] for account in accounts], dice)
    for account in accounts:
        account["country"] = dice.choice(("DE", "US", ""))
    people[:] = [person for person in people if dice.random() > 0.12]
    keys = (
        ["opportunity_id"],
        ["opportunity_id", "person_id", "buyer_role", "valid_from"],
        ["person_id"],
        ["account_id"],
    )
    for file, key in zip(files, keys, strict=True):
        file.write(key)


def _later(moment: str, days: float, seconds: int = 0) -> str:
    then = datetime.fromisoformat(moment) + timedelta(days=days, seconds=seconds)
    return then.isoformat().replace("+00:00", "Z")


def _close(deal: Row, status: str, closed_at: str, dice: random.Random) -> None:
    deal["status"], deal["closed_at"] = status, closed_at
    deal["loss_reason"] = dice.choice(LOSS_REASONS) if status == "lost" else ""


def _change_deal(deal: Row, dice: random.Random) -> None:
    """Lost, won and open, at the landmark to the second and off it; with another amount, in another currency, without either."""
    status = dice.choice(("lost", "lost", "won", "open", deal["status"]))
    if status == "open":
        _close(deal, status, "", dice)
    else:
        days, seconds = dice.choice((14, 29.5, 30, 35, 60, 90, 100)), dice.choice((0, 0, 12_345))
        _close(deal, status, _later(deal["opened_at"], days, seconds), dice)
    deal["amount"] = dice.choice((deal["amount"], "", "500000", "499999.99", "1200000"))
    deal["currency"] = dice.choice(("USD", "USD", "EUR", ""))
    if dice.random() < 0.4:
        deal["opened_at"] = _later(deal["opened_at"], -dice.choice((5, 20, 40)), -dice.choice((0, 777)))


def _add_second_deals(deals: Rows, groups: Rows, dice: random.Random) -> Rows:
    """Half of the deals get another of the same account beside or behind them; their groups, some people in other roles."""
    added = []
    for deal in list(deals):
        if dice.random() < 0.5:
            continue
        second = dict(deal, opportunity_id=deal["opportunity_id"] + "b")
        second["opened_at"] = _later(deal["opened_at"], dice.choice((0, 7, 30, 60)))
        status = dice.choice(("open", "lost", "won"))
        closed_at = "" if status == "open" else _later(second["opened_at"], dice.choice((10, 31, 50, 80)))
        _close(second, status, closed_at, dice)
        deals.append(second)
        for member in groups:
            if member["opportunity_id"] == deal["opportunity_id"] and dice.random() < 0.6:
                added.append(dict(member, opportunity_id=second["opportunity_id"], buyer_role=dice.choice(ROLES)))
    return added


def _change_close(deal: Row, dice: random.Random) -> None:
    """Closed nobody knows when, closed as it was opened, opened again with its close kept, opened after everything."""
    chance = dice.random()
    if chance < 0.08:
        deal["closed_at"] = ""
    elif chance < 0.14 and deal["closed_at"]:
        deal["closed_at"] = deal["opened_at"]
    elif chance < 0.22:
        deal["status"], deal["loss_reason"] = "open", ""
    elif chance < 0.28:
        _close(deal, "open", "", dice)
        deal["opened_at"] = "2026-11-01T00:00:00Z"


def _change_validity(member: Row, deal: Row, dice: random.Random) -> None:
    """Roles that begin or end with the close to the second, in the middle of the deal, or as they begin."""
    chance = dice.random()
    if chance < 0.12 and deal["closed_at"]:
        member["valid_from"], member["valid_to"] = deal["closed_at"], ""
    elif chance < 0.24 and deal["closed_at"]:
        member["valid_from"], member["valid_to"] = "", deal["closed_at"]
    elif chance < 0.4:
        member["valid_from"] = ""
    elif chance < 0.6:
        member["valid_from"] = _later(deal["opened_at"], dice.choice((0, 10, 25)))
        member["valid_to"] = dice.choice(("", _later(member["valid_from"], dice.choice((0, 5, 20, 45)))))


def _successors(groups: Rows, dice: random.Random) -> Rows:
    """Who gives up a role may take another one at once or later; some have two."""
    added = []
    for member in groups:
        role = dice.choice(ROLES)
        if member["valid_to"] and dice.random() < 0.6:
            start = _later(member["valid_to"], dice.choice((0, 0, 10)))
            added.append(dict(member, buyer_role=role, valid_from=start, valid_to=""))
        elif dice.random() < 0.1:
            added.append(dict(member, buyer_role=role))
    return added


def _change_person(person: Row, accounts: list[str], dice: random.Random) -> None:
    """Buyers who are executives by flag or by title alone, partners, or another account's; sellers in other zones."""
    chance = dice.random()
    if person["side"] == "seller":
        person["timezone"] = dice.choice((person["timezone"], "America/New_York", "Asia/Kathmandu", ""))
    elif chance < 0.1:
        person["is_executive"] = "true"
    elif chance < 0.15:
        person["is_executive"], person["title"] = "", "VP Operations"
    elif chance < 0.2:
        person["side"] = "partner"
    elif chance < 0.27:
        person["account_id"] = dice.choice(accounts)
