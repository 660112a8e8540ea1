-- What the page is of: the last run and the size of what it published. One row.
SELECT r.run_id, r.as_of, r.touchloop_version,
       (SELECT count(*) FROM fact_touchpoint) AS touchpoints,
       (SELECT count(*) FROM fact_touchpoint WHERE is_countable) AS countable,
       (SELECT count(*) FROM fact_event) AS events,
       (SELECT count(DISTINCT account_id) FROM mart_journey_summary) AS accounts,
       (SELECT count(*) FROM dim_opportunity) AS deals,
       (SELECT count(*) FROM dim_opportunity WHERE status = 'open') AS deals_open,
       (SELECT count(*) FROM dim_opportunity WHERE status = 'won') AS deals_won,
       (SELECT count(*) FROM dim_opportunity WHERE status = 'lost') AS deals_lost,
       (SELECT count(*) FROM mart_journey_summary WHERE journey_scope = 'opportunity' AND visit_count > 0) AS deal_journeys
FROM (VALUES (1)) AS one (x) LEFT JOIN dim_run AS r ON true
ORDER BY r.rowid DESC NULLS LAST LIMIT 1
