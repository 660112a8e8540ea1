-- Touchpoints in the four periods that each lies in.
-- Grain: cell x touchpoint. Key: both.
WITH
-- days become periods before they meet cells: the other way round, the lifetime of every account meets every day
dated AS MATERIALIZED (SELECT * EXCLUDE (traces, occurred_at, ended_at, is_ours) FROM touch JOIN cell_day USING (day))
SELECT cell_no, dated.* EXCLUDE (account_id, period_grain, period_start)
FROM dated JOIN account_period USING (account_id, period_grain, period_start)
