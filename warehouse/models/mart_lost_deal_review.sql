-- M16, lost for no good reason: what the record of a lost deal lacks, up to its close. Gaps are not causes.
-- Grain: closed-lost opportunity. Key: opportunity_id. A deal in which the buyer was never heard counts as silent before its close.
-- A CRM's reason is compared without case and separators: "Product Gap" is product_gap, in the settings too.
WITH
run AS (FROM param),
lost AS (FROM deal WHERE status = 'lost' AND closed_at IS NOT NULL),
flags AS (
  SELECT opportunity_id, bare(loss_reason) AS loss_reason,
         coalesce(engaged_contacts, 0) <= 1 AS single_threaded,
         exec_first_at IS NULL AS exec_never_engaged,
         coalesce(exec_first_at >= selection_at, false) AS exec_after_supplier_selection,
         coalesce(competition_sheet_never_sent, false) AS competition_sheet_never_sent,
         coalesce(competition_sheet_late, false) AS competition_sheet_late,
         coalesce(days_between(buyer_last_at, closed_at) > silence_days, true) AS buyer_silent_before_close,
         days_between(buyer_last_at, closed_at) AS buyer_silent_days,
         days_between(seller_last_at, closed_at) AS seller_silent_days,
         NOT (coalesce(has_consensus, false) OR has_buyer_item OR coalesce(has_buyer_edit, false) OR coalesce(has_internal_step, false)) AS internal_steps_never_seen,
         NOT coalesce(has_validation, false) AS validation_never_seen,
         NOT has_plan AS no_mutual_action_plan,
         list_transform(good_loss_reasons, lambda reason: bare(reason)) AS good_loss_reasons, unresolved, touches, unclassified, buyer
  FROM lost JOIN dart USING (opportunity_id) LEFT JOIN deal_people USING (opportunity_id) LEFT JOIN deal_evidence USING (opportunity_id)
  LEFT JOIN deal_answers USING (opportunity_id) LEFT JOIN deal_journey USING (opportunity_id), run
),
core AS (
  SELECT *, single_threaded::INT + exec_never_engaged::INT + competition_sheet_never_sent::INT + buyer_silent_before_close::INT
            + internal_steps_never_seen::INT AS gap_count_core
  FROM flags
),
extended AS (
  SELECT *, gap_count_core + exec_after_supplier_selection::INT + competition_sheet_late::INT + validation_never_seen::INT
            + no_mutual_action_plan::INT AS gap_count_extended
  FROM core
)
SELECT *, NOT coalesce(list_contains(good_loss_reasons, loss_reason), false) AND gap_count_extended >= 2 AS no_good_reason,
       unnest(trust(unresolved, touches, unclassified, buyer))
FROM extended
