-- Wait episodes in the periods of their questions, for the addressed seller and for all of ours together ('').
-- Grain: cell x seller x episode.
WITH
asked AS (
  SELECT account_id, seller_id, local_day(asked_at) AS day, response_business_seconds, is_within_horizon,
         answer_touchpoint_id IS NOT NULL OR is_due AS is_settled, waiting_business_seconds
  FROM fact_response SEMI JOIN in_reach USING (account_id)
),
-- days become periods before they meet cells: the other way round, the lifetime of every account meets every day
dated AS MATERIALIZED (SELECT * FROM asked JOIN cell_day USING (day)),
placed AS (
  SELECT * EXCLUDE (account_id, day, period_grain, period_start, end_at)
  FROM dated JOIN account_period USING (account_id, period_grain, period_start)
)
SELECT * FROM placed WHERE seller_id IS NOT NULL
UNION ALL SELECT * REPLACE ('' AS seller_id) FROM placed
