-- A seller's accounts rolled up: shares of counts are sums over sums; distinct counts, medians and mixes are recomputed from facts.
-- Grain: seller x period. Key: seller_id, period_grain, period_start.
WITH
coverage AS (FROM coverage WHERE kind = 'seller'),
counted AS (SELECT row_no, count(*) AS account_count FROM roll WHERE kind = 'seller' GROUP BY row_no)
SELECT key_1 AS seller_id, seller_channels AS channels_used, account_count, coverage.* EXCLUDE (row_no, kind, key_1, key_2)
FROM coverage JOIN counted USING (row_no)
