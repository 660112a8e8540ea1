-- Outside people in the touchpoints of the deals in scope, engaged or reached.
-- Grain: touchpoint x participant. Of a meeting with two customers a deal counts its own account's people, as cell_engaged does, and the
-- members of its buying group, wherever they work. In a message another customer's people read along: they are not its own.
WITH
member AS (SELECT DISTINCT opportunity_id, person_id, true AS is_member FROM dim_buying_group_member),
person AS (
  SELECT opportunity_id, deal_touch.account_id, touchpoint_id, day, direction, occurred_at, ended_at, party_id, p.person_id, buyer_roles,
         list_contains(buyer_roles, 'champion') AS is_champion, is_message, is_ours, tags, coalesce(p.is_executive, false) AS is_executive,
         is_engaged AND is_buyer AS is_engaged, coalesce(attended, false) OR is_engaged AS is_present,
         coalesce(NOT attended, false) AS is_absent, participation_role, is_shared,
         is_at(coalesce(dim_person.account_id, p.home_account_id), deal_touch.account_id) OR coalesce(is_member, false) AS is_own
  FROM fact_touchpoint_participant p JOIN deal_touch USING (touchpoint_id)
  LEFT JOIN dim_person USING (person_id) LEFT JOIN member USING (opportunity_id, person_id)
  WHERE p.side = 'buyer'
)
SELECT * EXCLUDE (is_shared) FROM person WHERE is_own OR NOT is_shared OR direction <> 'mutual'
