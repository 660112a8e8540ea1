"""What truly happened, and the journeys that follow from it: a slow, obvious reading of semantics section 4.

Nothing here is shared with the code that is judged by it. Times are microseconds UTC.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pipelines.simulate.clock import DAY, MICROS, iso_micros
from pipelines.simulate.words import JOBS, UNCLASSIFIED

GAP = 14 * DAY * MICROS
OUTREACH = 7 * DAY * MICROS
BUYER = ("inbound", "mutual", "self_serve")
CODE = dict(zip(JOBS, ("PI", "SE", "RB", "SS", "VA", "CC"), strict=True))
CORE = JOBS[:4]


class TrueTouchpoint(msgspec.Struct, kw_only=True):
    """One interaction of the simulated world."""

    dedupe_key: str
    channel: str
    direction: str
    interaction_kind: str
    status: str = "held"
    occurred_at: int
    ended_at: int
    account_id: str | None
    opportunity_id: str | None
    buying_job: str
    is_countable: bool
    message_count: int = 1
    witness_count: int = 1
    """Native events that tell of it."""
    tags: tuple[str, ...] = ()
    """Of those that a trigger may rest on: competitor, price_terms."""
    engaged: tuple[str, ...] = ()
    """Buyer people who acted or attended."""

    def row(self) -> dict[str, Any]:
        """As written to ``truth/touchpoints.jsonl``."""
        row = msgspec.structs.asdict(self)
        row["occurred_at"], row["ended_at"] = iso_micros(self.occurred_at), iso_micros(self.ended_at)
        return row


class TrueJourney(msgspec.Struct):
    """Rows of one journey, as written to ``truth/sessions.jsonl``, ``visits.jsonl`` and ``loops.jsonl``."""

    sessions: list[dict[str, Any]]
    visits: list[dict[str, Any]]
    loops: list[dict[str, Any]]


def journeys_of(account_id: str, touchpoints: list[TrueTouchpoint]) -> list[TrueJourney]:
    """The account's journey and one per opportunity."""
    countable = [t for t in touchpoints if t.is_countable and t.account_id == account_id]
    if not countable:
        return []
    found = [journey_of("account", account_id, account_id, countable)]
    for deal in sorted({t.opportunity_id for t in countable if t.opportunity_id}):
        found.append(journey_of("opportunity", deal, account_id, [t for t in countable if t.opportunity_id == deal]))
    return found


def journey_of(scope: str, key: str, account_id: str, touchpoints: list[TrueTouchpoint]) -> TrueJourney:
    """Sessions (4.1), visits (4.2) and loops (4.3) of countable touchpoints whose times are all distinct."""
    ordered = sorted(touchpoints, key=lambda t: t.occurred_at)
    evidence = [t for t in ordered if t.direction in BUYER]
    sessions = _sessions(evidence)
    visits = _visits(sessions)
    name = {"journey_scope": scope, "journey_key": key, "account_id": account_id}
    session_rows = []
    for number, members in enumerate(sessions, start=1):
        start, end = members[0].occurred_at, max(t.ended_at for t in members)
        inside = [t for t in ordered if start <= t.occurred_at <= end + GAP]
        row = {"session_no": number, "started_at": iso_micros(start), "ended_at": iso_micros(end)}
        session_rows.append({**name, **row, "touchpoint_count": len(inside)})
    visit_rows = [
        {
            **name, "visit_no": number, "buying_job": members[0].buying_job,
            "started_at": iso_micros(members[0].occurred_at),
            "ended_at": iso_micros(max(t.ended_at for t in members)), "touchpoint_count": len(members),
        }
        for number, (_, members) in enumerate(visits, start=1)
    ]  # fmt: skip
    return TrueJourney(session_rows, visit_rows, [{**name, **loop} for loop in _loops(visits, ordered)])


def _sessions(evidence: list[TrueTouchpoint]) -> list[list[TrueTouchpoint]]:
    sessions: list[list[TrueTouchpoint]] = []
    for touchpoint in evidence:
        if sessions and touchpoint.occurred_at - max(t.ended_at for t in sessions[-1]) <= GAP:
            sessions[-1].append(touchpoint)
        else:
            sessions.append([touchpoint])
    return sessions


def _visits(sessions: list[list[TrueTouchpoint]]) -> list[tuple[int, list[TrueTouchpoint]]]:
    """(session number, touchpoints) of each visit."""
    visits: list[tuple[int, list[TrueTouchpoint]]] = []
    for number, members in enumerate(sessions):
        for touchpoint in members:
            if touchpoint.buying_job == UNCLASSIFIED:
                continue
            if visits and visits[-1][0] == number and visits[-1][1][0].buying_job == touchpoint.buying_job:
                visits[-1][1].append(touchpoint)
            else:
                visits.append((number, [touchpoint]))
    return visits


def _loops(visits: list[tuple[int, list[TrueTouchpoint]]], ordered: list[TrueTouchpoint]) -> list[dict[str, Any]]:
    loops = []
    jobs = [members[0].buying_job for _, members in visits]
    for k, job in enumerate(jobs):
        earlier = [i for i in range(k) if jobs[i] == job]
        if not earlier or earlier[-1] == k - 1:
            continue
        i = earlier[-1]
        between = jobs[i + 1 : k]
        left_at = max(t.ended_at for t in visits[i][1])
        returned = visits[k][1][0]
        is_core = job in CORE and any(one in CORE for one in between)
        loops.append(
            {
                "revisited_job": job,
                "from_visit_no": i + 1,
                "to_visit_no": k + 1,
                "loop_length": k - i - 1,
                "path": ">".join(CODE[one] for one in between),
                "loop_duration_seconds": max(0, returned.occurred_at // MICROS - left_at // MICROS),
                "loop_kind": "core" if is_core else "parallel",
                "trigger_type": _trigger(left_at, returned, visits[k - 1][0] != visits[k][0], ordered),
                "closed_by": _move(jobs[k - 1], job),
            }
        )
    return loops


def _trigger(left_at: int, returned: TrueTouchpoint, opens_session: bool, ordered: list[TrueTouchpoint]) -> str:
    until = [t for t in ordered if t.occurred_at <= returned.occurred_at]
    met = {who for t in until if t.occurred_at <= left_at for who in t.engaged}
    if any(who not in met for t in until if t.occurred_at > left_at for who in t.engaged):
        return "new_stakeholder"
    if "competitor" in returned.tags:
        return "competitor_mention"
    if "price_terms" in returned.tags:
        return "price_terms"
    if opens_session:
        return "silence_break"
    before = until[-2]
    if before.direction == "outbound" and returned.occurred_at - before.occurred_at <= OUTREACH:
        return "seller_outreach"
    return "buyer_initiated"


def _move(left: str, entered: str) -> str:
    if left == entered:
        return "resume"
    if left not in CORE or entered not in CORE:
        return "lateral"
    step = CORE.index(entered) - CORE.index(left)
    return "forward" if step == 1 else "skip" if step > 1 else "backward"
