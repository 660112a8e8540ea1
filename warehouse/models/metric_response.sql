-- M8 and M8r over the wait episodes addressed to the row's own sellers.
-- Grain: row. Key: row_no.
WITH
run AS (FROM param),
episode AS (SELECT row_no, cell_response.* FROM roll JOIN cell_response USING (cell_no, seller_id)),
summed AS (
  SELECT row_no, quantile_cont(response_business_seconds, 0.5) AS median_seconds, quantile_cont(response_business_seconds, 0.9) AS p90_seconds,
         count(response_business_seconds) AS closed, count(*) FILTER (is_settled) AS settled,
         count(*) FILTER (is_settled AND is_within_horizon) AS within_horizon, max(waiting_business_seconds) AS longest_wait
  FROM episode GROUP BY row_no
)
SELECT summed.* REPLACE (CASE WHEN closed >= p90_min_n THEN p90_seconds END AS p90_seconds) FROM summed, run
