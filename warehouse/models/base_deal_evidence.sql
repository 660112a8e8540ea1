-- What the touchpoints of a deal show: mixes, dialogue, deliveries, traces of jobs and plans.
-- Grain: opportunity with a touchpoint. Key: opportunity_id.
WITH
touch AS (FROM deal_touch),
summed AS (
  SELECT opportunity_id, count(*) AS touches, count(*) FILTER (is_unresolved) AS unresolved, count(*) FILTER (is_buyer) AS buyer,
         count(*) FILTER (is_buyer AND buying_job = 'unclassified') AS unclassified,
         count(*) FILTER (modality = 'in_person') AS in_person_count,
         count(*) FILTER (modality = 'remote_human') AS remote_human_count,
         count(*) FILTER (modality = 'digital_self_serve') AS digital_count,
         count(*) FILTER (interaction_kind = 'workshop' OR (is_plan_update AND actor_side = 'buyer')) AS cocreation_evidence_count,
         count(*) FILTER (is_message AND direction = 'inbound') AS message_in,
         count(*) FILTER (is_message AND direction = 'outbound') AS message_out,
         count(*) FILTER (direction = 'mutual') AS mutual_count,
         bool_or(interaction_kind IN ('demo', 'workshop') OR list_contains(tags, 'trial')) AS has_hands_on,
         bool_or(is_buyer AND buying_job = 'validation') AS has_buyer_validation,
         bool_or(buying_job = 'validation') AS has_validation,
         bool_or(buying_job = 'consensus_creation') AS has_consensus,
         bool_or(list_contains(tags, 'internal_step')) AS has_internal_step,
         bool_or(is_plan_update AND actor_side = 'buyer') AS has_buyer_plan_update,
         bool_or(is_plan_update AND actor_side = 'seller') AS has_seller_plan_update,
         bool_or(is_plan_update OR list_contains(asset_types, 'mutual_action_plan')) AS has_plan,
         max(ended_at) FILTER (is_buyer) AS buyer_last_at,
         max(ended_at) FILTER (direction IN ('outbound', 'mutual')) AS seller_last_at
  FROM touch GROUP BY opportunity_id
),
thread AS (
  SELECT opportunity_id, thread, bool_or(direction = 'inbound') AND bool_or(direction = 'outbound') AS is_reciprocated
  FROM touch WHERE is_message GROUP BY opportunity_id, thread
),
threads AS (
  SELECT opportunity_id, count(*) FILTER (is_reciprocated) / count(*) AS reciprocated_share FROM thread GROUP BY opportunity_id
),
delivered AS (
  SELECT opportunity_id, unnest(asset_types) AS asset_type, occurred_at FROM touch WHERE direction IN ('outbound', 'mutual')
),
deliveries AS (
  SELECT opportunity_id,
         count(DISTINCT asset_type) FILTER (asset_type IN ('security_pack', 'roi_model', 'customer_reference', 'contract_terms')) AS risk_assets,
         bool_or(asset_type IN ('competition_sheet', 'limitations_note')) AS has_trade_offs,
         min(occurred_at) FILTER (asset_type = 'pricing_proposal') AS price_first_at
  FROM delivered GROUP BY opportunity_id
),
present AS (SELECT DISTINCT opportunity_id, touchpoint_id, ended_at, party_id FROM deal_person WHERE direction = 'mutual' AND is_present),
reached AS (SELECT DISTINCT opportunity_id, party_id, occurred_at FROM deal_person WHERE direction = 'outbound'),
followed AS (
  SELECT p.opportunity_id, count(DISTINCT p.touchpoint_id) AS followed_mutual
  FROM present p JOIN reached r USING (opportunity_id, party_id)
  WHERE r.occurred_at >= p.ended_at AND r.occurred_at <= business_deadline(p.ended_at, 2) GROUP BY p.opportunity_id
)
SELECT summed.*, reciprocated_share, coalesce(risk_assets, 0) AS risk_assets, coalesce(has_trade_offs, false) AS has_trade_offs, price_first_at,
       coalesce(followed_mutual, 0) AS followed_mutual
FROM summed LEFT JOIN threads USING (opportunity_id) LEFT JOIN deliveries USING (opportunity_id) LEFT JOIN followed USING (opportunity_id)
