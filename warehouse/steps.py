"""``fact_internal_step``: what touchpoints tell of a step, put in the order in which it was told.

A plan's item is told by several people, each in sessions of their own, so its revisions come from many folding groups. When some of
them come or go, all revisions of their steps are numbered again; no other row is read.
"""

from __future__ import annotations

from typing import Any

from schemas.registry import TABLES
from warehouse import changes, digests, exchange
from warehouse.marts import model

TABLE = "fact_internal_step"
MINE = "step_id IN (SELECT step_id FROM touched_step)"
GONE = "touchpoint_id IN (SELECT touchpoint_id FROM old_touchpoint)"


def replace(connection: Any, fresh: str, *, everything: bool) -> None:
    """Inside the transaction: put in what new touchpoints tell, in place of what those of ``old_touchpoint(touchpoint_id)`` told.

    ``fresh``: a table with the columns of ``fact_internal_step``, of which only what ``told`` lists is read. Unless ``everything``
    is new, the times of revisions that came, went or are no longer the same are added to ``changed`` (``warehouse.changes``).
    """
    con = connection
    columns = ", ".join(f'"{name}"' for name in TABLES[TABLE].names)
    con.execute(f"CREATE OR REPLACE TEMP TABLE step_told AS SELECT {columns} FROM {fresh}")
    if everything:
        digests.forget(con, TABLE)
        con.execute(f"DELETE FROM {TABLE}")
        con.execute(f"INSERT INTO {TABLE} ({columns}) SELECT {columns} FROM ({model('step_revision')})")
    else:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE touched_step AS
                SELECT step_id FROM {TABLE} WHERE {GONE} UNION SELECT step_id FROM step_told"""
        )
        con.execute(f"INSERT INTO step_told SELECT {columns} FROM {TABLE} WHERE {MINE} AND NOT ({GONE})")
        exchange.stage(con, TABLE, model("step_revision"))
        if exchange.compare(con, TABLE, MINE):
            changes.note_rows(con, TABLE, "occurred_at")
            exchange.exchange(con, TABLE)
        con.execute("DROP TABLE temp.touched_step")
    con.execute("DROP TABLE temp.step_told")
