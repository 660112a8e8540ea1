-- The spine with numbered cells. seller_id '' stands for all of ours together, and has every cell.
-- Grain: seller x cell. Key: both.
SELECT seller_id, account_id, cell_no, period_grain, period_start FROM pair_period JOIN account_period USING (account_id, period_grain, period_start)
UNION ALL SELECT '', account_id, cell_no, period_grain, period_start FROM account_period
