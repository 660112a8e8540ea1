-- Units of DART: deals in scope, each with its lifetime as the one period, and the periods in scope of accounts.
-- Grain: unit. Key: unit_no; scope_no, period_grain, period_start. ``scope_no``: the deal, or the account in all of its periods.
-- ``last_at``: its last moment that can be known, of a closed deal the one before the close. ``known_by``: whoever has come into a buying
-- group by then is in it at the end, and at a deal's very close too, as M10 counts (base_deal_people, base_cell_contact).
SELECT row_number() OVER ()::INTEGER AS unit_no, * FROM (
  SELECT hash('deal', opportunity_id) AS scope_no, opportunity_id, account_id, 'lifetime' AS period_grain, DATE '1970-01-01' AS period_start,
         CASE WHEN status = 'open' THEN seen_until ELSE seen_until - INTERVAL 1 MICROSECOND END AS last_at, seen_until AS known_by
  FROM deal
  UNION ALL
  SELECT hash('account', account_id), NULL, account_id, period_grain, period_start, least(coalesce(end_at - INTERVAL 1 MICROSECOND, as_of), as_of) AS last_at, last_at
  FROM (FROM mart_account_period SEMI JOIN scope_dart USING (account_id, period_grain, period_start)) LEFT JOIN period USING (period_grain, period_start), param
)
