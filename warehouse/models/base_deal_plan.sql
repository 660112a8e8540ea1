-- Deals that had a next step at the moment up to which they are seen: a meeting of the deal or its account, planned for later.
-- Grain: deal with a plan. Key: opportunity_id.
-- Today a plan is what the calendars hold, but for a meeting that all of one side have declined: it will not take place.
-- At a landmark it is what had been written by then (recorded_at) and not been called off by then, whatever became of it, for answers
-- bear no time; an entry of which only a later version has landed is not known to have been there.
WITH
-- put together first: else deals and touchpoints are joined by the order of their times, row against row
meeting AS MATERIALIZED (
  SELECT touchpoint_id, occurred_at, status = 'scheduled' AND NOT is_voided AS is_planned, opportunity_id, b.account_id, is_primary
  -- only meetings are planned: to say so spares the joins most of what follows a landmark
  FROM fact_touchpoint JOIN bridge_touchpoint_account b USING (touchpoint_id) WHERE channel NOT IN ('email', 'chat', 'app')
),
ahead AS MATERIALIZED (
  -- of a meeting with two customers the deal is the primary account's: to the other it is the account's
  SELECT d.opportunity_id, m.touchpoint_id, d.at_landmark, d.seen_until, m.is_planned
  FROM meeting m JOIN deal d
    ON m.account_id = d.account_id AND (NOT m.is_primary OR m.opportunity_id IS NULL OR m.opportunity_id = d.opportunity_id)
  WHERE m.occurred_at > d.seen_until AND (d.status = 'open' OR d.at_landmark)
),
declined AS (
  SELECT touchpoint_id FROM fact_touchpoint_participant
  WHERE side IN ('buyer', 'seller') AND touchpoint_id IN (SELECT touchpoint_id FROM ahead WHERE is_planned AND NOT at_landmark)
  GROUP BY touchpoint_id, side HAVING bool_and(attended IS NOT NULL AND NOT attended)
),
said AS (
  SELECT opportunity_id, touchpoint_id,
         arg_max(e.is_void OR coalesce(e.status = 'cancelled', false), (e.recorded_at, e.revision, e.event_id)) AS is_off
  FROM ahead JOIN bridge_touchpoint_event USING (touchpoint_id) JOIN fact_event e USING (event_id)
  WHERE at_landmark AND e.family = 'schedule' AND e.recorded_at <= seen_until GROUP BY opportunity_id, touchpoint_id
)
SELECT opportunity_id FROM ahead ANTI JOIN declined USING (touchpoint_id) WHERE is_planned AND NOT at_landmark
UNION SELECT opportunity_id FROM said WHERE NOT is_off
