-- Rows of mart_seller_period and the cells of the seller's accounts that each rolls up.
-- Grain: row x seller x cell. Key: row_no, cell_no.
WITH
spine AS (SELECT * FROM pair_cell SEMI JOIN scope_seller USING (seller_id)),
roll AS (
  SELECT row_number() OVER ()::INTEGER AS row_no, * FROM (SELECT DISTINCT seller_id, period_grain, period_start FROM spine)
)
SELECT row_no, hash(seller_id) AS entity_no, seller_id, cell_no, seller_id AS key_1, NULL AS key_2, period_grain, period_start
FROM spine JOIN roll USING (seller_id, period_grain, period_start)
