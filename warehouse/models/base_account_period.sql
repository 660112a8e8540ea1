-- Accounts and the periods in which they have a pair or a touchpoint.
-- Grain: account x period. Key: cell_no; account_id, period_grain, period_start.
WITH
active_day AS (SELECT DISTINCT account_id, day FROM touch),
active AS (SELECT account_id, period_grain, period_start FROM active_day JOIN period_day USING (day)),
cell AS (
  SELECT account_id, period_grain, period_start FROM pair_period UNION SELECT account_id, period_grain, period_start FROM active
)
SELECT row_number() OVER ()::INTEGER AS cell_no, account_id, period_grain, period_start, end_at
FROM cell JOIN period USING (period_grain, period_start)
