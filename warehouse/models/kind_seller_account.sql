-- Rows of mart_seller_account_period and the one cell that each covers.
-- Grain: row x seller x cell (here one to one). Key: row_no.
WITH spine AS (SELECT * FROM pair_cell SEMI JOIN scope_account USING (account_id) WHERE seller_id <> '')
SELECT row_number() OVER ()::INTEGER AS row_no, hash(seller_id, account_id) AS entity_no, seller_id, cell_no,
       seller_id AS key_1, account_id AS key_2, period_grain, period_start
FROM spine
