-- Rollups of sellers that are measured again: of whoever has a pair with an account in scope, now or when the marts were last built, in
-- the account's periods in scope. In some of them only the trailing window, which takes in all of a seller's accounts, has changed.
-- Grain: seller x period, whether it has a row or not. Key: seller_id, period_grain, period_start.
WITH pair AS (
  SELECT seller_id, account_id FROM mart_seller_account_period SEMI JOIN scope_account USING (account_id) WHERE period_grain = 'lifetime'
  UNION SELECT seller_id, account_id FROM pair_period WHERE period_grain = 'lifetime'
)
SELECT DISTINCT seller_id, period_grain, period_start FROM pair JOIN scope_cell USING (account_id)
