-- Journeys with the most loops first. One row a journey of the scope.
SELECT s.*, a.name AS account_name, coalesce(o.name, a.name) AS deal_name, coalesce(s.opportunity_id, s.account_id) AS key, o.status, o.opened_at,
       o.closed_at, s.visit_count - 1 AS loop_rate_den, s.loop_count AS loop_rate_num, count(*) OVER () AS total
FROM mart_journey_summary AS s
LEFT JOIN dim_account AS a USING (account_id)
LEFT JOIN dim_opportunity AS o ON o.opportunity_id = s.opportunity_id
WHERE s.journey_scope = $scope
ORDER BY s.loop_count DESC, s.core_loop_count DESC, s.touchpoint_count DESC, s.journey_id
LIMIT $limit
