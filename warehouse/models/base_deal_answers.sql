-- How a deal's buyers were answered, and what stands open.
-- Grain: opportunity. Key: opportunity_id. What came after the close was no answer to the deal: such an ask is one that nobody answered.
WITH
asked AS (
  SELECT opportunity_id, is_due AND coalesce(due_at < seen_until, true) AS is_due, is_within_horizon AND coalesce(answered_at <= seen_until, true) AS is_within_horizon,
         answer_touchpoint_id IS NOT NULL AND coalesce(answered_at <= seen_until, true) AS is_answered
  FROM fact_response JOIN deal USING (opportunity_id) WHERE coalesce(asked_at <= seen_until, true)
),
response AS (
  SELECT opportunity_id, count(*) FILTER (is_within_horizon AND (is_answered OR is_due)) AS within_horizon, count(*) FILTER (is_answered OR is_due) AS settled
  FROM asked GROUP BY opportunity_id
),
followup AS (
  SELECT t.opportunity_id, f.channel, is_answered_same_channel AND answer.occurred_at <= seen_until AS is_answered_same_channel
  FROM fact_followup f JOIN deal_touch t ON t.touchpoint_id = f.touchpoint_id AND t.opportunity_id = f.opportunity_id
  JOIN deal ON deal.opportunity_id = t.opportunity_id
  LEFT JOIN fact_touchpoint answer ON answer.touchpoint_id = f.same_channel_answer_id
),
answered AS (
  SELECT opportunity_id, count(DISTINCT channel) FILTER (is_answered_same_channel) AS answered_channels, count(DISTINCT channel) AS initiated_channels
  FROM followup GROUP BY opportunity_id
),
need AS (SELECT n.*, seen_until FROM fact_enablement_need n JOIN deal USING (opportunity_id)),
enabled AS (
  SELECT opportunity_id,
         bool_or(needed_asset_type = 'competition_sheet' AND outcome = 'never') AS competition_sheet_never_sent,
         bool_or(needed_asset_type = 'competition_sheet' AND outcome = 'late') AS competition_sheet_late,
         -- as it stood at seen_until: asked by then, and not sent by then; what is not overdue today was not then
         min(overdue_at) FILTER (first_asked_at <= seen_until AND (delivered_at IS NULL OR delivered_at > seen_until)
                             AND outcome NOT IN ('already_had', 'open')) AS unmet_since
  FROM need GROUP BY opportunity_id
)
SELECT opportunity_id, within_horizon, settled, answered_channels, initiated_channels,
       coalesce(competition_sheet_never_sent, false) AS competition_sheet_never_sent,
       coalesce(competition_sheet_late, false) AS competition_sheet_late, unmet_since
FROM deal LEFT JOIN response USING (opportunity_id) LEFT JOIN answered USING (opportunity_id) LEFT JOIN enabled USING (opportunity_id)
