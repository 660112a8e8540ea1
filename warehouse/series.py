"""Series of calendar entries that were rewritten or deleted: what folding has to know of them, and what they make dirty."""

from __future__ import annotations

from warehouse.store import Store


def find_series(store: Store, occurrence: str, exception: int) -> list[tuple[str, str, int, int | None]]:
    """Series of which the warehouse holds more than one version, or a deletion, as the temporary table ``ended_series``.

    ``occurrence`` is the regular expression by which an occurrence's id names its series, ``exception`` the revision from
    which on it speaks for itself. Returns (source, series, newest version, when the deletion was written in microseconds or
    None). A deletion that tells no time was written last of all.
    """
    con = store.connection
    con.execute(
        """CREATE OR REPLACE TEMP TABLE planned_date AS
           SELECT source, source_event_id, nullif(regexp_extract(source_event_id, ?, 1, 's'), '') AS series, revision, is_void, recorded_at
           FROM fact_event WHERE family = 'schedule'""",
        [occurrence],
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE ended_series AS
           WITH series AS (
             SELECT source, series, coalesce(max(revision) FILTER (revision < $exception), 0) AS version,
                    count(DISTINCT revision) FILTER (revision < $exception) > 1 AS is_rewritten
             FROM planned_date WHERE series IS NOT NULL GROUP BY ALL),
           deletion AS (
             SELECT source, source_event_id AS series, max(coalesce(epoch_us(recorded_at), 4102444800000000)) AS ended_at
             FROM planned_date WHERE is_void GROUP BY ALL)
           SELECT source, series, version, ended_at FROM series LEFT JOIN deletion USING (source, series)
           WHERE is_rewritten OR ended_at IS NOT NULL""",
        {"exception": exception},
    )
    con.execute("DROP TABLE planned_date")
    return con.execute("SELECT source, series, version, ended_at FROM ended_series ORDER BY ALL").fetchall()


def mark_series_dirty(store: Store, occurrence: str) -> None:
    """After ``find_series``: all dates of a series that something dirty belongs to, for a new version ends dates that it does not name."""
    store.connection.execute(
        """INSERT INTO vault.dirty
           WITH planned AS (
             SELECT e.event_id, e.source, s.series FROM fact_event e
             JOIN ended_series s ON e.source = s.source
              AND s.series IN (e.source_event_id, regexp_extract(e.source_event_id, ?, 1, 's'))
             WHERE e.family = 'schedule'),
           dated AS (SELECT source, series, fold_hash FROM planned JOIN vault.event_detail USING (event_id)),
           moving AS (SELECT DISTINCT source, series FROM dated SEMI JOIN vault.dirty USING (fold_hash))
           SELECT DISTINCT fold_hash FROM dated SEMI JOIN moving USING (source, series)""",
        [occurrence],
    )
