-- Periods of accounts that are measured again, whether they have a row before or after: those of the days in scope, those whose
-- trailing window reaches a day of changed touches, and the lifetime of every account in scope.
-- Grain: account x period. Key: account_id, period_grain, period_start.
WITH
run AS (FROM param),
whole AS (
  SELECT account_id FROM scope_account WHERE (SELECT everything FROM run)
  UNION SELECT account_id FROM scope_day WHERE day IS NULL
),
dated AS (SELECT account_id, day, is_ours FROM scope_day WHERE day IS NOT NULL),
-- from the day itself, since a period that has lost its last touchpoint may lie outside the calendar
of_day AS (
  SELECT account_id, 'week' AS period_grain, date_trunc('week', day)::DATE AS period_start FROM dated
  UNION SELECT account_id, 'month', date_trunc('month', day)::DATE FROM dated
  UNION SELECT account_id, 'quarter', date_trunc('quarter', day)::DATE FROM dated
),
of_window AS (
  SELECT account_id, period_grain, period_start
  FROM dated, run, period WHERE is_ours AND last_day >= day AND last_day < day + 7 * hybrid_window_weeks
)
FROM of_day
UNION FROM of_window
UNION SELECT account_id, 'lifetime', DATE '1970-01-01' FROM scope_account
UNION SELECT account_id, period_grain, period_start FROM whole, period
UNION SELECT account_id, period_grain, period_start FROM mart_account_period SEMI JOIN whole USING (account_id)
