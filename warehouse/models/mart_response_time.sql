-- M8 and M8r by the channel of the question, over all episodes addressed to a seller.
-- Grain: seller x channel x period of the question. Key: seller_id, ask_channel, period_grain, period_start. Rebuilt whole.
WITH
run AS (FROM param),
episode AS (
  SELECT r.*, answer_touchpoint_id IS NOT NULL OR is_due AS is_settled, local_day(asked_at) AS day,
         buying_job = 'unclassified' AS is_unclassified, u.touchpoint_id IS NOT NULL AS is_unresolved
  FROM fact_response r JOIN (SELECT touchpoint_id, buying_job FROM fact_touchpoint) t ON t.touchpoint_id = ask_touchpoint_id
  LEFT JOIN unknown u ON u.touchpoint_id = ask_touchpoint_id
  WHERE r.seller_id IS NOT NULL
),
summed AS (
  SELECT seller_id, ask_channel, period_grain, period_start, count(*) AS ask_count, count(answer_touchpoint_id) AS answered_count,
         quantile_cont(response_business_seconds, 0.5) AS median_seconds, quantile_cont(response_business_seconds, 0.9) AS p90_seconds,
         count(response_business_seconds) AS closed, count(*) FILTER (is_settled) AS settled,
         count(*) FILTER (is_settled AND is_within_horizon) AS within_horizon,
         max(waiting_business_seconds) AS longest_wait,
         count(*) FILTER (is_unresolved) AS unresolved, count(*) FILTER (is_unclassified) AS unclassified
  FROM episode JOIN period_day USING (day) GROUP BY ALL
)
SELECT seller_id, ask_channel, period_grain, period_start, ask_count, answered_count,
       median_seconds AS response_median_business_seconds,
       CASE WHEN closed >= p90_min_n THEN p90_seconds END AS response_p90_business_seconds,
       within_horizon / nullif(settled, 0) AS response_rate, within_horizon AS response_rate_num, settled AS response_rate_den,
       longest_wait AS longest_open_wait_business_seconds,
       unnest(trust(unresolved, ask_count, unclassified, ask_count))
FROM summed, run
