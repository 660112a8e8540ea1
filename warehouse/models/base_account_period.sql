-- Accounts and the periods in which they have a pair or a touchpoint: those in scope, and those that enter a rollup in scope.
-- Grain: account x period. Key: cell_no; account_id, period_grain, period_start.
WITH
active_day AS (SELECT DISTINCT account_id, day FROM touch),
active AS (
  SELECT account_id, period_grain, period_start
  FROM active_day JOIN period_day USING (day) SEMI JOIN scope_cell USING (account_id, period_grain, period_start)
),
cell AS (
  SELECT account_id, period_grain, period_start, true AS is_in_scope FROM pair_period UNION SELECT *, true FROM active
  UNION SELECT account_id, period_grain, period_start, false FROM further_pair
)
SELECT row_number() OVER ()::INTEGER AS cell_no, account_id, period_grain, period_start, end_at, is_in_scope
FROM cell JOIN period USING (period_grain, period_start)
