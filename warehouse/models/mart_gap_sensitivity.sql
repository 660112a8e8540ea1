-- How many sessions other gaps would give.
-- Grain: scope x gap. Key: journey_scope, gap_days. Rebuilt whole.
WITH journey AS (FROM journey_gap_sensitivity)
SELECT journey_scope, gap_days, sum(session_count)::BIGINT AS session_count, count(*) AS journey_count FROM journey GROUP BY journey_scope, gap_days
