-- Own touches of each seller in the cells that they lie in; seller_id '' stands for all of ours together.
-- Grain: cell x seller x touchpoint. Key: all three. ``is_repeated``: it may be in several cells or of several sellers of one row.
WITH
made AS (SELECT *, count(*) OVER (PARTITION BY account_id, touch_no) > 2 AS is_joint FROM seller_touch),
-- days become periods before they meet cells: the other way round, the lifetime of every account meets every day
dated AS MATERIALIZED (
  SELECT account_id, seller_id, touch_no, is_joint OR is_shared AS is_repeated, period_grain, period_start,
         day, direction, channel_bit, modality_bit, job_bit, is_message, thread_no
  FROM made JOIN touch USING (account_id, touch_no) JOIN cell_day USING (day)
)
SELECT cell_no, dated.* EXCLUDE (account_id, period_grain, period_start)
FROM dated JOIN account_period USING (account_id, period_grain, period_start)
