"""Taking what was said of erased people out of both files of state, and out of the pages of these that nobody reads any more."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from schemas.ddl import quoted
from schemas.registry import TABLES
from warehouse import digests, identity, restated
from warehouse.publish import copy_tables
from warehouse.store import SETTINGS, SOURCES, VAULT_DDL, VAULT_VERSION, WAREHOUSE_VERSION, Store, make_database

BATCH = 20_000
KEPT = (*SOURCES, *restated.MARTS)
"""Tables whose rows stay: what nothing else says again, and the figures that the new ones are compared with."""
NOT_KEPT = "not kept: it named somebody who was erased"
"""In the place of a rejected record's reason."""
MASKED = pa.schema(
    [
        pa.field("event_id", pa.string()),
        pa.field("source_event_id", pa.string()),
        pa.field("fold_hash", pa.uint64()),
        pa.field("link_hashes", pa.list_(pa.uint64())),
        pa.field("detail", pa.binary()),
    ]
)
"""An event as it is to stand."""


def details(store: Store, family: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Of all events that have landed, or those of a family: their ids, and themselves as the vault has them."""
    some = "" if family is None else f"SEMI JOIN (FROM fact_event WHERE family = {quoted(family)}) USING (event_id)"
    with store.connection.cursor() as reading:
        found = reading.execute(f"SELECT event_id, detail FROM vault.event_detail {some}")
        while rows := found.fetchmany(BATCH):
            yield from rows


def rejects_with(store: Store, texts: Collection[str]) -> list[tuple[str, int]]:
    """Rejected records, (unit_id, position), whose bytes or reason hold any of these texts as a word, in any case."""
    words = "|".join(map(re.escape, texts))
    named = re.compile(rf"(?<![0-9a-z])(?:{words})(?![0-9a-z])" if words else "(?!)", re.IGNORECASE)
    found = []
    with store.connection.cursor() as reading:
        rows = reading.execute(
            """SELECT p.unit_id, p.position, p.payload, r.detail FROM vault.reject_payload p
               LEFT JOIN rejected_record r ON r.unit_id = p.unit_id AND r.position = p.position"""
        )
        while batch := rows.fetchmany(BATCH):
            for unit_id, position, payload, detail in batch:
                if named.search(f"{(payload or b'').decode('utf-8', 'replace')}\n{detail or ''}"):
                    found.append((unit_id, position))
    return found


def put(store: Store, masked: Any, identifiers: Collection[str], rejects: Sequence[tuple[str, int]]) -> None:
    """Events of ``MASKED`` in place of those that stand, no binding of these identifiers, and nothing of these rejects but their count.

    The warehouse goes first here: a crash in between leaves in the vault what a second try has to know.
    """
    con = store.connection
    con.register("masked", masked)
    con.register("named", pa.table({"id": pa.array(sorted(identifiers), pa.string())}))
    units, positions = ([one[i] for one in rejects] for i in (0, 1))
    con.register(
        "unsaid", pa.table({"unit_id": pa.array(units, pa.string()), "position": pa.array(positions, pa.int64())})
    )
    con.execute("BEGIN")
    con.execute(
        """UPDATE fact_event e SET source_event_id = m.source_event_id FROM masked m
           WHERE e.event_id = m.event_id AND e.source_event_id <> m.source_event_id"""
    )
    con.execute(
        f"""UPDATE rejected_record r SET detail = {quoted(NOT_KEPT)} FROM unsaid u
            WHERE r.unit_id = u.unit_id AND r.position = u.position"""
    )
    con.execute("COMMIT")
    con.execute("BEGIN")
    con.execute(
        "UPDATE vault.event_detail d SET detail = m.detail, fold_hash = m.fold_hash FROM masked m WHERE d.event_id = m.event_id"
    )
    con.execute(
        """INSERT INTO vault.edge SELECT any_value(unit_id), fold_hash, link FROM (
             SELECT unit_id, m.fold_hash, unnest(m.link_hashes) AS link FROM masked m JOIN vault.event_detail USING (event_id)) e
           WHERE NOT EXISTS (SELECT 1 FROM vault.edge k WHERE k.a = e.fold_hash AND k.b = e.link) GROUP BY fold_hash, link"""
    )
    for table in ("binding", "bound"):
        con.execute(f"DELETE FROM vault.{table} WHERE list_has_any(ids, (SELECT list(id) FROM named))")
    con.execute(
        """UPDATE vault.reject_payload p SET payload = NULL FROM unsaid u WHERE p.unit_id = u.unit_id AND p.position = u.position"""
    )
    con.execute("COMMIT")
    for name in ("masked", "named", "unsaid"):
        con.unregister(name)


def write_anew(warehouse: Path, vault: Path, spill: Path) -> None:
    """Both closed files again, with what stays and nothing else: deleted rows lie on in a database's free pages.

    Of the warehouse that is ``KEPT``; everything else is empty until it is derived again.
    """
    for path, version, copy in ((vault, VAULT_VERSION, _copy_vault), (warehouse, WAREHOUSE_VERSION, _copy_warehouse)):
        anew = path.with_name(f"{path.name}.anew")
        make_database(anew, version)
        with duckdb.connect() as con:
            for statement in (
                *SETTINGS,
                "SET preserve_insertion_order=true",
                "SET threads=1",
                "SET memory_limit='500MB'",
            ):
                con.execute(statement)
            con.execute(f"SET temp_directory={quoted(str(spill))}")
            con.execute(f"ATTACH {quoted(str(path))} AS standing")
            con.execute(f"ATTACH {quoted(str(anew))} AS vault")
            copy(con)
            con.execute("CHECKPOINT vault")  # raises where the disk does not take it, as closing does not
            con.execute("DETACH standing")
        os.replace(anew, path)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _copy_vault(con: Any) -> None:
    con.execute(VAULT_DDL)
    for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'standing'").fetchall():
        con.execute(f'INSERT INTO vault."{name}" BY NAME FROM standing."{name}"')


def _copy_warehouse(con: Any) -> None:
    con.execute("USE vault")
    copy_tables(con, "standing", {name: "true" if name in KEPT else "false" for name in TABLES})
    con.execute(digests.DDL)
    con.execute(identity.DDL)
