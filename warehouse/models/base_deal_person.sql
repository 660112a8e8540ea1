-- Outside people in the touchpoints of the deals in scope, engaged or reached.
-- Grain: touchpoint x participant. Of a meeting with two customers a deal counts its own account's people, as cell_engaged does.
SELECT opportunity_id, touchpoint_id, direction, occurred_at, ended_at, party_id, p.person_id, buyer_roles,
       list_contains(buyer_roles, 'champion') AS is_champion, is_message, tags, coalesce(p.is_executive, false) AS is_executive,
       is_engaged AND is_buyer AS is_engaged, coalesce(attended, false) OR is_engaged AS is_present, participation_role
FROM fact_touchpoint_participant p JOIN deal_touch USING (touchpoint_id) LEFT JOIN dim_person USING (person_id)
WHERE p.side = 'buyer' AND (NOT is_shared OR dim_person.account_id IS NULL OR dim_person.account_id = deal_touch.account_id)
