-- Sellers whose rollups are rebuilt: assigned to, or with a touch on, an account in scope, now or when the marts were last built.
-- Grain: seller. Key: seller_id.
WITH
scope AS (FROM scope_account),
before AS (SELECT seller_id FROM mart_seller_account_period SEMI JOIN scope USING (account_id)),
assigned AS (
  SELECT seller_id FROM dim_assignment SEMI JOIN scope USING (account_id)
  UNION ALL SELECT owner_seller_id FROM dim_account SEMI JOIN scope USING (account_id) WHERE owner_seller_id IS NOT NULL
),
touching AS (SELECT seller_id FROM seller_touch SEMI JOIN scope USING (account_id) WHERE seller_id <> '')
SELECT seller_id FROM before UNION SELECT seller_id FROM assigned UNION SELECT seller_id FROM touching
