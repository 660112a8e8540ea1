-- Accounts that are not rebuilt themselves but enter a rollup that is: the other accounts of sellers and teams in scope.
-- Grain: account. Key: account_id.
SELECT DISTINCT account_id FROM mart_seller_account_period SEMI JOIN colleague USING (seller_id) ANTI JOIN scope_account USING (account_id)
