-- Pairs outside the scope that enter a rollup in scope, as mart_seller_account_period has them: nothing of them has changed.
-- Grain: seller x account x period. Key: seller_id, account_id, period_grain, period_start.
-- Where all is built from nothing there are none: a pair that is not in scope then is one of an account that is gone.
WITH
run AS (FROM param),
colleague AS (
  SELECT seller_id, period_grain, period_start FROM scope_team JOIN dim_seller USING (team_id) UNION FROM scope_seller
)
SELECT seller_id, account_id, period_grain, period_start FROM mart_seller_account_period
SEMI JOIN colleague USING (seller_id, period_grain, period_start) ANTI JOIN scope_cell USING (account_id, period_grain, period_start)
WHERE NOT (SELECT everything FROM run)
