-- Accounts of which some period is measured again: all in a full build.
-- Grain: account. Key: account_id.
WITH
run AS (FROM param),
known AS (
  SELECT account_id FROM dim_account UNION SELECT account_id FROM dim_assignment UNION SELECT account_id FROM bridge_touchpoint_account
),
-- the trailing window of a lifetime ends with as_of: by the passing of days touches leave it, and enter it
clock AS (SELECT local_day(last_as_of) + 1 AS old_end, local_day(as_of) + 1 AS new_end FROM run),
passed AS (
  SELECT start_of_day(old_end) AS from_at, start_of_day(new_end) AS to_at FROM clock
  UNION ALL SELECT start_of_day(old_end - 7 * hybrid_window_weeks), start_of_day(new_end - 7 * hybrid_window_weeks) FROM clock, run
),
slid AS (
  SELECT b.account_id FROM fact_touchpoint t JOIN passed ON occurred_at >= from_at AND occurred_at < to_at
  JOIN bridge_touchpoint_account b USING (touchpoint_id) WHERE is_countable AND direction IN ('outbound', 'mutual')
)
SELECT account_id FROM known WHERE account_id IS NOT NULL AND (SELECT everything FROM run)
UNION SELECT account_id FROM scope_day
UNION SELECT account_id FROM slid
