-- Accounts that are not rebuilt themselves but enter a rollup that is: the other accounts of sellers and teams in scope.
-- Grain: account. Key: account_id. Their pairs of the last build still hold, since nothing touched them.
WITH
colleague AS (
  SELECT seller_id FROM dim_seller SEMI JOIN scope_team USING (team_id) UNION SELECT seller_id FROM scope_seller
)
SELECT DISTINCT account_id FROM mart_seller_account_period SEMI JOIN colleague USING (seller_id) ANTI JOIN scope_account USING (account_id)
