-- The spine of the rollups in an increment, as mart_seller_account_period has it once the accounts in scope are rebuilt.
-- Grain: seller x account x period. Key: seller_id, account_id, period_grain, period_start.
SELECT seller_id, account_id, period_grain, period_start FROM mart_seller_account_period SEMI JOIN colleague USING (seller_id)
