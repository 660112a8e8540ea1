-- Own touches of each seller in the cells that they lie in; seller_id '' stands for all of ours together.
-- Grain: cell x seller x touchpoint. Key: all three.
WITH
-- days become periods before they meet cells: the other way round, the lifetime of every account meets every day
dated AS MATERIALIZED (
  SELECT account_id, seller_id, touch_no, period_grain, period_start
  FROM seller_touch JOIN touch USING (account_id, touch_no) JOIN period_day USING (day)
)
SELECT cell_no, seller_id, touch_no FROM dated JOIN account_period USING (account_id, period_grain, period_start)
