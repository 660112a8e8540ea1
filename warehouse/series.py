"""Series of calendar entries that were rewritten or deleted: what folding has to know of them, and what they make dirty."""

from __future__ import annotations

from warehouse.store import Store


def find_series(store: Store, occurrence: str, exception: int) -> bool:
    """Series of which the warehouse holds more than one version, or a deletion, as the temporary table ``ended_series``;
    ``planned_date`` holds all dates. An entry under the series' own id, which is one date and no series, is another version of it.

    ``occurrence`` is the regular expression by which an occurrence's id names its series, ``exception`` the revision from
    which on it speaks for itself. Returns whether there are any.
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
           deleted AS (SELECT DISTINCT source, source_event_id AS series FROM planned_date WHERE is_void)
           SELECT source, series, version FROM series LEFT JOIN deleted d USING (source, series)
           WHERE is_rewritten OR d.source IS NOT NULL""",
        {"exception": exception},
    )
    if store.count("SELECT count(*) FROM ended_series"):
        return True
    _forget(store)
    return False


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


def affected_series(store: Store) -> list[tuple[str, str, int, tuple[bytes, ...]]]:
    """Of the series that ``find_series`` found, those with a date in ``affected``: (source, series, newest version, its deletions as the
    vault has them). Nothing else of them is asked for when what is affected is folded."""
    con = store.connection
    con.execute(
        """CREATE OR REPLACE TEMP TABLE affected_series AS
           WITH dated AS (
             SELECT source, coalesce(series, source_event_id) AS series FROM planned_date
             WHERE event_id IN (SELECT event_id FROM vault.event_detail SEMI JOIN affected USING (fold_hash)))
           SELECT source, series, version FROM ended_series SEMI JOIN dated USING (source, series)"""
    )
    # where the few are, first: a join would read every event that there is
    con.execute(
        """CREATE OR REPLACE TEMP TABLE deletion AS
           SELECT s.source, s.series, event_id, d.rowid AS place
           FROM planned_date p JOIN affected_series s ON p.source = s.source AND p.source_event_id = s.series
           JOIN vault.event_detail d USING (event_id) WHERE is_void"""
    )
    deletions: dict[tuple[str, str], list[bytes]] = {}
    for source, series, detail in con.execute(
        """SELECT source, series, detail FROM deletion JOIN (
             SELECT rowid AS place, detail FROM vault.event_detail WHERE rowid IN (SELECT place FROM deletion)) USING (place)
           ORDER BY event_id"""
    ).fetchall():
        deletions.setdefault((source, series), []).append(detail)
    rows = con.execute("SELECT source, series, version FROM affected_series ORDER BY ALL").fetchall()
    _forget(store, "deletion", "affected_series")
    return [(source, name, version, tuple(deletions.get((source, name), ()))) for source, name, version in rows]


def _forget(store: Store, *more: str) -> None:
    for name in ("planned_date", "ended_series", *more):
        store.connection.execute(f"DROP TABLE temp.{name}")
