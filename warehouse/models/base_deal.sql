-- Deals whose rows are rebuilt: those of accounts in scope, and all that are open, since their silences grow with the clock.
-- Grain: opportunity. Key: opportunity_id. ``seen_until``: the close, so that hindsight cannot leak; as_of while open;
-- NULL where a closed deal has no date of closing, since nobody knows how long it lived.
WITH run AS (FROM param)
SELECT opportunity_id, account_id, opened_at, closed_at, status, loss_reason, amount, currency, CASE WHEN status = 'open' THEN as_of ELSE closed_at END AS seen_until,
       days_between(opened_at, closed_at) AS cycle_days, false AS at_landmark
FROM dim_opportunity, run
WHERE status = 'open' OR (SELECT everything FROM run) OR account_id IN (SELECT account_id FROM scope_account)
