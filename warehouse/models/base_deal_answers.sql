-- How a deal's questions and needs were met.
-- Grain: opportunity. Key: opportunity_id.
WITH
response AS (
  SELECT opportunity_id,
         count(*) FILTER (is_within_horizon AND (answer_touchpoint_id IS NOT NULL OR is_due))
           / nullif(count(*) FILTER (answer_touchpoint_id IS NOT NULL OR is_due), 0) AS response_rate
  FROM fact_response SEMI JOIN deal USING (opportunity_id) GROUP BY opportunity_id
),
followup AS (
  SELECT f.*, coalesce(t.is_question, false) AS is_question
  FROM fact_followup f JOIN deal_touch t USING (touchpoint_id)
),
answered AS (
  SELECT opportunity_id, count(DISTINCT channel) FILTER (is_answered_same_channel) / count(DISTINCT channel) AS channel_answer_coverage,
         count(*) FILTER (is_question AND any_channel_answer_id IS NOT NULL) / nullif(count(*) FILTER (is_question), 0) AS answered_share
  FROM followup GROUP BY opportunity_id
),
need AS (SELECT n.*, seen_until FROM fact_enablement_need n JOIN deal USING (opportunity_id)),
enabled AS (
  SELECT opportunity_id,
         count(DISTINCT needed_asset_type) FILTER (delivered_at IS NOT NULL OR outcome = 'already_had') / count(DISTINCT needed_asset_type) AS delivered_share,
         count(*) FILTER (outcome IN ('already_had', 'on_time')) / nullif(count(*) FILTER (outcome <> 'open'), 0) AS on_time_share,
         count(*) FILTER (outcome IN ('already_had', 'on_time')) AS met_needs, count(*) FILTER (outcome <> 'open') AS due_needs,
         bool_or(needed_asset_type = 'competition_sheet' AND outcome = 'never') AS competition_sheet_never_sent,
         bool_or(needed_asset_type = 'competition_sheet' AND outcome = 'late') AS competition_sheet_late,
         -- as it stood at seen_until: asked by then, and not sent by then
         min(due_at) FILTER (first_asked_at <= seen_until AND (delivered_at IS NULL OR delivered_at > seen_until) AND outcome <> 'already_had') AS unmet_since
  FROM need GROUP BY opportunity_id
)
SELECT opportunity_id, response_rate, channel_answer_coverage, answered_share, delivered_share, on_time_share,
       coalesce(met_needs, 0) AS met_needs, coalesce(due_needs, 0) AS due_needs,
       coalesce(competition_sheet_never_sent, false) AS competition_sheet_never_sent,
       coalesce(competition_sheet_late, false) AS competition_sheet_late, unmet_since
FROM deal LEFT JOIN response USING (opportunity_id) LEFT JOIN answered USING (opportunity_id) LEFT JOIN enabled USING (opportunity_id)
