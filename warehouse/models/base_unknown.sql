-- Touchpoints with an outside party that nobody is known by, as mart_data_quality counts them.
-- Grain: touchpoint. Key: touchpoint_id.
SELECT DISTINCT touchpoint_id FROM fact_touchpoint_participant WHERE person_id IS NULL AND side NOT IN ('seller', 'system')
