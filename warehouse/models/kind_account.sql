-- Rows of mart_account_period and the one cell that each covers, for all of ours together.
-- Grain: row x seller x cell (here one to one). Key: row_no.
WITH spine AS (SELECT * FROM pair_cell SEMI JOIN scope_account USING (account_id) WHERE seller_id = '')
SELECT cell_no AS row_no, hash(account_id) AS entity_no, seller_id, cell_no, account_id AS key_1, NULL AS key_2, period_grain, period_start
FROM spine
