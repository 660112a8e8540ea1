-- Accounts whose rows are rebuilt: all in a full build; else those touched, and those whose assignment has reached a new period.
-- Grain: account. Key: account_id.
WITH
run AS (FROM param),
known AS (
  SELECT account_id FROM dim_account UNION SELECT account_id FROM dim_assignment UNION SELECT account_id FROM bridge_touchpoint_account
),
current_period AS (
  SELECT period_grain, period_start FROM run, period WHERE local_day(run.as_of) BETWEEN period_start AND last_day
),
assigned AS (
  SELECT account_id FROM dim_assignment, run WHERE (valid_from IS NULL OR valid_from <= as_of) AND (valid_to IS NULL OR valid_to > as_of)
  UNION SELECT account_id FROM dim_account WHERE owner_seller_id IS NOT NULL
),
begun AS (SELECT DISTINCT account_id FROM mart_seller_account_period WHERE period_grain = 'quarter'),
present AS (
  SELECT account_id FROM mart_seller_account_period JOIN current_period USING (period_grain, period_start)
  GROUP BY account_id HAVING count(DISTINCT period_grain) = 3
),
-- the clock may pass into a new period between two increments: assigned pairs then owe a row of zeros
behind AS (SELECT account_id FROM assigned SEMI JOIN begun USING (account_id) ANTI JOIN present USING (account_id)),
chosen AS (
  SELECT account_id FROM known WHERE (SELECT everything FROM run)
  UNION SELECT account_id FROM touched WHERE NOT (SELECT everything FROM run)
  UNION SELECT account_id FROM behind WHERE NOT (SELECT everything FROM run)
)
SELECT account_id FROM chosen
