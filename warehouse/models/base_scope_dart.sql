-- Periods of accounts whose DART is measured again: those that end no earlier than the account's first change, and those before that
-- look ahead to it, for a period's DART asks whether a meeting was followed and a price disclosed within some business days. A lifetime always.
-- Grain: account x period. Key: account_id, period_grain, period_start.
WITH
run AS (FROM param),
since AS (
  SELECT account_id, CASE WHEN bool_and(day IS NOT NULL) THEN start_of_day(min(day)) END AS changed_at FROM scope_day GROUP BY account_id
),
-- 5 business days are the longest of them, and they begin when the meeting ends
longest AS (SELECT coalesce(max(epoch_us(ended_at) - epoch_us(occurred_at)), 0) AS length FROM touch WHERE direction = 'mutual'),
reach AS (
  SELECT period_grain, period_start, business_deadline(end_at + to_microseconds(length), 5) AS until_at FROM period, longest
)
FROM (SELECT account_id, period_grain, period_start FROM mart_account_period) WHERE (SELECT everything FROM run)
UNION ALL
FROM (
  SELECT account_id, period_grain, period_start FROM mart_account_period SEMI JOIN scope_account USING (account_id)
  LEFT JOIN since USING (account_id) LEFT JOIN reach USING (period_grain, period_start)
  WHERE period_grain = 'lifetime' OR until_at IS NULL OR (since.account_id IS NOT NULL AND (changed_at IS NULL OR until_at >= changed_at))
  UNION FROM scope_cell
) WHERE NOT (SELECT everything FROM run)
