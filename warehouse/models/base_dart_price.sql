-- Whether the price was disclosed by 5 business days after the first visit of supplier selection.
-- Grain: unit with such a visit or a price. Key: unit_no. A visit belongs to the period in which it starts; the price may have been
-- disclosed before or after that period. Where no visit starts, a price that was disclosed says yes.
WITH
visit AS (
  SELECT hash('account', account_id) AS scope_no, local_day(started_at) AS day, started_at FROM fact_visit SEMI JOIN scope_account USING (account_id)
  WHERE journey_scope = 'account' AND buying_job = 'supplier_selection'
  UNION ALL SELECT hash('deal', opportunity_id), local_day(selection_at), selection_at FROM deal_journey WHERE selection_at IS NOT NULL
),
price AS (
  SELECT hash('account', account_id) AS scope_no, day, min(occurred_at) AS priced_at FROM touch SEMI JOIN scope_account USING (account_id)
  WHERE shows(traces, 'price') GROUP BY account_id, day
  UNION ALL SELECT hash('deal', opportunity_id), day, min(occurred_at) FROM deal_touch WHERE shows(traces, 'price') GROUP BY opportunity_id, day
),
first_price AS (SELECT scope_no, min(priced_at) AS first_priced_at FROM price GROUP BY scope_no),
event AS (SELECT scope_no, day, started_at, false AS is_price FROM visit UNION ALL SELECT scope_no, day, NULL, true FROM price),
dated AS MATERIALIZED (SELECT * FROM event JOIN period_day USING (day)),
summed AS (
  SELECT unit_no, scope_no, min(started_at) AS selection_at, bool_or(is_price) AS is_priced
  FROM dated JOIN dart_unit USING (scope_no, period_grain, period_start) GROUP BY unit_no, scope_no
)
SELECT unit_no, CASE WHEN selection_at IS NULL THEN is_priced
                     ELSE coalesce(first_priced_at <= business_deadline(selection_at, 5), false) END AS price_disclosed
FROM summed LEFT JOIN first_price USING (scope_no)
