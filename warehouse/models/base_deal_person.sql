-- Outside people in the touchpoints of the deals in scope, engaged or reached.
-- Grain: touchpoint x participant.
SELECT opportunity_id, touchpoint_id, direction, occurred_at, ended_at, party_id, buyer_roles, coalesce(is_executive, false) AS is_executive,
       is_engaged AND is_buyer AS is_engaged, coalesce(attended, false) OR is_engaged AS is_present, participation_role
FROM fact_touchpoint_participant p JOIN deal_touch USING (touchpoint_id)
WHERE p.side = 'buyer'
