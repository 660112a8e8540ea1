-- A team's sellers rolled up, as mart_seller_period does for a seller's accounts.
-- Grain: team x period. Key: team_id, period_grain, period_start.
WITH
coverage AS (FROM coverage),
sellers AS (SELECT row_no, count(DISTINCT seller_id) AS seller_count FROM roll GROUP BY row_no),
counted AS (SELECT key_1, period_grain, period_start, seller_count FROM row_period JOIN sellers USING (row_no))
SELECT key_1 AS team_id, seller_count, coverage.* EXCLUDE (key_1, key_2)
FROM coverage JOIN counted USING (key_1, period_grain, period_start)
