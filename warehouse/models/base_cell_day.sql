-- The bridge from days to those of their periods that have a cell.
-- Grain: day x period_grain. Key: both.
SELECT day, period_grain, period_start FROM period_day SEMI JOIN account_period USING (period_grain, period_start)
