"""What the ledger says: what has landed, totals since the beginning, and the inputs of one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from schemas.ddl import quoted
from warehouse.rows import first, of_last_run
from warehouse.store import Store

OUTCOMES = ("accepted", "duplicate", "ignored", "rejected")
SUMS = ", ".join(f"sum({outcome}_count)::BIGINT" for outcome in OUTCOMES)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the beginning of the ledger: they only grow, and survive any restart."""

    records: dict[tuple[str, str], int] = {}
    """By (source, outcome). A record that was rejected, and accepted by a replay, counts under both."""
    rejects: dict[tuple[str, str], int] = {}
    """By (source, reason_code)."""
    units: dict[str, int] = {}
    """By kind."""
    newest_landing: float | None = None
    """Epoch seconds."""
    newest_event: float | None = None
    """Epoch seconds of the latest ``occurred_at`` of a touchpoint that is no plan."""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One place that a run read: all files of one source, or offsets of one partition of one topic without a hole between them."""

    kind: Literal["file", "kafka", "kafka_gap"]
    source: str
    location: str
    """``inbox/<source>`` or ``<topic>/<partition>``."""
    units: int
    records: int
    bytes: int | None
    """Of files."""
    start: int | None
    end: int | None
    """Offsets, the second exclusive; None for files."""


def landed_files(store: Store) -> set[str]:
    """Ids of the file units that have landed."""
    return {
        row[0] for row in store.connection.execute("SELECT unit_id FROM ledger_unit WHERE kind = 'file'").fetchall()
    }


def seen_files(store: Store) -> dict[str, tuple[int, int, str]]:
    """Size, time (in nanoseconds) and unit_id of files when a run last looked at their content, by location."""
    rows = store.connection.execute("SELECT location, size, modified, unit_id FROM vault.seen").fetchall()
    return {location: (size, modified, unit_id) for location, size, modified, unit_id in rows}


def rows_of_files(store: Store, locations: Sequence[str]) -> dict[str, int]:
    """How many records these files had when they last landed, of those that had any."""
    if not locations:
        return {}
    rows = store.connection.execute(
        """SELECT location, arg_max(record_count, (landed_at, rowid)) AS rows FROM ledger_unit
           WHERE kind = 'file' AND list_contains(?, location) GROUP BY location HAVING rows > 0 ORDER BY location""",
        [list(locations)],
    )
    return dict(rows.fetchall())


def ends_of_partitions(store: Store) -> dict[str, int]:
    """First offset that the ledger does not have, by ``topic/partition``."""
    return dict(
        store.connection.execute(
            "SELECT location, max(range_end) FROM ledger_unit WHERE kind IN ('kafka', 'kafka_gap') GROUP BY location"
        ).fetchall()
    )


def counted(store: Store) -> list[tuple[str, int, int, int, int, int]]:
    """Source, units, and records by outcome, in the order of sources: it is another whenever a landing or a replay counts a record."""
    return store.connection.execute(
        f"SELECT source, count(*), {SUMS} FROM ledger_unit GROUP BY source ORDER BY source"
    ).fetchall()


def totals(store: Store) -> Totals:
    con = store.connection
    # a record that a replay has accepted stays among the rejected of old: a counter that falls is taken for one that began anew
    rows = con.execute(
        f"""SELECT source, {SUMS} + coalesce(sum(replayed), 0)::BIGINT FROM ledger_unit LEFT JOIN (
              SELECT unit_id, count(*) AS replayed FROM rejected_record WHERE outcome <> 'rejected' GROUP BY unit_id
            ) USING (unit_id) GROUP BY source"""
    ).fetchall()
    records = {
        (source, outcome): count for source, *counts in rows for outcome, count in zip(OUTCOMES, counts, strict=True)
    }
    rejects = con.execute("SELECT source, reason_code, count(*) FROM rejected_record GROUP BY ALL").fetchall()
    landed = first(con, "SELECT epoch(max(landed_at)) FROM ledger_unit")
    event = first(con, "SELECT epoch(max(ended_at)) FROM fact_touchpoint WHERE status <> 'scheduled'")
    return Totals(
        records=records,
        rejects={(source, reason): count for source, reason, count in rejects},
        units=dict(con.execute("SELECT kind, count(*) FROM ledger_unit GROUP BY kind").fetchall()),
        newest_landing=landed[0] if landed else None,
        newest_event=event[0] if event else None,
    )


def last_run(store: Store) -> str | None:
    """The run whose tables these are: a snapshot of them bears its name."""
    found: str | None = of_last_run(store.connection, "run_id")
    return found


def adopt_units(store: Store, run_id: str) -> int:
    """Inside the transaction that completes a run: units of runs that ended before their tables were complete become its own. How many
    it has then."""
    store.connection.execute(
        "UPDATE ledger_unit SET run_id = $run WHERE run_id <> $run AND run_id NOT IN (SELECT run_id FROM dim_run)",
        {"run": run_id},
    )
    return store.count(f"SELECT count(*) FROM ledger_unit WHERE run_id = {quoted(run_id)}")


def inputs(store: Store, run_id: str, shown: str | None, again: Sequence[str] = ()) -> list[Input]:
    """What a run landed, in a fixed order, and before it whoever was no more than that: all runs since the one that readers are shown.

    ``again``: units that were read once more, whichever run they are of.
    """
    rows = store.connection.execute(
        """WITH landed AS (
             SELECT *, CASE kind WHEN 'file' THEN 'inbox/' || source ELSE location END AS place,
                    CASE kind WHEN 'file' THEN false ELSE range_start IS DISTINCT FROM lag(range_end) OVER w END AS is_apart
             FROM ledger_unit
             WHERE run_id = $run OR $shown IS NULL OR list_contains($again, unit_id)
                OR run_id IN (SELECT run_id FROM dim_run WHERE rowid > (SELECT rowid FROM dim_run WHERE run_id = $shown))
             WINDOW w AS (PARTITION BY kind, location ORDER BY range_start)),
           numbered AS (SELECT *, count(*) FILTER (is_apart) OVER (PARTITION BY kind, place ORDER BY range_start) AS stretch FROM landed)
           SELECT kind, any_value(source), place, count(*), sum(record_count)::BIGINT, CASE kind WHEN 'file' THEN sum(range_end)::BIGINT END,
                  CASE kind WHEN 'file' THEN NULL ELSE min(range_start) END, CASE kind WHEN 'file' THEN NULL ELSE max(range_end) END
           FROM numbered GROUP BY kind, place, stretch ORDER BY kind, place, stretch""",
        {"run": run_id, "shown": shown, "again": list(again)},
    ).fetchall()
    return [Input(**dict(zip(Input.__struct_fields__, row, strict=True))) for row in rows]
