-- Calendar of the reporting time zone: every period that the data or an assignment can reach.
-- Grain: period_grain x period_start. Key: both. ``last_day`` is inclusive; ``end_at`` is the first instant after; both NULL for lifetime.
WITH
run AS (FROM param),
reach AS (
  SELECT min(d) AS first_day, max(d) AS last_day FROM (
    SELECT local_day(min(occurred_at)) AS d FROM fact_touchpoint WHERE is_countable
    UNION ALL SELECT local_day(max(occurred_at)) FROM fact_touchpoint WHERE is_countable
    UNION ALL SELECT local_day(min(asked_at)) FROM fact_response
    UNION ALL SELECT local_day(min(valid_from)) FROM dim_assignment WHERE valid_to IS NULL OR valid_to > valid_from
    UNION ALL SELECT local_day(as_of) FROM run
  )
),
days AS (SELECT unnest(range(first_day, last_day + INTERVAL 1 DAY, INTERVAL 1 DAY))::DATE AS d FROM reach),
starts AS (
  SELECT DISTINCT 'week' AS period_grain, date_trunc('week', d)::DATE AS period_start FROM days
  UNION ALL SELECT DISTINCT 'month', date_trunc('month', d)::DATE FROM days
  UNION ALL SELECT DISTINCT 'quarter', date_trunc('quarter', d)::DATE FROM days
),
stopping AS (SELECT *, period_stop(period_grain, period_start) AS stop FROM starts)
SELECT period_grain, period_start, stop - 1 AS last_day, start_of_day(stop) AS end_at FROM stopping
UNION ALL SELECT 'lifetime', DATE '1970-01-01', NULL, NULL
