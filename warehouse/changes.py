"""What an increment really changes: the facts that coverage rests on as they were, set beside what they have become.

Most touchpoints of a dirty group, and most answers of a touched account, come back as they were. ``note_touchpoints`` and
``note_accounts`` remember what is about to be taken out, and ``find_changes`` compares it with what has come in its place.
Rows are compared by a hash of all their columns, so that no list of columns has to follow the models.
"""

from __future__ import annotations

from typing import Any

TOUCHPOINTS = """
SELECT b.account_id, touchpoint_id AS id, occurred_at AS happened_at, direction IN ('outbound', 'mutual') AS is_ours,
       hash(t, b.is_primary, people, others) AS content
FROM fact_touchpoint t SEMI JOIN {ids} USING (touchpoint_id)
JOIN bridge_touchpoint_account b USING (touchpoint_id)
LEFT JOIN (
  SELECT touchpoint_id, sum(hash(p)) AS people FROM fact_touchpoint_participant p SEMI JOIN {ids} USING (touchpoint_id) GROUP BY touchpoint_id
) USING (touchpoint_id)
LEFT JOIN (SELECT touchpoint_id, count(*) AS others FROM bridge_touchpoint_account WHERE NOT is_primary GROUP BY touchpoint_id) USING (touchpoint_id)
"""
"""Touchpoints named in a table as members of accounts; whether one is shared with another account is of its content."""

ANSWERS = """
SELECT account_id, ask_touchpoint_id AS id, asked_at AS happened_at, false AS is_ours, hash(r) AS content
FROM fact_response r SEMI JOIN touched USING (account_id)
UNION ALL SELECT account_id, touchpoint_id, occurred_at, false, hash(f) FROM fact_followup f SEMI JOIN touched USING (account_id)
UNION ALL SELECT account_id, need_id, first_asked_at, false, hash(n) FROM fact_enablement_need n SEMI JOIN touched USING (account_id)
"""
"""Wait episodes, follow-ups and needs of the touched accounts."""


def note_touchpoints(connection: Any) -> None:
    """Before the touchpoints of the temporary table ``old_touchpoint(touchpoint_id)`` are taken out."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE touchpoint_before AS {TOUCHPOINTS.format(ids='old_touchpoint')}")


def note_accounts(connection: Any) -> None:
    """Before what hangs on the accounts of ``touched(account_id)`` is taken out."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE answer_before AS {ANSWERS}")


def find_changes(connection: Any) -> None:
    """Once all is in again, the touchpoints of ``new_touchpoint(touchpoint_id)`` among it: makes the temporary table
    ``changed(account_id, happened_at, is_ours)``, the times of facts that came, went or are no longer the same. Those of internal
    steps stand in ``changed_step`` (``warehouse.steps``)."""
    now = {"touchpoint_before": TOUCHPOINTS.format(ids="new_touchpoint"), "answer_before": ANSWERS}
    either_way = " UNION ALL ".join(
        f"(FROM {before} EXCEPT ({after})) UNION ALL (({after}) EXCEPT FROM {before})" for before, after in now.items()
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE changed AS SELECT DISTINCT account_id, happened_at, is_ours FROM ({either_way})
            UNION SELECT account_id, happened_at, false FROM changed_step"""
    )
    for before in now:
        connection.execute(f"DROP TABLE temp.{before}")
