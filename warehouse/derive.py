"""Everything below ``fact_event``: shards out for folding and journeys, results in, in place of what they replace."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from schemas.registry import TABLES
from warehouse import changes, digests, exchange, steps
from warehouse.arrow_files import reading
from warehouse.store import Store
from warehouse.terms import counts_in

TOUCHPOINT_TABLES = (
    "fact_touchpoint",
    "fact_touchpoint_participant",
    "bridge_touchpoint_event",
    "bridge_touchpoint_account",
    "fact_asset_event",
    "touchpoint_resolution",
)
"""Replaced by touchpoint."""

ACCOUNT_TABLES = (
    "bridge_touchpoint_journey",
    "fact_session",
    "fact_visit",
    "fact_transition",
    "fact_loop",
    "mart_journey_summary",
    "journey_gap_sensitivity",
    "fact_response",
    "fact_followup",
    "fact_enablement_need",
)
"""Replaced by account."""

Staged = Callable[[str], Sequence[Path]]
"""The staged Arrow files of a table."""


def shard_count(rows: int, per_shard: int, hands: int) -> int:
    """Enough shards for their bound, and as many for every hand."""
    return hands * max(1, math.ceil(rows / per_shard / hands))


def write_event_shards(store: Store, folder: Path, events_per_shard: int, hands: int) -> list[Path]:
    """The affected events, one folder of Parquet a shard; no group is cut.

    Columns: group_hash, event_id, received_at, unit_id, position, payload_hash, detail. DuckDB is the shuffle: it spills, and a
    shard is as large as the setting allows, whatever the size of the history. ``hands`` is how many workers share them.
    """
    con = store.connection
    events = store.count("SELECT count(*) FROM vault.event_detail SEMI JOIN affected USING (fold_hash)")
    if not events:
        return []
    shards = shard_count(events, events_per_shard, hands)
    shutil.rmtree(folder, ignore_errors=True)
    con.execute(
        f"""COPY (SELECT coalesce(g.group_hash, d.fold_hash) AS group_hash, event_id, received_at, unit_id, position, payload_hash, detail,
                    coalesce(g.group_hash, d.fold_hash) % {shards} AS shard
             FROM vault.event_detail d LEFT JOIN key_group g USING (fold_hash)
             WHERE d.fold_hash IN (SELECT fold_hash FROM affected))
            TO '{folder}' (FORMAT parquet, PARTITION_BY (shard), COMPRESSION lz4)"""
    )
    return sorted(folder.glob("shard=*"))


def begin_touchpoints(store: Store, *, everything: bool) -> None:
    """Inside the warehouse transaction: note the touchpoints of the affected events in ``old_touchpoint``, their accounts in ``touched``.

    ``everything`` means those too whose events are gone.
    """
    con = store.connection
    con.execute(
        "CREATE OR REPLACE TEMP TABLE old_touchpoint AS SELECT DISTINCT touchpoint_id FROM bridge_touchpoint_event"
        + (
            ""
            if everything
            else " WHERE event_id IN (SELECT event_id FROM vault.event_detail WHERE fold_hash IN (SELECT fold_hash FROM affected))"
        )
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT account_id "
        "FROM bridge_touchpoint_account SEMI JOIN old_touchpoint USING (touchpoint_id)"
    )
    digests.begin(con)
    changes.begin(con)


def put_touchpoints(store: Store, staged: Staged, *, everything: bool) -> int:
    """Staged touchpoints in place of the old ones, or of all that there are. Returns how many were staged."""
    con = store.connection
    told = "bridge_touchpoint_event"
    if everything:
        _put_everything(store, staged, TOUCHPOINT_TABLES)
    else:
        for table in TOUCHPOINT_TABLES:
            _stage(store, table, staged(table))
        told = exchange.incoming(told)
    con.execute(f"CREATE OR REPLACE TEMP TABLE new_touchpoint AS SELECT DISTINCT touchpoint_id FROM {told}")
    if not everything:
        changes.replace_touchpoints(con, TOUCHPOINT_TABLES)
    _put_steps(store, staged(steps.TABLE), everything=everything)
    return store.count("SELECT count(*) FROM new_touchpoint")


def _put_everything(store: Store, staged: Staged, tables: Sequence[str]) -> None:
    """Staged rows in place of all that there are: nothing is compared, and the digests are read once all is done."""
    digests.forget(store.connection, *tables)
    for table in tables:
        store.connection.execute(f"DELETE FROM {table}")
        _append(store, table, staged(table))


def _stage(store: Store, table: str, files: Sequence[Path]) -> None:
    with reading(store.connection, files) as rows:
        exchange.stage(store.connection, table, rows)


def _append(store: Store, table: str, files: Sequence[Path]) -> None:
    columns = ", ".join(f'"{c}"' for c in TABLES[table].names)
    with reading(store.connection, files) as rows:
        if rows:
            store.connection.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM ({rows})')


def _put_steps(store: Store, files: Sequence[Path], *, everything: bool) -> None:
    """What the new touchpoints tell of internal steps, beside what others have told of the same ones."""
    _stage(store, steps.TABLE, files)
    con, fresh = store.connection, "fresh_step"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {fresh} AS FROM {exchange.incoming(steps.TABLE)}")
    steps.replace(con, fresh, everything=everything)
    con.execute(f"DROP TABLE temp.{fresh}")


def mark_due_plans(store: Store, previous: int, now: int) -> None:
    """Mark dirty what rests on plans that ended between two clocks (microseconds)."""
    store.connection.execute(
        """INSERT INTO vault.dirty SELECT DISTINCT fold_hash FROM vault.event_detail WHERE event_id IN (
             SELECT event_id FROM bridge_touchpoint_event JOIN fact_touchpoint USING (touchpoint_id)
             WHERE status = 'scheduled' AND ended_at > make_timestamptz(?) AND ended_at <= make_timestamptz(?))""",
        [previous, now],
    )


def mark_accounts(store: Store, accounts: Collection[str]) -> None:
    """Mark dirty what the touchpoints and internal steps of these accounts rest on."""
    with named_accounts(store, accounts):
        store.connection.execute(
            """INSERT INTO vault.dirty SELECT DISTINCT fold_hash FROM vault.event_detail WHERE event_id IN (
                 SELECT event_id FROM bridge_touchpoint_event WHERE touchpoint_id IN (
                   SELECT touchpoint_id FROM bridge_touchpoint_account SEMI JOIN named_account USING (account_id)
                   UNION ALL SELECT touchpoint_id FROM fact_internal_step SEMI JOIN named_account USING (account_id)))"""
        )


def dirty_share(store: Store) -> float:
    """Of the conversations, users and meetings that events are of: how many are marked."""
    every, dirty = store.connection.execute(
        """SELECT count(DISTINCT fold_hash), count(DISTINCT fold_hash) FILTER (fold_hash IN (SELECT fold_hash FROM vault.dirty))
           FROM vault.event_detail"""
    ).fetchall()[0]
    return float(dirty / every) if every else 0.0


def touch_accounts(store: Store, accounts: Collection[str], people: Collection[str]) -> None:
    """After ``put_touchpoints``: build these accounts again, and those in whose touchpoints one of these people is, and measure all of
    their periods."""
    con = store.connection
    con.register("named_people", pa.table({"person_id": pa.array(people, pa.string())}))
    with named_accounts(store, accounts):
        con.execute(
            """CREATE OR REPLACE TEMP TABLE whole AS SELECT account_id FROM named_account
               UNION SELECT account_id FROM bridge_touchpoint_account SEMI JOIN (
                 SELECT touchpoint_id FROM fact_touchpoint_participant SEMI JOIN named_people USING (person_id)) USING (touchpoint_id)"""
        )
    con.execute("INSERT INTO touched FROM whole ANTI JOIN touched USING (account_id)")
    con.execute("INSERT INTO changed SELECT account_id, NULL, true FROM whole")
    con.execute("DROP TABLE temp.whole")
    con.unregister("named_people")


@contextmanager
def named_accounts(store: Store, accounts: Collection[str]) -> Iterator[None]:
    """While inside, ``named_account(account_id)`` are these."""
    store.connection.register("named_account", pa.table({"account_id": pa.array(accounts, pa.string())}))
    yield
    store.connection.unregister("named_account")


def finish_touchpoints(store: Store, *, due: bool, of_all: bool = False) -> int:
    """After the new touchpoints are in: add their accounts to ``touched``. Returns how many accounts are to be rebuilt.

    ``of_all``: every account. ``due``: also those whose open waits, needs and deals depend on the clock.
    """
    con = store.connection
    con.execute(
        f"""INSERT INTO touched SELECT DISTINCT account_id FROM bridge_touchpoint_account
            {"" if of_all else "SEMI JOIN new_touchpoint USING (touchpoint_id)"} EXCEPT SELECT account_id FROM touched"""
    )
    if due:
        con.execute(
            """INSERT INTO touched (
                 SELECT account_id FROM fact_response WHERE answer_touchpoint_id IS NULL
                 UNION SELECT account_id FROM fact_enablement_need WHERE outcome <> 'never' AND consumed IS NULL
                 UNION SELECT account_id FROM dim_opportunity WHERE status = 'open' AND account_id IS NOT NULL
                 UNION SELECT account_id FROM dim_assignment)
               EXCEPT SELECT account_id FROM touched"""
        )
    return store.count("SELECT count(*) FROM touched")


def write_account_shards(
    store: Store,
    folder: Path,
    touchpoint_columns: Sequence[str],
    participant_columns: Sequence[str],
    touchpoints_per_shard: int,
    hands: int,
) -> list[Path]:
    """Countable touchpoints of the touched accounts and their participants, a folder a shard with ``touchpoints/``, ``participants/``
    and, where assets were viewed, ``views/``.

    Only these columns are written, less than half of what the tables hold.
    """
    con = store.connection
    # a touchpoint may count in several accounts; the deal is the primary one's
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE member AS
           SELECT t.touchpoint_id, b.account_id, CASE WHEN b.is_primary THEN t.opportunity_id END AS opportunity_id
           FROM fact_touchpoint t JOIN bridge_touchpoint_account b USING (touchpoint_id)
           WHERE t.is_countable AND {counts_in("b.is_primary", "t.direction")} AND b.account_id IN (SELECT account_id FROM touched)"""
    )
    rows = store.count("SELECT count(*) FROM member")
    if not rows:
        return []
    shards = shard_count(rows, touchpoints_per_shard, hands)
    of_member = ("account_id", "opportunity_id")
    touchpoint_values = ", ".join(f"{'m' if name in of_member else 't'}.{name}" for name in touchpoint_columns)
    participant_values = ", ".join(f"p.{name}" for name in participant_columns)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    con.execute(
        f"""COPY (SELECT {touchpoint_values}, hash(m.account_id) % {shards} AS shard
                  FROM fact_touchpoint t JOIN member m USING (touchpoint_id))
            TO '{folder}/touchpoints' (FORMAT parquet, PARTITION_BY (shard), COMPRESSION lz4)"""
    )
    con.execute(
        f"""COPY (SELECT {participant_values}, hash(m.account_id) % {shards} AS shard
                  FROM fact_touchpoint_participant p JOIN member m USING (touchpoint_id))
            TO '{folder}/participants' (FORMAT parquet, PARTITION_BY (shard), COMPRESSION lz4)"""
    )
    con.execute(
        f"""COPY (SELECT a.touchpoint_id, a.asset_type, a.occurred_at, hash(m.account_id) % {shards} AS shard
                  FROM fact_asset_event a JOIN member m USING (touchpoint_id) WHERE a.action IN ('view', 'download'))
            TO '{folder}/views' (FORMAT parquet, PARTITION_BY (shard), COMPRESSION lz4)"""
    )
    con.execute("DROP TABLE member")
    return sorted((folder / "touchpoints").glob("shard=*"))


def put_accounts(store: Store, staged: Staged, *, everything: bool) -> None:
    """Staged rows of the touched accounts in place of theirs, or of all that there are."""
    if everything:
        _put_everything(store, staged, ACCOUNT_TABLES)
        return
    for table in ACCOUNT_TABLES:
        _stage(store, table, staged(table))
    changes.replace_accounts(store.connection, ACCOUNT_TABLES)


def clear_dirty(store: Store) -> None:
    """After the warehouse has committed: the marks have done their work."""
    store.connection.execute("DELETE FROM vault.dirty")
