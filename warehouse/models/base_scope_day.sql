-- Days of accounts whose coverage is measured again in an increment: those on which facts came, went or changed, and those that the
-- clock alone has changed.
-- Grain: account x day; a day of NULL stands for the account's whole life. ``is_ours``: touches of ours may have changed.
WITH
run AS (FROM param),
clock AS (
  SELECT last_as_of AS before, as_of,
         date_trunc('week', local_day(last_as_of)) <> date_trunc('week', local_day(as_of)) OR month_of(last_as_of) <> month_of(as_of) AS is_new_period
  FROM run
),
since AS (SELECT DISTINCT day FROM period_day, clock WHERE day >= local_day(before)),
-- a new period owes every assigned pair a row, be it of zeros
owed AS (
  SELECT account_id FROM dim_assignment, clock
  WHERE is_new_period AND (valid_from IS NULL OR valid_from <= as_of) AND (valid_to IS NULL OR valid_to > before)
  UNION ALL SELECT account_id FROM dim_account, clock WHERE is_new_period AND owner_seller_id IS NOT NULL
),
begun AS (SELECT account_id FROM dim_assignment, clock WHERE valid_from > before AND valid_from <= as_of),
regrouped AS (
  SELECT account_id FROM dim_buying_group_member JOIN dim_opportunity USING (opportunity_id), clock
  WHERE (valid_from > before AND valid_from <= as_of) OR (valid_to > before AND valid_to <= as_of)
),
moved AS (SELECT account_id FROM owed UNION SELECT account_id FROM begun UNION SELECT account_id FROM regrouped)
SELECT account_id, local_day(happened_at) AS day, bool_or(is_ours) AS is_ours FROM changed WHERE account_id IS NOT NULL GROUP BY ALL
UNION ALL SELECT account_id, day, false FROM moved, since WHERE account_id IS NOT NULL
