-- Outside people in the touchpoints of the deals in scope, engaged or reached; of a meeting with two customers, not those of the other one.
-- Grain: touchpoint x participant.
WITH
shared AS (SELECT DISTINCT touchpoint_id FROM bridge_touchpoint_account WHERE NOT is_primary),
home AS (SELECT person_id, account_id AS home_account_id FROM dim_person),
member AS (SELECT DISTINCT opportunity_id, person_id, true AS is_member FROM dim_buying_group_member)
SELECT opportunity_id, touchpoint_id, direction, occurred_at, ended_at, party_id, buyer_roles, coalesce(is_executive, false) AS is_executive,
       is_engaged AND is_buyer AS is_engaged, coalesce(attended, false) OR is_engaged AS is_present, participation_role
FROM fact_touchpoint_participant p JOIN deal_touch USING (touchpoint_id) JOIN deal USING (opportunity_id)
LEFT JOIN shared s USING (touchpoint_id) LEFT JOIN home USING (person_id) LEFT JOIN member USING (opportunity_id, person_id)
WHERE p.side = 'buyer'
  AND (s.touchpoint_id IS NULL OR direction <> 'mutual' OR coalesce(home_account_id, account_id) = account_id OR coalesce(is_member, false))
