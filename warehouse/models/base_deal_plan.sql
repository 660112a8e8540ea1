-- Deals that had a next step at the moment up to which they are seen: a meeting of the deal or its account, planned for later.
-- Grain: deal with a plan. Key: opportunity_id.
-- Today a plan is what the calendars hold. At a landmark it is what had been written by then (recorded_at) and not been called off by
-- then, whatever became of it; an entry of which only a later version has landed is not known to have been there.
WITH
ahead AS (
  -- of a meeting with two customers the deal is the primary account's: to the other it is the account's
  SELECT d.opportunity_id, t.touchpoint_id, d.at_landmark, d.seen_until, t.status = 'scheduled' AND NOT t.is_voided AS is_planned
  FROM fact_touchpoint t JOIN bridge_touchpoint_account b USING (touchpoint_id) JOIN deal d
    ON b.account_id = d.account_id AND (NOT b.is_primary OR t.opportunity_id IS NULL OR t.opportunity_id = d.opportunity_id)
  -- only meetings are planned: to say so spares the joins most of what follows a landmark
  WHERE t.channel NOT IN ('email', 'chat', 'app') AND t.occurred_at > d.seen_until AND (d.status = 'open' OR d.at_landmark)
),
said AS (
  SELECT opportunity_id, touchpoint_id,
         arg_max(e.is_void OR coalesce(e.status = 'cancelled', false), (e.recorded_at, e.revision, e.event_id)) AS is_off
  FROM ahead JOIN bridge_touchpoint_event USING (touchpoint_id) JOIN fact_event e USING (event_id)
  WHERE at_landmark AND e.family = 'schedule' AND e.recorded_at <= seen_until GROUP BY opportunity_id, touchpoint_id
)
SELECT opportunity_id FROM ahead WHERE is_planned AND NOT at_landmark
UNION SELECT opportunity_id FROM said WHERE NOT is_off
