"""``fact_internal_step``: what touchpoints tell of a step, put in the order in which it was told.

A plan's item is told by several people, each in sessions of their own, so its revisions come from many folding groups. When some of
them come or go, all revisions of their steps are numbered again; no other row is read.
"""

from __future__ import annotations

from typing import Any

from schemas.registry import TABLES
from warehouse import digests
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
    others = "" if everything else f"SELECT step_id FROM {TABLE} WHERE {GONE} UNION "
    con.execute(f"CREATE OR REPLACE TEMP TABLE touched_step AS {others}SELECT DISTINCT step_id FROM {fresh}")
    if everything:
        digests.forget(con, TABLE)
        con.execute(f"CREATE OR REPLACE TEMP TABLE step_told AS SELECT {columns} FROM {fresh}")
        con.execute(f"DELETE FROM {TABLE}")
    else:
        con.execute(f"CREATE OR REPLACE TEMP TABLE step_before AS SELECT {columns} FROM {TABLE} WHERE {MINE}")
        digests.leave(con, TABLE, MINE)
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE step_told AS
                SELECT {columns} FROM step_before WHERE NOT ({GONE}) UNION ALL SELECT {columns} FROM {fresh}"""
        )
        con.execute(f"DELETE FROM {TABLE} WHERE {MINE}")
    con.execute(f"INSERT INTO {TABLE} ({columns}) SELECT {columns} FROM ({model('step_revision')})")
    if not everything:
        digests.enter(con, TABLE, MINE)
        now = f"SELECT {columns} FROM {TABLE} WHERE {MINE}"
        con.execute(
            f"""INSERT INTO changed SELECT DISTINCT account_id, occurred_at, false
                FROM ((FROM step_before EXCEPT ({now})) UNION ALL (({now}) EXCEPT FROM step_before))"""
        )
        con.execute("DROP TABLE temp.step_before")
    con.execute("DROP TABLE temp.step_told")
