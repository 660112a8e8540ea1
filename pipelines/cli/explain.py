"""``explain``: why a touchpoint is what it is, in words or as rows, from the published snapshot alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pipelines.cli.show import reading_snapshot
from pipelines.errors import UserError
from warehouse.rows import Row, dicts


class Explanation(msgspec.Struct):
    """What the tables say of a touchpoint, and why: rows with the columns of these tables."""

    touchpoint: Row
    """Of ``fact_touchpoint``."""
    witnesses: list[Row]
    """Of ``fact_event``, with the rule that joined each and the location of its unit, in the order of time."""
    people: list[Row]
    """Of ``fact_touchpoint_participant``, with name and title where the directory has them."""
    resolution: list[Row]
    """The current row of ``touchpoint_resolution``."""
    further_accounts: list[str]
    """Accounts that it counts for beside the one it is of."""
    journeys: list[Row]
    """Its place in the journeys that it is part of: session, visit, and the loop that it closes."""
    not_counted: list[str]
    """Why it does not count in the marts; empty if it does."""


def explained(snapshot: Path, touchpoint: str) -> Explanation:
    """``touchpoint`` may be the first characters of an id; raises ``UserError`` unless it names exactly one."""
    with reading_snapshot(snapshot) as connection:
        found = dicts(
            connection, "SELECT * FROM fact_touchpoint WHERE starts_with(touchpoint_id, ?) LIMIT 3", [touchpoint]
        )
        if not found:
            raise UserError(f"no touchpoint's id starts with {touchpoint!r} in {snapshot}")
        if len(found) > 1:
            raise UserError(f"several touchpoints' ids start with {touchpoint!r}: give more characters")
        (row,) = found
        name = row["touchpoint_id"]
        return Explanation(
            touchpoint=row,
            witnesses=dicts(connection, WITNESSES, [name]),
            people=dicts(connection, PEOPLE, [name]),
            resolution=dicts(connection, RESOLUTION, [name]),
            further_accounts=[other["account_id"] for other in dicts(connection, FURTHER_ACCOUNTS, [name])],
            journeys=dicts(connection, JOURNEYS, [name]),
            not_counted=list(_not_counted(row)),
        )


def explain_touchpoint(snapshot: Path, touchpoint: str) -> list[str]:
    """Lines of prose; else as ``explained``."""
    told = explained(snapshot, touchpoint)
    return [
        *_what(told.touchpoint),
        *_witnesses(told.witnesses),
        *_people(told.people),
        *_account(told),
        *_job(told.touchpoint),
        *_journeys(told.journeys),
        f"It does not count in the marts: {'; '.join(told.not_counted)}."
        if told.not_counted
        else "It counts in the marts.",
    ]


WITNESSES = """
SELECT e.*, b.rule_id, u.location FROM bridge_touchpoint_event b JOIN fact_event e USING (event_id)
LEFT JOIN ledger_unit u ON u.unit_id = e.unit_id WHERE touchpoint_id = ? ORDER BY e.occurred_at, e.event_id"""
PEOPLE = """
SELECT x.*, p.full_name, p.title FROM fact_touchpoint_participant x LEFT JOIN dim_person p USING (person_id)
WHERE touchpoint_id = ? ORDER BY participant_seq"""
RESOLUTION = "SELECT * FROM touchpoint_resolution WHERE touchpoint_id = ? AND is_current"
FURTHER_ACCOUNTS = (
    "SELECT account_id FROM bridge_touchpoint_account WHERE touchpoint_id = ? AND NOT is_primary ORDER BY 1"
)
JOURNEYS = """
SELECT m.journey_id, s.journey_scope, coalesce(s.opportunity_id, s.account_id) AS key, m.session_no, m.visit_no, v.buying_job,
       l.loop_id IS NOT NULL AS closes, l.path, l.trigger_type
FROM bridge_touchpoint_journey m JOIN mart_journey_summary s USING (journey_id)
LEFT JOIN fact_visit v ON v.journey_id = m.journey_id AND v.visit_no = m.visit_no
LEFT JOIN fact_loop l ON l.journey_id = m.journey_id AND l.return_touchpoint_id = m.touchpoint_id
WHERE m.touchpoint_id = ? ORDER BY s.journey_scope, key"""


def _what(t: Row) -> Iterator[str]:
    until = "" if t["ended_at"] == t["occurred_at"] else f" to {_at(t['ended_at'])}"
    yield f"Touchpoint {t['touchpoint_id']}"
    yield f"  {t['interaction_kind']} by {t['channel']} ({t['medium']}), {t['direction']}, {_at(t['occurred_at'])}{until}, {t['status']}"
    if t["subject_text"]:
        yield f"  about: {t['subject_text']}"
    yield f"  its time is known from: {t['time_quality']}; it is one interaction because of {t['dedupe_key']}"


def _witnesses(rows: list[Row]) -> Iterator[str]:
    yield f"Witnesses: {len(rows)}"
    for row in rows[:20]:
        revision = f", revision {row['revision']}" if row["revision"] > 1 else ""
        yield f"  {row['system']} said {row['source_event_id']}{revision} at {_at(row['occurred_at'])}; joined by rule {row['rule_id']}"
        yield f"    from {row['location']}, record {row['position']}"
    if len(rows) > 20:
        yield f"  and {len(rows) - 20} more"


PERSON_RULES = {
    "R1": "an external id in the directory, or in a profile with what leads there",
    "R2": "an email address in the directory",
    "R3": "an alias, or the same address without its +tag (at Gmail without dots, too)",
    "R4": "a phone number that exactly one person has",
    "R5": "an anonymous id that an identified event bound",
    "R6": "that identifier leads to nobody in the directory, or not to one person alone: a provisional party",
}


def _people(rows: list[Row]) -> Iterator[str]:
    yield f"People: {len(rows)}"
    for row in rows:
        name = row["full_name"] or row["party_id"]
        roles = f", {', '.join(row['buyer_roles'])}" if row["buyer_roles"] else ""
        engaged = ", engaged" if row["is_engaged"] else ""
        yield f"  {name} ({row['side']}, {row['participation_role']}{roles}{engaged})"
        yield f"    known by {row['identifier_type'] or 'nothing'}: {PERSON_RULES.get(row['person_rule_id'], row['person_rule_id'])}"


ACCOUNT_RULES = {
    "A1": "the payload names the account",
    "A2": "the person's account in the directory",
    "A3": "the domain of an address belongs to exactly one account",
    "A4": "the domain belongs to several accounts, and nothing else in the message or its thread tells which",
    "A5": "whoever else in the thread has an account is of this one",
    "A6": "nothing leads to an account",
}


SETTLED = "the domain belongs to several accounts, and others in its thread or conversation to this one of them"
"""A4 where it gives an account."""
DEAL_RULES = {
    "explicit": "the payload names it",
    "group_member": "somebody of its buying group took part",
    "team": "its owner, or somebody of the owner's team, took part",
    "only": "the account's only one that was open then or opened soon after",
    "ambiguous": "the account had several that were open then or opened soon after, and nothing tells which",
    "none": "the account had none that was open then or opened soon after",
}


def _account(told: Explanation) -> Iterator[str]:
    for row in told.resolution:
        rule = row["account_rule_id"]
        others = f" (candidates: {', '.join(row['account_candidates'])})" if len(row["account_candidates"]) > 1 else ""
        reason = SETTLED if rule == "A4" and row["account_id"] else ACCOUNT_RULES.get(rule, "")
        yield f"Account: {row['account_id'] or 'none'}, {row['account_resolution']}: {rule}, {reason}{others}"
        if told.further_accounts:
            yield f"  it is of {', '.join(told.further_accounts)} too, whose people are among those named"
        deals = (
            f" (candidates: {', '.join(row['opportunity_candidates'])})"
            if len(row["opportunity_candidates"]) > 1
            else ""
        )
        found = row["opportunity_resolution"]
        why = "no account, so no deal" if row["account_id"] is None else DEAL_RULES.get(found, found)
        yield f"Deal: {row['opportunity_id'] or 'none'}, {why}{deals}"


UNCLASSIFIED = {
    "no_evidence": "no rule found evidence",
    "tie": "rules of equal priority name different jobs",
    "below_min_confidence": "the evidence ranks below journeys.min_confidence",
}


def _job(t: Row) -> Iterator[str]:
    if t["buying_job"] == "unclassified":
        basis, _, rules = (t["buying_job_basis"] or "no_evidence").partition(":")
        why = UNCLASSIFIED.get(basis, basis) + (f": {rules.replace(',', ', ')}" if rules else "")
        yield f"Buying job: unclassified, {why}"
    else:
        rule, rank = t["buying_job_rule_id"], t["buying_job_confidence"]
        yield f"Buying job: {t['buying_job']}, by rule {rule} (rank of evidence {rank}): {t['buying_job_basis']}"
    if t["tags"]:
        yield f"  tags: {', '.join(t['tags'])}"


def _journeys(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        session = f"session {row['session_no']}" if row["session_no"] else "no session: outreach outside of all"
        visit = f"visit {row['visit_no']} ({row['buying_job']})" if row["visit_no"] else "no visit of a job"
        yield f"Journey of {row['journey_scope']} {row['key']}: {session}, {visit}"
        if row["closes"]:
            yield f"  it closes a loop over {row['path']}, trigger {row['trigger_type']}"


def _not_counted(t: Row) -> Iterator[str]:
    """Reasons, for one that does not count."""
    if t["is_countable"]:
        return
    for holds, reason in (
        (t["status"] != "held", f"its status is {t['status']}"),
        (t["is_voided"], "it was deleted or cancelled at its source"),
        (t["is_internal"], "nobody from outside took part"),
        (t["is_automated"], "it is automated"),
        (t["account_id"] is None, "no account is resolved"),
    ):
        if holds:
            yield reason


def _at(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
