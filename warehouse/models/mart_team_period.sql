-- A team's sellers rolled up, as mart_seller_period does for a seller's accounts.
-- Grain: team x period. Key: team_id, period_grain, period_start.
WITH
coverage AS (FROM coverage WHERE kind = 'team'),
counted AS (SELECT row_no, count(DISTINCT seller_id) AS seller_count FROM roll WHERE kind = 'team' GROUP BY row_no)
SELECT key_1 AS team_id, seller_count, coverage.* EXCLUDE (row_no, kind, key_1, key_2)
FROM coverage JOIN counted USING (row_no)
