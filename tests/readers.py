"""A reader of the published snapshot, in a process of its own: ``python readers.py database|parquet PUBLISHED``.

It opens the snapshot again and again as an analyst does, until it is terminated; then it prints how often it looked, and what
it found wrong (nothing, if the promise holds).
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import duckdb

QUESTIONS = {
    "Q5": """SELECT l.revisited_job, l.path, l.trigger_type, count(*) AS loops,
       median(l.loop_length) AS median_length, round(median(l.loop_duration_seconds) / 86400.0, 1) AS median_days,
       avg((o.status = 'won')::INT) FILTER (o.status <> 'open') AS win_rate
FROM fact_loop l LEFT JOIN dim_opportunity o USING (opportunity_id)
WHERE l.journey_scope = 'opportunity' AND l.loop_kind = 'core'
GROUP BY ALL HAVING count(*) >= 5 ORDER BY loops DESC""",
    "Q6": """SELECT from_job, to_job, count(*) AS n,
       CASE WHEN sum(count(*)) OVER (PARTITION BY from_job) >= 30
            THEN round(count(*) / sum(count(*)) OVER (PARTITION BY from_job), 3) END AS p
FROM fact_transition WHERE journey_scope = 'opportunity' AND transition_type <> 'resume'
GROUP BY 1, 2 ORDER BY 1, n DESC""",
    "Q8": """SELECT ask_channel, count(*) AS asks,
       avg(is_within_horizon::INT) AS answered_within_horizon,
       round(quantile_cont(response_business_seconds, 0.5) / 3600.0, 2) AS median_business_hours,
       CASE WHEN count(response_business_seconds) >= 5
            THEN round(quantile_cont(response_business_seconds, 0.9) / 3600.0, 2) END AS p90_business_hours,
       count(*) FILTER (answer_touchpoint_id IS NULL) AS never_answered,
       count(*) FILTER (answer_channel <> ask_channel) AS answered_on_another_channel
FROM fact_response WHERE asked_at >= TIMESTAMPTZ '2026-01-01 00:00:00+00' GROUP BY 1 ORDER BY median_business_hours DESC""",
}
"""The questions of the documentation that a loop, a transition and a wait answer."""
PAUSE_SECONDS = 0.2


def database(published: Path) -> list[str]:
    """The questions are answered, and the tables of one snapshot speak of the same events."""
    connection = duckdb.connect(str((published / "current").resolve() / "touchloop.duckdb"), read_only=True)
    try:
        for sql in QUESTIONS.values():
            connection.execute(sql).fetchall()
        row = connection.execute(
            """SELECT (SELECT count(*) FROM fact_event), (SELECT coalesce(sum(event_count), 0) FROM ledger_unit),
                      (SELECT count(*) FROM fact_touchpoint ANTI JOIN bridge_touchpoint_event USING (touchpoint_id)),
                      (SELECT count(*) FROM fact_visit ANTI JOIN fact_session USING (journey_id))"""
        ).fetchone()
    finally:
        connection.close()
    assert row is not None
    events, landed, unwitnessed, homeless = row
    wrong = []
    if events != landed:
        wrong.append(f"{events} events, and {landed} in the ledger")
    if unwitnessed or homeless:
        wrong.append(f"{unwitnessed} touchpoints without a witness, {homeless} visits without a session")
    return wrong


def parquet(published: Path) -> list[str]:
    """Every file that the manifest lists is there and whole."""
    folder = (published / "current").resolve() / "parquet"
    manifest = json.loads((folder / "manifest.json").read_text())
    connection = duckdb.connect()
    wrong = []
    try:
        for name, table in manifest["tables"].items():
            files = [str(folder / file["path"]) for file in table["files"]]
            row = (
                connection.execute("SELECT count(*) FROM read_parquet(?, union_by_name=true)", [files]).fetchone()
                if files
                else (0,)
            )
            if row is None or row[0] != table["rows"]:
                wrong.append(f"{name}: {row} rows of {table['rows']}")
    finally:
        connection.close()
    return wrong


def main() -> None:
    look = {"database": database, "parquet": parquet}[sys.argv[1]]
    published = Path(sys.argv[2])
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    looks, wrong = 0, []
    while not stopped:
        if (published / "current").exists():
            try:
                wrong += look(published)
            except Exception as error:  # whatever a reader would meet is the finding
                wrong.append(f"{type(error).__name__}: {error}")
            looks += 1
        time.sleep(PAUSE_SECONDS)
    print(looks)
    print("\n".join(wrong[:20]))


if __name__ == "__main__":
    main()
