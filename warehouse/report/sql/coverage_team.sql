-- Lifetime coverage of teams: all sellers of a team together. One row a team, the busiest first.
SELECT p.*, p.team_id AS name, p.team_id AS key, count(*) OVER () AS total
FROM mart_team_period AS p
WHERE p.period_grain = 'lifetime'
ORDER BY p.seller_touch_count DESC, p.team_id
LIMIT $limit
