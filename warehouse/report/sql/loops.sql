-- Loops, the latest return first. One row a loop of the scope.
SELECT l.*, coalesce(o.name, a.name) AS deal_name, coalesce(l.opportunity_id, l.account_id) AS key, count(*) OVER () AS total
FROM fact_loop AS l
LEFT JOIN dim_account AS a USING (account_id)
LEFT JOIN dim_opportunity AS o ON o.opportunity_id = l.opportunity_id
WHERE l.journey_scope = $scope
ORDER BY l.returned_at DESC, l.loop_id
LIMIT $limit
