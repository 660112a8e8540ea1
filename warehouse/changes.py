"""What an increment really changes: touchpoints and what hangs on them exchanged, and a note made of whatever became another.

Most touchpoints of a dirty group, and most answers of a touched account, come back as they were. What did not is in the
temporary table ``changed(account_id, happened_at, is_ours)``: the times, before and after, of facts that coverage rests on. Rows
are compared by a hash of all their columns, so that no list of columns has to follow the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.registry import TABLES
from warehouse import digests
from warehouse.exchange import MOVED, came, compare, exchange, going, incoming

JOURNEY_TOUCHPOINTS = "bridge_touchpoint_journey"
"""Rows of the accounts that lie in the days of their touchpoints, which are exchanged before."""
OF_TOUCHPOINTS = ("fact_touchpoint", "fact_touchpoint_participant", "bridge_touchpoint_account")
"""What a touchpoint is to coverage: itself, who was there, and whose it is."""
ANSWERS = {"fact_response": "asked_at", "fact_followup": "occurred_at", "fact_enablement_need": "first_asked_at"}
"""What a touched account's questions and needs came to, and the column that tells when they were asked."""

NOBODY = "SELECT touchpoint_id FROM fact_touchpoint LIMIT 0"


def begin(connection: Any) -> None:
    """Nothing has changed yet."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE changed (account_id VARCHAR, happened_at TIMESTAMPTZ, is_ours BOOLEAN)"
    )


def replace_touchpoints(connection: Any, names: Sequence[str]) -> None:
    """Staged rows of these tables in place of those of the temporary table ``old_touchpoint(touchpoint_id)``."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {MOVED} AS SELECT touchpoint_id FROM fact_touchpoint t SEMI JOIN old_touchpoint USING (touchpoint_id)
            JOIN {incoming("fact_touchpoint")} i USING (touchpoint_id) WHERE t.occurred_at <> i.occurred_at"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE unsettled AS FROM {MOVED}
            UNION ALL SELECT touchpoint_id FROM old_touchpoint ANTI JOIN {incoming("fact_touchpoint")} USING (touchpoint_id)"""
    )
    mine = "touchpoint_id IN (SELECT touchpoint_id FROM old_touchpoint)"
    unlike = [name for name in names if compare(connection, name, mine, moving=TABLES[name].by_touchpoint)]
    either = " UNION ".join(
        f'SELECT touchpoint_id FROM {came(name)} UNION SELECT touchpoint_id FROM "{name}" WHERE {going(name)}'
        for name in OF_TOUCHPOINTS
        if name in unlike
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE changed_touchpoint AS {either or NOBODY}")
    _note_touchpoints(connection)
    # their account builds them again: they leave the day that their touchpoint had while it is known
    unsettled = "touchpoint_id IN (SELECT touchpoint_id FROM unsettled)"
    digests.leave(connection, JOURNEY_TOUCHPOINTS, unsettled)
    connection.execute(f"DELETE FROM {JOURNEY_TOUCHPOINTS} WHERE {unsettled}")
    exchange(connection, *unlike)
    _note_touchpoints(connection)
    for table in (MOVED, "unsettled", "changed_touchpoint"):
        connection.execute(f"DROP TABLE temp.{table}")


def _note_touchpoints(connection: Any) -> None:
    """As they stand at the moment."""
    connection.execute(
        """INSERT INTO changed SELECT DISTINCT account_id, occurred_at, direction IN ('outbound', 'mutual')
           FROM (SELECT touchpoint_id, occurred_at, direction FROM fact_touchpoint SEMI JOIN changed_touchpoint USING (touchpoint_id))
           JOIN (SELECT touchpoint_id, account_id FROM bridge_touchpoint_account) USING (touchpoint_id)"""
    )


def note_rows(connection: Any, name: str, moment: str) -> None:
    """Rows of a table that are about to be exchanged, by their account and the column that tells when they happened."""
    columns = f"account_id, {moment}, false"
    connection.execute(
        f'INSERT INTO changed SELECT {columns} FROM {came(name)} UNION SELECT {columns} FROM "{name}" WHERE {going(name)}'
    )


def replace_accounts(connection: Any, names: Sequence[str]) -> None:
    """Staged rows of these tables in place of those of the accounts in ``touched(account_id)``."""
    unlike = [name for name in names if compare(connection, name, "account_id IN (SELECT account_id FROM touched)")]
    for name in unlike:
        if name in ANSWERS:
            note_rows(connection, name, ANSWERS[name])
    exchange(connection, *unlike)
