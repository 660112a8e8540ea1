-- Deals whose rows are rebuilt: those of accounts in scope, all that are open, since their silences grow with the clock, and those that
-- were open when the marts were last built (mart_deal_risk) or have opened since.
-- Grain: opportunity. Key: opportunity_id. ``seen_until``: the close, so that hindsight cannot leak; as_of while open;
-- NULL where a closed deal has no date of closing, since nobody knows how long it lived.
WITH
run AS (FROM param),
opportunity AS (SELECT o.*, closes_later(closed_at, as_of) AS closes_later, as_of FROM dim_opportunity o, run),
seen AS (
  SELECT opportunity_id, account_id, opened_at, amount, currency, as_of,
         CASE WHEN closes_later THEN 'open' ELSE status END AS status,
         CASE WHEN NOT closes_later THEN closed_at END AS closed_at,
         CASE WHEN NOT closes_later THEN loss_reason END AS loss_reason
  FROM opportunity
)
SELECT opportunity_id, account_id, opened_at, closed_at, status, loss_reason, amount, currency, CASE WHEN status = 'open' THEN as_of ELSE closed_at END AS seen_until,
       days_between(opened_at, closed_at) AS cycle_days, false AS at_landmark
FROM seen
WHERE status = 'open' OR (SELECT everything FROM run) OR account_id IN (SELECT account_id FROM scope_account)
  OR opportunity_id IN (SELECT opportunity_id FROM mart_deal_risk) OR opened_at > (SELECT last_as_of FROM run)
