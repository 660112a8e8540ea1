"""Landed units read once more: what the ledger and the events say of them is replaced by what today's adapters make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse import digests
from warehouse.commit import UnitRow, count_by_unit, insert_events, stage_units
from warehouse.landed import forget_landed, stage_candidates
from warehouse.store import DERIVE_AGAIN, Store

IN_REPLAY = "unit_id IN (SELECT unit_id FROM landed_before)"


@dataclass(frozen=True)
class LandedUnit(UnitRow):
    """A row of the ledger that can be read again. ``landed_at`` is in microseconds."""

    landed_at: int


@dataclass(frozen=True)
class Replayed:
    """What a replay did: records read, and events that came, that say something else now, and that are gone."""

    units: int = 0
    records: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0

    def __add__(self, other: Replayed) -> Replayed:
        return Replayed(
            self.units + other.units, self.records + other.records, self.new + other.new,
            self.changed + other.changed, self.gone + other.gone,
        )  # fmt: skip


def landed_units(store: Store, location: str, start: int | None, end: int | None) -> list[LandedUnit]:
    """Files and ranges whose location matches a pattern (``*`` for anything), in order.

    Of ranges only those that hold an offset from ``start`` to ``end`` (exclusive); None leaves that side open.
    """
    rows = store.connection.execute(
        """SELECT unit_id, source, kind, location, range_start, range_end, adapter_version, epoch_us(landed_at) FROM ledger_unit
           WHERE source <> 'crm' AND kind IN ('file', 'kafka') AND location GLOB $location
             AND (kind = 'file' OR (range_end > coalesce($start, 0) AND range_start < coalesce($end, range_end)))
           ORDER BY location, range_start, unit_id""",
        {"location": location, "start": start, "end": end},
    ).fetchall()
    return [LandedUnit(*row) for row in rows]


def commit_units(store: Store, units: Sequence[UnitRow], now: int) -> Replayed:
    """Commit the registered landing of units that the ledger has, in their place; the units name today's adapters.

    An event that these units were the first to tell is now told by them anew, or gone; one that another unit told first stays
    that unit's. What was rejected before keeps its row, as tried again ``now`` (in microseconds). Conservation holds before and after. The
    next increment derives everything again if an event changed.
    """
    con = store.connection
    stage_units(store, "landed_before", units)
    stage_candidates(store)
    _stage_changes(store)
    new, changed, gone, moved = (
        store.count(f"SELECT count(*) FROM {table}") for table in ("fresh", "better", "gone", "moved")
    )
    count_by_unit(store, "row IN (SELECT row FROM own)")
    if new or changed or gone or moved:
        store.set_mark("config", DERIVE_AGAIN)  # identities too may have rested on what is gone
    con.execute(
        """UPDATE vault.event_detail d SET unit_id = m.unit_id, position = m.position FROM moved m WHERE d.event_id = m.event_id"""
    )
    con.execute(f"DELETE FROM vault.reject_payload WHERE {IN_REPLAY}")
    con.execute(f"DELETE FROM vault.binding WHERE {IN_REPLAY}")
    insert_events(store)
    if gone or moved:
        digests.forget(con, "fact_event")
    con.execute("DELETE FROM fact_event WHERE event_id IN (SELECT event_id FROM gone)")
    con.execute(
        "UPDATE fact_event f SET unit_id = m.unit_id, position = m.position FROM moved m WHERE f.event_id = m.event_id"
    )
    _replace_ledger(store)
    _replace_rejects(store, now)
    digests.settle(con)
    con.execute("COMMIT")
    store.recover()  # what the warehouse no longer has leaves the vault
    records = store.count("SELECT coalesce(sum(records), 0)::BIGINT FROM counted")
    for table in ("better", "own", "known", "gone", "moved", "counted", "landed_before"):
        con.execute(f"DROP TABLE temp.{table}")
    forget_landed(store)
    return Replayed(len(units), records, new, changed, gone)


def _stage_changes(store: Store) -> None:
    """``better`` again (known events that these bytes now make something else of, or that the bytes which told them tell no more),
    ``gone``; ``own``, the rows that count as the first telling of an event; and ``moved``, events that are no longer told where they
    were first, and still are elsewhere in these units.
    """
    con = store.connection
    con.execute(
        """CREATE OR REPLACE TEMP TABLE better AS
           FROM landed WHERE row IN (
             SELECT l.row FROM landed l JOIN vault.event_detail d USING (event_id)
             WHERE l.is_first AND (l.payload_hash < d.payload_hash
                OR (l.payload_hash = d.payload_hash AND (l.detail <> d.detail OR l.fold_hash <> d.fold_hash))
                OR (d.payload_hash IN (SELECT payload_hash FROM landed WHERE payload_hash IS NOT NULL)
                    AND (d.event_id, d.payload_hash) NOT IN (SELECT (event_id, payload_hash) FROM landed WHERE event_id IS NOT NULL))))"""
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE known AS SELECT event_id, unit_id, position FROM fact_event WHERE {IN_REPLAY}"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE gone AS SELECT event_id FROM known ANTI JOIN candidate USING (event_id)")
    con.execute(
        """CREATE OR REPLACE TEMP TABLE own AS
           SELECT row, NULL AS event_id FROM fresh
           UNION ALL SELECT row, event_id FROM landed SEMI JOIN known USING (event_id, unit_id, position)"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE moved AS
           FROM candidate SEMI JOIN known USING (event_id) ANTI JOIN own USING (event_id)"""
    )
    con.execute("INSERT INTO own SELECT row, event_id FROM moved")


def _replace_ledger(store: Store) -> None:
    con = store.connection
    con.execute(
        """UPDATE ledger_unit u SET record_count = coalesce(c.records, 0), accepted_count = coalesce(c.accepted, 0),
             duplicate_count = coalesce(c.duplicate, 0), ignored_count = coalesce(c.ignored, 0), rejected_count = coalesce(c.rejected, 0),
             event_count = coalesce(c.events, 0), adapter_version = b.adapter_version
           FROM landed_before b LEFT JOIN counted c USING (unit_id) WHERE u.unit_id = b.unit_id"""
    )
    con.execute(f"DELETE FROM ignored_record_count WHERE {IN_REPLAY}")
    con.execute(
        "INSERT INTO ignored_record_count SELECT unit_id, system, reason, count(*) FROM landed WHERE outcome = 'ignored' GROUP BY ALL"
    )


def _replace_rejects(store: Store, now: int) -> None:
    """A record that was rejected keeps its row, with what became of it; its reason is today's if it has one. What these bytes have no
    record for any more goes."""
    con = store.connection
    con.execute(f"CREATE OR REPLACE TEMP TABLE rejected_before AS FROM rejected_record WHERE {IN_REPLAY}")
    con.execute(f"DELETE FROM rejected_record WHERE {IN_REPLAY}")
    con.execute(
        """INSERT INTO rejected_record (unit_id, position, source, reason_code, field_path, detail, first_rejected_at, replayed_at, outcome)
           SELECT l.unit_id, l.position, l.system, l.reason, l.field_path, l.explanation, coalesce(b.first_rejected_at, make_timestamptz($now)),
                  CASE WHEN b.unit_id IS NOT NULL THEN make_timestamptz($now) END, CASE WHEN b.unit_id IS NOT NULL THEN 'rejected' END
           FROM landed l LEFT JOIN rejected_before b USING (unit_id, position) WHERE l.outcome = 'rejected'""",
        {"now": now},
    )
    con.execute(
        """INSERT INTO rejected_record BY NAME
           WITH verdict AS (
             SELECT unit_id, position, CASE WHEN any_value(outcome) <> 'event' THEN any_value(outcome)
                                            WHEN count(*) FILTER (row IN (SELECT row FROM own)) > 0 THEN 'accepted' ELSE 'duplicate' END AS outcome
             FROM landed SEMI JOIN rejected_before USING (unit_id, position) GROUP BY ALL)
           SELECT b.* REPLACE (make_timestamptz(?) AS replayed_at, v.outcome AS outcome)
           FROM rejected_before b JOIN verdict v USING (unit_id, position) WHERE v.outcome <> 'rejected'""",
        [now],
    )
    con.execute("DROP TABLE temp.rejected_before")
