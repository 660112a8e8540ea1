-- The spine with numbered cells. seller_id '' stands for all of ours together, and has every cell.
-- Grain: seller x cell. Key: both.
WITH pair AS (FROM pair_period UNION ALL FROM further_pair)
SELECT seller_id, account_id, cell_no, period_grain, period_start, is_in_scope
FROM pair JOIN account_period USING (account_id, period_grain, period_start)
UNION ALL SELECT '', account_id, cell_no, period_grain, period_start, is_in_scope FROM account_period
