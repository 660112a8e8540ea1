-- Facts behind M2 and M2b in the periods of the buyer's touchpoints; the answer may come later.
-- Grain: cell x channel. Key: both.
WITH
initiated AS (
  SELECT account_id, local_day(occurred_at) AS day, bit AS channel_bit, is_answered_same_channel, is_followed_up
  FROM fact_followup SEMI JOIN in_reach USING (account_id) JOIN channel_code ON label = channel
),
dated AS MATERIALIZED (SELECT * FROM initiated JOIN cell_day USING (day))
SELECT cell_no, channel_bit, count(*) AS initiated_count, count(*) FILTER (is_followed_up) AS followed_up_count,
       bool_or(is_answered_same_channel) AS is_answered
FROM dated JOIN account_period USING (account_id, period_grain, period_start)
GROUP BY cell_no, channel_bit
