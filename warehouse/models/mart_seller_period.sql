-- A seller's accounts rolled up: shares of counts are sums over sums; distinct counts, medians and mixes are recomputed from facts.
-- Grain: seller x period. Key: seller_id, period_grain, period_start.
WITH
coverage AS (FROM coverage),
accounts AS (SELECT row_no, count(*) AS account_count FROM roll GROUP BY row_no),
counted AS (SELECT key_1, period_grain, period_start, account_count FROM row_period JOIN accounts USING (row_no))
SELECT key_1 AS seller_id, seller_channels AS channels_used, account_count, coverage.* EXCLUDE (key_1, key_2)
FROM coverage JOIN counted USING (key_1, period_grain, period_start)
