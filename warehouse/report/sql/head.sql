-- What the page is of: the last run and the size of what it published. One row.
-- A deal is told as it stands at as_of: one that closes later is open, one that opens later is none yet.
WITH run AS (FROM dim_run ORDER BY rowid DESC LIMIT 1),
deal AS (
  SELECT CASE WHEN closed_at > as_of THEN 'open' ELSE status END AS status FROM dim_opportunity, run
  WHERE opened_at IS NULL OR opened_at <= as_of
)
SELECT r.run_id, r.as_of, r.touchloop_version, r.reporting_timezone,
       (SELECT count(*) FROM fact_touchpoint) AS touchpoints,
       (SELECT count(*) FROM fact_touchpoint WHERE is_countable) AS countable,
       (SELECT count(*) FROM fact_event) AS events,
       (SELECT count(DISTINCT account_id) FROM mart_journey_summary) AS accounts,
       (SELECT count(*) FROM deal) AS deals,
       (SELECT count(*) FROM deal WHERE status = 'open') AS deals_open,
       (SELECT count(*) FROM deal WHERE status = 'won') AS deals_won,
       (SELECT count(*) FROM deal WHERE status = 'lost') AS deals_lost,
       (SELECT count(*) FROM mart_journey_summary WHERE journey_scope = 'opportunity' AND visit_count > 0) AS deal_journeys
FROM (VALUES (1)) AS one (x) LEFT JOIN run AS r ON true
