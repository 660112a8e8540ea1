-- What the touchpoints of a deal show: mixes, dialogue, traces of jobs and of internal steps.
-- Grain: opportunity with a touchpoint. Key: opportunity_id.
WITH
touch AS (
  SELECT deal_touch.*, s.touchpoint_id IS NOT NULL AS names_items
  FROM deal_touch LEFT JOIN (SELECT DISTINCT touchpoint_id FROM fact_internal_step WHERE basis = 'plan_item') s USING (touchpoint_id)
),
summed AS (
  SELECT opportunity_id, count(*) AS touches, count(*) FILTER (is_unresolved) AS unresolved, count(*) FILTER (is_buyer) AS buyer,
         count(*) FILTER (is_buyer AND buying_job = 'unclassified') AS unclassified,
         count(*) FILTER (modality = 'in_person') AS in_person_count,
         count(*) FILTER (modality = 'remote_human') AS remote_human_count,
         count(*) FILTER (modality = 'digital_self_serve') AS digital_count,
         count(*) FILTER (interaction_kind = 'workshop' OR shows(traces, 'plan_by_buyer')) AS cocreation_evidence_count,
         count(*) FILTER (is_message AND direction = 'inbound') AS message_in,
         count(*) FILTER (is_message AND direction = 'outbound' AND is_ours) AS message_out,
         bool_or(buying_job = 'validation') AS has_validation,
         bool_or(buying_job = 'consensus_creation') AS has_consensus,
         bool_or(list_contains(tags, 'internal_step')) AS has_internal_step,
         -- of items that are named it is known whose they are; an edit of the buyer that names none is taken for one of theirs
         bool_or(shows(traces, 'plan_by_buyer') AND NOT names_items) AS has_buyer_edit,
         max(ended_at) FILTER (is_buyer) AS buyer_last_at,
         max(ended_at) FILTER (is_ours) AS seller_last_at
  FROM touch GROUP BY opportunity_id
),
thread AS (
  SELECT opportunity_id, thread, bool_or(direction = 'inbound') AND bool_or(direction = 'outbound' AND is_ours) AS is_reciprocated
  FROM touch WHERE is_message AND (direction = 'inbound' OR is_ours) GROUP BY opportunity_id, thread
),
threads AS (
  SELECT opportunity_id, count(*) FILTER (is_reciprocated) AS reciprocated_threads, count(*) AS threads FROM thread GROUP BY opportunity_id
)
SELECT summed.*, reciprocated_threads, threads FROM summed LEFT JOIN threads USING (opportunity_id)
