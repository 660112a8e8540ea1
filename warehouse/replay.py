"""Rejected records in the ledger: reading them, and committing what a second try made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse import digests
from warehouse.commit import insert_events
from warehouse.landed import forget_landed, register_landed, stage_candidates
from warehouse.rows import Row, dicts
from warehouse.store import Store

OPEN = "(outcome IS NULL OR outcome = 'rejected')"


@dataclass(frozen=True)
class Pending:
    """A rejected record to be tried again."""

    unit_id: str
    position: int
    source: str
    name: str
    payload: bytes
    reason_code: str
    detail: str


def reasons(store: Store, source: str | None) -> list[Row]:
    """Counts by source and reason, the most frequent first, each with an example."""
    return dicts(
        store.connection,
        f"""SELECT source, reason_code, count(*) AS n, min(detail) AS example FROM rejected_record
            WHERE {OPEN} AND (? IS NULL OR source = ?) GROUP BY ALL ORDER BY n DESC, source, reason_code""",
        [source, source],
    )


def newest(store: Store, source: str | None, limit: int) -> list[Row]:
    return dicts(
        store.connection,
        f"""SELECT unit_id, position, source, reason_code, field_path, detail, location FROM rejected_record JOIN ledger_unit USING (unit_id, source)
            WHERE {OPEN} AND (? IS NULL OR source = ?) ORDER BY first_rejected_at DESC, location, position LIMIT ?""",
        [source, source, limit],
    )


def find(store: Store, unit: str, position: int) -> list[tuple[Row, bytes]]:
    rows = dicts(
        store.connection,
        """SELECT r.unit_id, r.position, r.source, location, reason_code, field_path, detail, first_rejected_at, replayed_at, outcome, v.payload
           FROM rejected_record r JOIN ledger_unit USING (unit_id)
           LEFT JOIN vault.reject_payload v ON v.unit_id = r.unit_id AND v.position = r.position
           WHERE starts_with(r.unit_id, ?) AND r.position = ?""",
        [unit, position],
    )
    return [({k: v for k, v in row.items() if k != "payload"}, row["payload"] or b"") for row in rows]


def pending(store: Store, source: str | None, left_out: str) -> list[Pending]:
    """Rejected records not yet replayed to success; ``left_out`` is a source that is not replayed."""
    rows = store.connection.execute(
        f"""SELECT r.unit_id, r.position, r.source, location, v.payload, reason_code, detail FROM rejected_record r
            JOIN ledger_unit USING (unit_id) JOIN vault.reject_payload v ON v.unit_id = r.unit_id AND v.position = r.position
            WHERE {OPEN} AND r.source <> ? AND (? IS NULL OR r.source = ?) AND octet_length(v.payload) > 0
            ORDER BY r.unit_id, r.position""",
        [left_out, source, source],
    ).fetchall()
    return [
        Pending(u, p, s, location.split("/", 2)[2] if location.startswith("inbox/") else location, *rest)
        for u, p, s, location, *rest in rows
    ]


def commit_replay(store: Store, files: Sequence[Path], schema: Any, now: int) -> dict[str, int]:
    """Commit what became of the replayed records; conservation holds before and after. Counts by outcome."""
    con = store.connection
    units = con.execute("SELECT unit_id, epoch_us(landed_at) FROM ledger_unit").fetchall()
    register_landed(store, files, schema, dict(units))
    stage_candidates(store)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE verdict AS
           SELECT l.unit_id, l.position, any_value(l.system) AS system, any_value(l.reason) AS reason, count(DISTINCT f.event_id) AS events,
                  CASE WHEN any_value(l.outcome) <> 'event' THEN any_value(l.outcome)
                       WHEN count(DISTINCT f.event_id) > 0 THEN 'accepted' ELSE 'duplicate' END AS outcome
           FROM landed l LEFT JOIN fresh f USING (event_id, unit_id, position) GROUP BY l.unit_id, l.position"""
    )
    insert_events(store)
    con.execute(
        """UPDATE ledger_unit u SET accepted_count = accepted_count + v.accepted, duplicate_count = duplicate_count + v.duplicate,
             ignored_count = ignored_count + v.ignored, rejected_count = rejected_count - v.accepted - v.duplicate - v.ignored,
             event_count = event_count + v.events
           FROM (SELECT unit_id, count(*) FILTER (outcome = 'accepted') AS accepted, count(*) FILTER (outcome = 'duplicate') AS duplicate,
                        count(*) FILTER (outcome = 'ignored') AS ignored, sum(events)::BIGINT AS events FROM verdict GROUP BY unit_id) v
           WHERE u.unit_id = v.unit_id"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE ignored_now AS
           SELECT unit_id, source, reason, sum(n)::BIGINT AS n FROM (
             SELECT unit_id, source, reason, n FROM ignored_record_count
             UNION ALL SELECT unit_id, system, reason, count(*) FROM verdict WHERE outcome = 'ignored' GROUP BY ALL) GROUP BY ALL"""
    )
    con.execute("DELETE FROM ignored_record_count")
    con.execute("INSERT INTO ignored_record_count FROM ignored_now")
    con.execute(
        """UPDATE rejected_record r SET replayed_at = make_timestamptz(?), outcome = v.outcome FROM verdict v
           WHERE r.unit_id = v.unit_id AND r.position = v.position""",
        [now],
    )
    digests.settle(con)
    con.execute("COMMIT")
    store.set_mark("landing", None)
    counts = dict(con.execute("SELECT outcome, count(*) FROM verdict GROUP BY 1").fetchall())
    forget_landed(store)
    return counts
