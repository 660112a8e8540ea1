"""Landing an increment: its events, its ledger rows and its rejects, in one transaction (after the vault's)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from schemas.arrow import dicts_to_batch
from schemas.registry import TABLES
from warehouse import digests
from warehouse.landed import forget_landed, stage_candidates
from warehouse.rows import first
from warehouse.store import Store

TIMESTAMP = "make_timestamptz({0})"
KNOWN_BETTER = "event_id IN (SELECT event_id FROM better)"


@dataclass(frozen=True)
class UnitRow:
    """What is known of a unit before its records are counted."""

    unit_id: str
    source: str
    kind: str
    location: str
    range_start: int
    range_end: int
    adapter_version: str


@dataclass(frozen=True)
class Landing:
    """What a commit did."""

    units: int
    records: int
    accepted: int
    duplicate: int
    ignored: int
    rejected: int
    events: int


def commit_increment(
    store: Store, units: Sequence[UnitRow], *, received_at: int, run_id: str, seen: Sequence[tuple[str, int, int, str]]
) -> Landing:
    """Commit the registered landing. ``seen`` is (location, size, modified, unit_id) of the files, remembered to skip them later.

    An event that is known already is a duplicate. Of several copies in one landing the one with the smallest payload hash
    (then unit, then position) is the first; of a new copy and a known one too, so that no order of arrival shows in a table.
    """
    con = store.connection
    stage_candidates(store)
    count_by_unit(store, "is_fresh")
    stage_units(store, "planned", units)
    insert_events(store, seen)
    con.execute(
        f"""INSERT INTO ledger_unit
            SELECT p.unit_id, p.source, p.kind, p.location, p.range_start, p.range_end, coalesce(c.records, 0), coalesce(c.accepted, 0),
                   coalesce(c.duplicate, 0), coalesce(c.ignored, 0), coalesce(c.rejected, 0), coalesce(c.events, 0),
                   p.adapter_version, {TIMESTAMP.format("?")}, ?
            FROM planned p LEFT JOIN counted c USING (unit_id)""",
        [received_at, run_id],
    )
    con.execute(
        "INSERT INTO ignored_record_count SELECT unit_id, system, reason, count(*) FROM landed WHERE outcome = 'ignored' GROUP BY ALL"
    )
    con.execute(
        f"""INSERT INTO rejected_record (unit_id, position, source, reason_code, field_path, detail, first_rejected_at)
            SELECT unit_id, position, system, reason, field_path, explanation, {TIMESTAMP.format("?")} FROM landed WHERE outcome = 'rejected'""",
        [received_at],
    )
    digests.settle(con)
    con.execute("COMMIT")
    store.set_mark("landing", None)
    row = first(
        con,
        """SELECT coalesce(sum(records), 0)::BIGINT, coalesce(sum(accepted), 0)::BIGINT, coalesce(sum(duplicate), 0)::BIGINT,
                  coalesce(sum(ignored), 0)::BIGINT, coalesce(sum(rejected), 0)::BIGINT, coalesce(sum(events), 0)::BIGINT FROM counted""",
    )
    assert row is not None
    for name in ("better", "counted", "planned"):
        con.execute(f"DROP TABLE temp.{name}")
    forget_landed(store)
    return Landing(len(units), *(int(v) for v in row))


def insert_events(store: Store, seen: Sequence[tuple[str, int, int, str]] = ()) -> None:
    """The staged events: committed to the vault, then written to the warehouse in a transaction that is left open."""
    con = store.connection
    store.set_mark("landing", "open")
    con.execute("BEGIN")
    con.execute(
        """INSERT INTO vault.event_detail
           SELECT event_id, fold_hash, unit_id, position, received_at, payload_hash, detail FROM landed WHERE is_fresh"""
    )
    con.execute(  # what such an event leaves is folded again without it
        """INSERT INTO vault.dirty SELECT d.fold_hash FROM vault.event_detail d JOIN better b USING (event_id)
           WHERE d.fold_hash <> b.fold_hash"""
    )
    con.execute(
        """UPDATE vault.event_detail d SET payload_hash = b.payload_hash, detail = b.detail, fold_hash = b.fold_hash
           FROM better b WHERE d.event_id = b.event_id"""
    )
    con.execute(
        """INSERT INTO vault.edge SELECT any_value(unit_id), fold_hash, link FROM (
             SELECT unit_id, fold_hash, unnest(link_hashes) AS link FROM landed WHERE link_hashes IS NOT NULL) e
           WHERE NOT EXISTS (SELECT 1 FROM vault.edge k WHERE k.a = e.fold_hash AND k.b = e.link) GROUP BY fold_hash, link"""
    )
    con.execute("INSERT INTO vault.binding SELECT DISTINCT unit_id, binding FROM landed WHERE binding IS NOT NULL")
    con.execute(
        "DELETE FROM vault.reject_payload p WHERE EXISTS (SELECT 1 FROM landed l WHERE l.unit_id = p.unit_id AND l.position = p.position)"
    )
    con.execute(
        "INSERT INTO vault.reject_payload SELECT unit_id, position, payload FROM landed WHERE outcome = 'rejected'"
    )
    con.execute("INSERT INTO vault.dirty SELECT DISTINCT fold_hash FROM landed WHERE is_fresh")
    con.execute("INSERT INTO vault.dirty SELECT fold_hash FROM better")
    remember_files(store, seen)
    con.execute("COMMIT")
    con.execute("BEGIN")
    digests.begin(con)
    con.execute(  # with the columns of the table, which another version may have left one more of
        f"""CREATE OR REPLACE TEMP VIEW arriving AS
           (FROM fact_event LIMIT 0) UNION ALL BY NAME
           SELECT event_id, source, source_event_id, revision, channel, {TIMESTAMP.format("occurred_at")} AS occurred_at,
               {TIMESTAMP.format("received_at")} AS received_at, unit_id, position, family, system,
               {TIMESTAMP.format("ended_at")} AS ended_at, {TIMESTAMP.format("recorded_at")} AS recorded_at, is_void, status, payload_hash
           FROM landed WHERE is_fresh"""
    )
    con.execute("INSERT INTO fact_event FROM arriving")
    digests.enter(con, "fact_event", rows="arriving")
    con.execute("DROP VIEW temp.arriving")
    if not store.count("SELECT count(*) FROM better"):
        return
    digests.leave(con, "fact_event", KNOWN_BETTER)
    con.execute(
        f"""UPDATE fact_event f SET payload_hash = b.payload_hash, channel = b.channel, family = b.family, is_void = b.is_void, status = b.status,
               occurred_at = {TIMESTAMP.format("b.occurred_at")}, ended_at = {TIMESTAMP.format("b.ended_at")},
               recorded_at = {TIMESTAMP.format("b.recorded_at")}
           FROM better b WHERE f.event_id = b.event_id"""
    )
    digests.enter(con, "fact_event", KNOWN_BETTER)


def count_by_unit(store: Store, own: str) -> None:
    """Temporary table ``counted``: outcomes by unit. A record is accepted where ``own``, a condition on rows of ``landed``, holds
    for one of its rows, else a duplicate."""
    store.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE counted AS
           SELECT unit_id, count(*) AS records, count(*) FILTER (outcome = 'event' AND own > 0) AS accepted,
                  count(*) FILTER (outcome = 'event' AND own = 0) AS duplicate, count(*) FILTER (outcome = 'ignored') AS ignored,
                  count(*) FILTER (outcome = 'rejected') AS rejected, sum(own)::BIGINT AS events
           FROM (SELECT any_value(unit_id) AS unit_id, any_value(outcome) AS outcome, count(*) FILTER ({own}) AS own
                 FROM landed GROUP BY unit, position)
           GROUP BY unit_id"""
    )


def stage_units(store: Store, table: str, units: Sequence[Any]) -> None:
    """A temporary table of units: dataclasses of one type, whose fields are its columns."""
    rows = pa.table({field.name: [getattr(unit, field.name) for unit in units] for field in fields(units[0])})
    store.connection.register("staged_units", rows)
    store.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM staged_units")
    store.connection.unregister("staged_units")


def remember_files(store: Store, seen: Sequence[tuple[str, int, int, str]]) -> None:
    """Inside a vault transaction: the directory entries under which units were found."""
    if not seen:
        return
    table = pa.table(
        dict(zip(("location", "size", "modified", "unit_id"), map(list, zip(*seen, strict=True)), strict=True))
    )
    store.connection.register("seen_files", table)
    store.connection.execute("DELETE FROM vault.seen WHERE location IN (SELECT location FROM seen_files)")
    store.connection.execute("INSERT INTO vault.seen SELECT location, size, modified, unit_id FROM seen_files")
    store.connection.unregister("seen_files")


def load_rows(store: Store, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Append dicts to a table of the warehouse (small tables: dimensions, the run)."""
    if not rows:
        return
    store.connection.register("rows_in", pa.Table.from_batches([dicts_to_batch(TABLES[table], rows)]))
    columns = ", ".join(f'"{c}"' for c in TABLES[table].names)
    store.connection.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM rows_in')
    store.connection.unregister("rows_in")


def commit_directory(
    store: Store, files: Sequence[Any], *, received_at: int, run_id: str, adapter_version: str
) -> None:
    """Ledger rows and rejects of directory files that the ledger does not have. Their rows are accepted, but no events."""
    con = store.connection
    con.execute("BEGIN")
    for file in files:
        con.execute("DELETE FROM vault.reject_payload WHERE unit_id = ?", [file.unit_id])
        for position, original, *_ in file.rejects:
            con.execute("INSERT INTO vault.reject_payload VALUES (?, ?, ?)", [file.unit_id, position, original])
    con.execute("COMMIT")
    con.execute("BEGIN")
    load_rows(
        store,
        "ledger_unit",
        [
            {
                "unit_id": f.unit_id, "source": "crm", "kind": "file", "location": f.location, "range_start": 0, "range_end": f.size,
                "record_count": f.accepted + len(f.rejects), "accepted_count": f.accepted, "duplicate_count": 0, "ignored_count": 0,
                "rejected_count": len(f.rejects), "event_count": 0, "adapter_version": adapter_version, "landed_at": received_at, "run_id": run_id,
            }
            for f in files
        ],
    )  # fmt: skip
    load_rows(
        store,
        "rejected_record",
        [
            {
                "unit_id": f.unit_id, "position": position, "source": "crm", "reason_code": reason, "field_path": path, "detail": detail,
                "first_rejected_at": received_at,
            }
            for f in files
            for position, _, reason, path, detail in f.rejects
        ],
    )  # fmt: skip
    con.execute("COMMIT")
