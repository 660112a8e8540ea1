-- Journeys with the most loops first. One row a journey of the scope.
-- A deal that closes after as_of is open, as in the marts; without buyer evidence nothing says whether it is enough.
WITH run AS (SELECT as_of FROM dim_run ORDER BY rowid DESC LIMIT 1),
deal AS (
  SELECT opportunity_id, name, opened_at, CASE WHEN closed_at > as_of THEN 'open' ELSE status END AS status,
         CASE WHEN closed_at <= as_of THEN closed_at END AS closed_at
  FROM dim_opportunity, run
)
SELECT s.* REPLACE (CASE WHEN s.unclassified_share IS NOT NULL THEN s.low_evidence END AS low_evidence),
       a.name AS account_name, coalesce(o.name, a.name) AS deal_name, coalesce(s.opportunity_id, s.account_id) AS key, o.status, o.opened_at,
       o.closed_at, s.visit_count - 1 AS loop_rate_den, s.loop_count AS loop_rate_num, count(*) OVER () AS total
FROM mart_journey_summary AS s
LEFT JOIN dim_account AS a USING (account_id)
LEFT JOIN deal AS o ON o.opportunity_id = s.opportunity_id
WHERE s.journey_scope = $scope
ORDER BY s.loop_count DESC, s.core_loop_count DESC, s.touchpoint_count DESC, s.journey_id
LIMIT $limit
