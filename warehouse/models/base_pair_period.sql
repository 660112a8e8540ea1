-- The spine in scope (semantics 5.1): a seller was assigned to the account on a day of the period, or made a touch in it.
-- Grain: seller x account x period. Key: seller_id, account_id, period_grain, period_start.
-- An assignment without a start holds in every period of the calendar: an account that nobody has touched yet is neglected too.
WITH
run AS (FROM param),
owned AS (SELECT DISTINCT account_id FROM dim_assignment WHERE role = 'owner'),
assignment AS (
  SELECT account_id, seller_id, valid_from, valid_to FROM dim_assignment
  UNION ALL SELECT account_id, owner_seller_id, NULL, NULL FROM dim_account ANTI JOIN owned USING (account_id) WHERE owner_seller_id IS NOT NULL
),
assigned AS (
  SELECT seller_id, account_id, coalesce(local_day(valid_from), DATE '0001-01-01') AS from_day,
         local_day(least(coalesce(valid_to - INTERVAL 1 MICROSECOND, as_of), as_of)) AS to_day
  FROM assignment SEMI JOIN scope_account USING (account_id), run
  WHERE (valid_from IS NULL OR valid_from <= as_of) AND (valid_to IS NULL OR valid_from IS NULL OR valid_to > valid_from)
),
assigned_period AS (
  SELECT seller_id, account_id, period_grain, period_start
  FROM assigned JOIN period ON from_day <= last_day AND to_day >= period_start
  UNION ALL SELECT seller_id, account_id, 'lifetime', DATE '1970-01-01' FROM assigned
),
touched_day AS (SELECT DISTINCT seller_id, account_id, day FROM seller_touch JOIN touch USING (account_id, touch_no) WHERE seller_id <> ''),
touched_period AS (SELECT seller_id, account_id, period_grain, period_start FROM touched_day JOIN period_day USING (day)),
pair AS (FROM assigned_period UNION FROM touched_period)
FROM pair SEMI JOIN scope_cell USING (account_id, period_grain, period_start)
