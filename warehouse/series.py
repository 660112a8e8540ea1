"""Series of calendar entries that were rewritten or deleted: what folding has to know of them, and what they make dirty."""

from __future__ import annotations

from warehouse.store import Store


def find_series(store: Store, occurrence: str, exception: int) -> list[tuple[str, str, int, tuple[bytes, ...]]]:
    """Series of which the warehouse holds more than one version, or a deletion, as the temporary table ``ended_series``;
    ``planned_date`` holds all dates for ``mark_series_dirty``. An entry under the series' own id, which is one date and no series, is
    another version of it.

    ``occurrence`` is the regular expression by which an occurrence's id names its series, ``exception`` the revision from
    which on it speaks for itself. Returns (source, series, newest version, its deletions as the vault has them).
    """
    con = store.connection
    con.execute(
        """CREATE OR REPLACE TEMP TABLE planned_date AS
           SELECT event_id, source, source_event_id, nullif(regexp_extract(source_event_id, ?, 1, 's'), '') AS series, revision, is_void, recorded_at
           FROM fact_event WHERE family = 'schedule'""",
        [occurrence],
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE ended_series AS
           WITH named AS (SELECT DISTINCT source, series FROM planned_date WHERE series IS NOT NULL),
           told AS (
             SELECT source, series, revision FROM planned_date WHERE series IS NOT NULL AND revision < $exception
             UNION ALL
             SELECT n.source, n.series, revision % $exception FROM planned_date p
             JOIN named n ON p.source = n.source AND p.source_event_id = n.series WHERE NOT is_void),
           series AS (
             SELECT source, series, coalesce(max(revision), 0) AS version, count(DISTINCT revision) > 1 AS is_rewritten
             FROM named LEFT JOIN told USING (source, series) GROUP BY ALL),
           deletion AS (
             SELECT p.source, p.source_event_id AS series, list(detail ORDER BY event_id) AS deletions
             FROM planned_date p JOIN named n ON p.source = n.source AND p.source_event_id = n.series
             JOIN vault.event_detail USING (event_id) WHERE is_void GROUP BY ALL)
           SELECT source, series, version, deletions FROM series LEFT JOIN deletion USING (source, series)
           WHERE is_rewritten OR deletions IS NOT NULL""",
        {"exception": exception},
    )
    rows = con.execute("SELECT source, series, version, deletions FROM ended_series ORDER BY source, series").fetchall()
    return [(source, name, version, tuple(gone or ())) for source, name, version, gone in rows]


def mark_series_dirty(store: Store) -> None:
    """After ``find_series``: all dates of a series that something dirty belongs to, for a new version ends dates that it does not name."""
    con = store.connection
    con.execute(
        """INSERT INTO vault.dirty
           WITH planned AS (
             SELECT event_id, source, coalesce(p.series, source_event_id) AS series FROM planned_date p
             SEMI JOIN ended_series s ON p.source = s.source AND coalesce(p.series, p.source_event_id) = s.series),
           dated AS (SELECT source, series, fold_hash FROM vault.event_detail JOIN planned USING (event_id)),
           moving AS (SELECT DISTINCT source, series FROM dated SEMI JOIN vault.dirty USING (fold_hash))
           SELECT DISTINCT fold_hash FROM dated SEMI JOIN moving USING (source, series)"""
    )
    con.execute("DROP TABLE planned_date")
