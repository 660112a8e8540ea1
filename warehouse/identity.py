"""The identity log: why an identifier is somebody, and what rules disagreed about, each row kept once and as long as somebody tells it.

The directory tells rows, and every group that is folded tells those that its events show. Who told a row is kept by the row's hash,
so that what a group tells no longer goes, unless another tells it too. ``identity_teller`` is bookkeeping of the writer: it is not
published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.fields import Table, text
from schemas.registry import TABLES
from warehouse.arrow_files import reading
from warehouse.rows import first

LOG = ("identity_link", "identity_conflict")
TELLERS = "identity_teller"
DDL = f"CREATE TABLE IF NOT EXISTS {TELLERS} (table_name VARCHAR NOT NULL, told_by UBIGINT, content UBIGINT NOT NULL)"
"""``told_by``: the group's name, its smallest fold key; NULL for the directory. ``content``: a hash of the row."""

TOLD: Mapping[str, Table] = {
    name: replace(
        TABLES[name], columns=(*TABLES[name].columns, text("told_by", "Group that tells it; NULL: the directory"))
    )
    for name in LOG
}
"""The tables of the log as they are staged. A group's name is text there: no type of column holds 64 bits without a sign."""


def take_back(connection: Any, identifiers: Collection[str] | None) -> None:
    """Before anything is told: forget who told what of the keys in ``affected(fold_hash)``, and the directory's word.

    ``identifiers`` (hashes) are those of which the directory tells its links again, and with them all of its conflicts; None: it tells
    nothing again. The rows themselves go in ``tell``, if nobody tells them then.
    """
    gone = "told_by IN (SELECT fold_hash FROM affected)"
    if identifiers is not None:
        connection.register("retold", pa.table({"identifier_hash": pa.array(identifiers, pa.string())}))
        of_them = "identifier_hash IN (SELECT identifier_hash FROM retold)"
        links = f"SELECT {_content('identity_link')} FROM identity_link WHERE {of_them}"
        gone += f" OR (told_by IS NULL AND (table_name = 'identity_conflict' OR content IN ({links})))"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE untold AS SELECT table_name, content FROM {TELLERS} WHERE {gone}")
    connection.execute(f"DELETE FROM {TELLERS} WHERE {gone}")
    if identifiers is not None:
        connection.unregister("retold")


def forget_all(connection: Any) -> None:
    """Before everything is told anew."""
    for name in (*LOG, TELLERS):
        connection.execute(f"DELETE FROM {name}")
    connection.execute("CREATE OR REPLACE TEMP TABLE untold (table_name VARCHAR, content UBIGINT)")


def tell(connection: Any, name: str, files: Sequence[Path]) -> None:
    """Staged rows of ``TOLD[name]`` into the log, and out of it what was taken back and nobody tells any more."""
    columns = ", ".join(f'"{column}"' for column in TABLES[name].names)
    mine = f"table_name = '{name}'"
    with reading(connection, files) as rows:
        if rows:
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE said AS SELECT {columns}, told_by::UBIGINT AS told_by, {_content(name)} AS content {rows}"
            )
            connection.execute(
                f"""INSERT INTO {name} ({columns}) SELECT DISTINCT {columns} FROM said WHERE content NOT IN (
                      SELECT content FROM {TELLERS} WHERE {mine} UNION ALL SELECT content FROM untold WHERE {mine})"""
            )
            connection.execute(f"INSERT INTO {TELLERS} SELECT DISTINCT '{name}', told_by, content FROM said")
            connection.execute("DROP TABLE temp.said")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE stale AS
            SELECT content FROM untold WHERE {mine} EXCEPT SELECT content FROM {TELLERS} WHERE {mine}"""
    )
    if first(connection, "SELECT 1 FROM stale LIMIT 1"):
        connection.execute(f"DELETE FROM {name} WHERE {_content(name)} IN (FROM stale)")
    connection.execute("DROP TABLE temp.stale")


def _content(name: str) -> str:
    """A hash of a row's values, in SQL."""
    return f"hash({', '.join(TABLES[name].names)})"
