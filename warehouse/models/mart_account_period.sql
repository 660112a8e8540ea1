-- Coverage of an account by all of ours together.
-- Grain: account x period. Key: account_id, period_grain, period_start.
WITH
coverage AS (FROM coverage),
touching AS (
  SELECT account_id, period_grain, period_start, count(DISTINCT seller_id) AS seller_count
  FROM seller_touch JOIN touch USING (account_id, touch_no) JOIN period_day USING (day) WHERE seller_id <> '' GROUP BY ALL
)
SELECT key_1 AS account_id, coalesce(seller_count, 0) AS seller_count, coverage.* EXCLUDE (key_1, key_2)
FROM coverage LEFT JOIN touching ON account_id = key_1 AND touching.period_grain = coverage.period_grain AND touching.period_start = coverage.period_start
