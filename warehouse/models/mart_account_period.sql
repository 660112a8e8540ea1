-- Coverage of an account by all of ours together.
-- Grain: account x period. Key: account_id, period_grain, period_start.
WITH
coverage AS (FROM coverage WHERE kind = 'account'),
sellers AS (SELECT cell_no, count(DISTINCT seller_id) AS seller_count FROM pair_mix WHERE seller_id <> '' GROUP BY cell_no),
counted AS (SELECT row_no, seller_count FROM roll JOIN sellers USING (cell_no) WHERE kind = 'account')
SELECT key_1 AS account_id, coalesce(seller_count, 0) AS seller_count, coverage.* EXCLUDE (row_no, kind, key_1, key_2)
FROM coverage LEFT JOIN counted USING (row_no)
