-- Accounts whose relationship is told again: those whose facts changed, and those of whom a touchpoint has entered the trailing window or left
-- it since the last build; all in a full build and on another day, which is in the key.
-- Grain: account. Key: account_id.
WITH
clock AS (
  SELECT last_as_of AS before, as_of, span_of_days(relationship_window_days) AS reach,
         is_another_day(everything, last_as_of, as_of) AS is_all
  FROM param
),
slid AS (
  SELECT b.account_id FROM fact_touchpoint JOIN bridge_touchpoint_account b USING (touchpoint_id), clock
  WHERE is_countable AND (occurred_at BETWEEN before AND as_of OR occurred_at BETWEEN before - reach AND as_of - reach)
)
SELECT account_id FROM (SELECT account_id FROM dim_account UNION SELECT account_id FROM bridge_touchpoint_account)
WHERE account_id IS NOT NULL AND (SELECT is_all FROM clock)
UNION SELECT account_id FROM touched
UNION SELECT account_id FROM slid
