"""Touches of the reference beside ``fact_touchpoint``, recognised by the set of their witnesses.

Not compared is what the definitions leave open: the time of a meeting that has several plans and which of their titles is its own, most
of one without both sides.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from reference_folding.directory import Directory
from reference_folding.jobs import types_of
from reference_folding.touches import HOUR, SECOND, History, Touch, united

Row = dict[str, Any]
Tables = dict[str, list[Row]]
LATE_AFTER = 72 * HOUR
MODALITIES = {
    "email": "remote_human",
    "video": "remote_human",
    "app": "digital_self_serve",
    "in_person": "in_person",
}
RISK_ASSETS = {"security_pack", "roi_model", "case_study", "customer_reference", "contract_terms"}
OPEN_ASSETS = {"pricing_proposal", "competition_sheet", "limitations_note", "mutual_action_plan"}
EXECUTIVES = {"CFO": True, "VP Sales": True, "Engineer": False, "AE": False, "User": False}
"""By title, of those whom the worlds know."""


def micros(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * SECOND)


def differences(touches: list[Touch], history: History, directory: Directory, tables: Tables) -> list[str]:
    """A line for each touch of one side alone, and for each column that is another one."""
    keys = {w.event_id: w.event.dedupe_key for w in history.all}
    deleted = {w.event_id for t in touches if t.family == "chat" for w in t.witnesses if history.is_deleted(w)}
    bridge = grouped(tables["bridge_touchpoint_event"])
    people = grouped(tables["fact_touchpoint_participant"])
    accounts = grouped(tables["bridge_touchpoint_account"])
    mine = {t.ids - deleted: t for t in touches if t.ids - deleted}
    told = {name: frozenset(link["event_id"] for link in links) - deleted for name, links in bridge.items()}
    rows = tables["fact_touchpoint"]
    theirs = {told[row["touchpoint_id"]]: row for row in rows if told[row["touchpoint_id"]]}
    lines = []
    for ids in mine.keys() ^ theirs.keys():
        side = "the reference" if ids in mine else "fact_touchpoint"
        lines.append(f"only in {side}: {sorted({keys[i] for i in ids})}")
    for ids in mine.keys() & theirs.keys():
        t, row = mine[ids], theirs[ids]
        found = people[row["touchpoint_id"]]
        ids_of_accounts = {link["account_id"] for link in accounts[row["touchpoint_id"]]}
        pairs = [*columns(t, row, directory), ("accounts", set(t.accounts), ids_of_accounts)]
        pairs.append(("in_reply_to", t.parent.ids - deleted if t.parent else None, told.get(row["in_reply_to"])))
        pairs += participants(t, row, found, directory)
        for name, expected, value in pairs:
            if not is_same(expected, value):
                lines.append(f"{row['dedupe_key']} {t.family} {name}: reference {expected!r}, product {value!r}")
    return sorted(lines)


def grouped(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["touchpoint_id"]].append(row)
    return found


def is_same(expected: Any, found: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, abs_tol=1e-6)
    return bool(expected == found)


def columns(t: Touch, row: Row, directory: Directory) -> Iterator[tuple[str, Any, Any]]:
    """Names, values of the reference and of the product, as far as the definitions tell them."""
    expected = common(t, directory)
    if t.family == "email":
        expected |= said(t) | {"interaction_kind": t.kind, "is_reply": t.is_reply} | heads(t)
    elif t.family == "chat":
        expected |= said(t) | {"interaction_kind": t.kind, "is_reply": t.is_reply}
    elif t.family == "app":
        expected |= {"page_path": t.page, "message_count": t.messages} | heads(t)
    elif t.status == "held":
        expected |= heads(t)
    if t.family != "chat":
        expected["modality"] = MODALITIES[t.channel]
        if t.buyer_minutes is not None:
            expected["buyer_minutes"] = t.buyer_minutes
    if t.family == "meeting":
        expected |= {"seller_minutes": t.seller_minutes, "interaction_kind": t.kind}
    expected["dart_dimensions"] = dart(row)
    expected["is_late"] = min(w.received_at for w in t.witnesses) - (micros(row["occurred_at"]) or 0) > LATE_AFTER
    left_open: tuple[str, ...] = ("occurred_at", "ended_at") if t.is_timeless else ()
    if t.is_timeless and t.status == "held":
        left_open += ("buyer_minutes", "seller_minutes")
    if t.is_one_sided:
        left_open += ("status", "is_countable", "occurred_at", "ended_at", "channel", "modality")
        left_open += ("opportunity_id", "opportunity_resolution", "buyer_minutes", "seller_minutes", "interaction_kind")
    if t.has_titles:
        left_open += ("buying_job", "interaction_kind")
    for name, value in expected.items():
        if name not in left_open:
            yield name, value, micros(row[name]) if name in ("occurred_at", "ended_at") else row[name]


def common(t: Touch, directory: Directory) -> Row:
    return {
        "occurred_at": t.start,
        "ended_at": t.end,
        "channel": t.channel,
        "direction": t.direction,
        "status": t.status,
        "is_automated": t.is_automated,
        "is_internal": t.is_internal,
        "is_voided": t.is_voided,
        "is_countable": t.is_countable,
        "account_id": t.account,
        "account_resolution": t.how,
        "opportunity_id": t.deal,
        "opportunity_resolution": t.deal_how,
        "owner_seller_id": t.owner,
        "buying_job": t.job,
        "asset_types": sorted(types_of(t.assets, directory)),
        "asset_id": t.assets[0] if len(t.assets) == 1 else None,
    }


def said(t: Touch) -> Row:
    return {
        "message_count": t.messages,
        "is_question": t.is_question,
        "is_ack": t.is_ack,
        "content_chars": t.chars,
    }


def heads(t: Touch) -> Row:
    return {"buyer_participant_count": t.buyers, "seller_participant_count": t.sellers}


def dart(row: Row) -> list[str]:
    """1.2: what other columns of the row make it; several may apply."""
    kinds, tags = set(row["asset_types"]), set(row["tags"])
    holds = {
        "dialogue": row["is_reply"] or row["direction"] == "mutual",
        "access": row["interaction_kind"] in ("demo", "workshop")
        or {"trial", "expert"} & tags
        or "technical_doc" in kinds,
        "risk_assessment": RISK_ASSETS & kinds or row["buying_job"] == "validation" or "risk" in tags,
        "transparency": OPEN_ASSETS & kinds or row["interaction_kind"] == "plan_update" or "plan_update" in tags,
    }
    return [name for name, is_so in holds.items() if is_so]


def participants(t: Touch, row: Row, found: list[Row], directory: Directory) -> Iterator[tuple[str, Any, Any]]:
    """Who they are, on which side, and whether engaged; roles and titles of those whom the directory knows; how long they stayed."""
    if not t.is_one_sided:
        mine = sorted((p.person or "", p.side, p.engaged) for p in t.people)
        yield "people", mine, sorted((p["person_id"] or "", p["side"], p["is_engaged"]) for p in found)
        homes = sorted((p.person or "", p.home or "") for p in t.people if p.side == "buyer")
        theirs = [p for p in found if p["side"] == "buyer"]
        yield "homes", homes, sorted((p["person_id"] or "", p["home_account_id"] or "") for p in theirs)
    if t.family in ("email", "chat"):
        copied = sorted(p.person or "" for p in t.people if p.role == "cc")
        yield "in copy", copied, sorted(p["person_id"] or "" for p in found if p["participation_role"] == "cc")
    for p in found:
        person = p["person_id"]
        if person is None:
            continue
        at = micros(row["occurred_at"]) or 0
        yield f"buyer_roles of {person}", directory.roles(row["opportunity_id"], person, at), p["buyer_roles"]
        title = directory.people[person]["title"]
        if title in EXECUTIVES:
            yield f"is_executive of {person}", EXECUTIVES[title], p["is_executive"]
        stays = [united(q.stays) for q in t.people if q.person == person]
        if t.has_reports and t.channel == "video" and stays:
            mine_seen = (
                (sum(b - a for a, b in stays[0]) // SECOND, stays[0][0][0], stays[0][-1][1])
                if stays[0]
                else (None,) * 3
            )
            theirs_seen = (p["attended_seconds"], micros(p["joined_at"]), micros(p["left_at"]))
            yield f"stay of {person}", mine_seen, theirs_seen
