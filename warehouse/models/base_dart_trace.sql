-- What the touchpoints of a unit are traces of, put together, and how many are mutual.
-- Grain: unit with a touchpoint. Key: unit_no.
WITH
of_day AS (
  SELECT hash('account', account_id) AS scope_no, day, bit_or(traces) AS traces, count(*) FILTER (direction = 'mutual') AS mutual_count
  FROM touch SEMI JOIN scope_account USING (account_id) GROUP BY account_id, day
  UNION ALL SELECT hash('deal', opportunity_id), day, bit_or(traces), count(*) FILTER (direction = 'mutual') FROM deal_touch GROUP BY opportunity_id, day
),
-- days become periods before they meet units: the other way round, the lifetime of every account meets every day
dated AS MATERIALIZED (SELECT * FROM of_day JOIN period_day USING (day))
SELECT unit_no, bit_or(traces) AS traces, sum(mutual_count)::BIGINT AS mutual_count
FROM dated JOIN dart_unit USING (scope_no, period_grain, period_start) GROUP BY unit_no
