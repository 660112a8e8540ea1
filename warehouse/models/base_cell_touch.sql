-- Touchpoints in the four periods that each lies in.
-- Grain: cell x touchpoint. Key: both.
SELECT cell_no, touch.* EXCLUDE (account_id)
FROM touch JOIN period_day USING (day) JOIN account_period USING (account_id, period_grain, period_start)
