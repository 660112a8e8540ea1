-- Deals whose rows are rebuilt: those of accounts that changed, those that have opened or closed since the last build (mart_deal_risk has
-- what was open then), and on another day all that are open, since their silences grow with the clock; so are they where other deals have
-- been won, by which an executive's absence is measured.
-- Grain: opportunity. Key: opportunity_id. ``seen_until``: the close, so that hindsight cannot leak; as_of while open;
-- NULL where a closed deal has no date of closing, since nobody knows how long it lived.
WITH
run AS (
  SELECT *, is_another_day(everything, last_as_of, as_of) OR won_from IS NOT NULL
            OR EXISTS (FROM dim_opportunity WHERE status = 'won' AND closed_at > last_as_of AND closed_at <= as_of) AS is_all
  FROM param
),
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
WHERE (SELECT everything FROM run) OR account_id IN (SELECT account_id FROM touched UNION SELECT account_id FROM scope_account)
  OR (status = 'open' AND (SELECT is_all FROM run)) OR opened_at > (SELECT last_as_of FROM run)
  OR (status <> 'open' AND opportunity_id IN (SELECT opportunity_id FROM mart_deal_risk))
