-- Units of DART: deals in scope, each with its lifetime as the one period, and the periods of the accounts in scope.
-- Grain: unit. Key: unit_no; scope_no, period_grain, period_start. ``scope_no``: the deal, or the account in all of its periods.
SELECT row_number() OVER ()::INTEGER AS unit_no, * FROM (
  SELECT hash('deal', opportunity_id) AS scope_no, opportunity_id, account_id, 'lifetime' AS period_grain, DATE '1970-01-01' AS period_start FROM deal
  UNION ALL SELECT hash('account', account_id), NULL, account_id, period_grain, period_start FROM mart_account_period SEMI JOIN scope_account USING (account_id)
)
