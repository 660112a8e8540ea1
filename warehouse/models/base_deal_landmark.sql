-- Closed deals as they stood at their landmark, so many days before the close: what could have been known while they were open.
-- Grain: won or lost deal that was open at its landmark. Key: opportunity_id. The columns of base_deal; ``seen_until``: the landmark.
-- In scope: those of accounts that were touched (a plan's witness may come without a change of the touchpoint), those that have no row yet, and
-- those that other deals won before them are the measure of.
WITH
run AS (FROM param),
closed AS (
  SELECT o.*, closed_at - span_of_days(signal_landmark_days) AS landmark_at
  FROM dim_opportunity o, run WHERE status IN ('won', 'lost') AND closed_at <= as_of
)
SELECT opportunity_id, account_id, opened_at, closed_at, status, loss_reason, amount, currency, landmark_at AS seen_until,
       days_between(opened_at, closed_at) AS cycle_days, true AS at_landmark
FROM closed
WHERE opened_at <= landmark_at
  AND ((SELECT everything FROM run) OR account_id IN (SELECT account_id FROM touched UNION SELECT account_id FROM scope_account)
       OR landmark_at >= (SELECT won_from FROM run) OR opportunity_id NOT IN (SELECT opportunity_id FROM mart_deal_landmark))
