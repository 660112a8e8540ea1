-- Touchpoints of several accounts.
-- Grain: touchpoint. Key: touchpoint_id.
SELECT DISTINCT touchpoint_id FROM bridge_touchpoint_account WHERE NOT is_primary
