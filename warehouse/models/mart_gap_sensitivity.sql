-- How many sessions other gaps would give.
-- Grain: scope x gap. Key: journey_scope, gap_days. Rebuilt whole.
-- Every journey is tried with every gap, so the shares are those of all journeys of the scope.
WITH
tried AS (
  SELECT journey_scope, gap_days, sum(session_count)::BIGINT AS session_count, count(*) AS journey_count
  FROM journey_gap_sensitivity GROUP BY journey_scope, gap_days
),
trust AS (
  SELECT journey_scope, sum(unresolved_share_num)::BIGINT AS unresolved, sum(unresolved_share_den)::BIGINT AS touches,
         sum(unclassified_share_num)::BIGINT AS unclassified, sum(unclassified_share_den)::BIGINT AS buyer
  FROM mart_journey_summary GROUP BY journey_scope
)
SELECT tried.*, unnest(trust(unresolved, touches, unclassified, buyer)),
       is_low_evidence(unclassified, buyer) AS low_evidence
FROM tried JOIN trust USING (journey_scope)
