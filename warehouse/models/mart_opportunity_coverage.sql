-- People, DART and mixes of a deal (semantics 5.4, 5.6), up to its close or as_of.
-- Grain: opportunity. Key: opportunity_id.
-- A DART item is NULL where there is nothing it could be a share of (C3: no message, no question, no meeting, no need); a thing not
-- done is 0. A dimension is the mean of its items, NULL below two; the index needs all four. No source tells of the owners of a
-- plan's risk items: that item is 0. Business days are Monday to Friday; holidays are not subtracted here.
WITH
run AS (FROM param),
joined AS (
  SELECT d.*, p.* EXCLUDE (opportunity_id), e.* EXCLUDE (opportunity_id), a.* EXCLUDE (opportunity_id), j.* EXCLUDE (opportunity_id)
  FROM deal d LEFT JOIN deal_people p USING (opportunity_id) LEFT JOIN deal_evidence e USING (opportunity_id)
  LEFT JOIN deal_answers a USING (opportunity_id) LEFT JOIN deal_journey j USING (opportunity_id)
),
items AS (
  SELECT *,
    [least(message_in, message_out) / nullif(greatest(message_in, message_out), 0), response_rate, reciprocated_share, answered_share] AS dialogue,
    [channel_answer_coverage, coalesce(has_hands_on, false)::DOUBLE, coalesce(engaged_roles, 0) / nullif(len(required_roles), 0),
     delivered_share] AS access,
    [coalesce(risk_assets, 0) / 4, coalesce(has_buyer_validation, false)::DOUBLE, coalesce(has_trade_offs, false)::DOUBLE, 0] AS risk,
    [CASE WHEN selection_at IS NULL THEN CASE WHEN price_first_at IS NOT NULL THEN 1 END
          ELSE coalesce(price_first_at <= business_deadline(selection_at, 5), false)::DOUBLE END,
     CASE WHEN has_buyer_plan_update AND has_seller_plan_update THEN 1 WHEN has_plan THEN 0.5 ELSE 0 END::DOUBLE,
     on_time_share, followed_mutual / nullif(mutual_count, 0)] AS transparency
  FROM joined, run
),
dart AS (
  SELECT *, mean_of_two(dialogue) AS dart_dialogue, mean_of_two(access) AS dart_access, mean_of_two(risk) AS dart_risk,
         mean_of_two(transparency) AS dart_transparency
  FROM items
)
SELECT
  opportunity_id, account_id, exec_first_at AS exec_first_engaged_at,
  days_between(opened_at, exec_first_at) AS exec_first_engaged_days,
  days_between(opened_at, exec_first_at) / nullif(cycle_days, 0) AS exec_first_engaged_share_of_cycle,
  exec_first_at IS NOT NULL AND (selection_at IS NULL OR exec_first_at < selection_at) AS exec_before_supplier_selection,
  engaged_contacts, effective_threads,
  CASE WHEN status = 'open' THEN recent_contacts <= 1 WHEN closed_at IS NOT NULL THEN engaged_contacts <= 1 END AS is_single_threaded,
  engaged_known_contacts / nullif(known_contacts, 0) AS contact_coverage,
  engaged_known_contacts AS contact_coverage_num, known_contacts AS contact_coverage_den,
  engaged_roles / nullif(len(required_roles), 0) AS role_coverage, engaged_roles AS role_coverage_num, len(required_roles) AS role_coverage_den,
  active_blocks / nullif(blocks, 0) AS champion_active_week_share,
  active_blocks AS champion_active_week_share_num, blocks AS champion_active_week_share_den,
  champion_in / nullif(champion_out, 0) AS champion_reciprocity,
  champion_in AS champion_inbound_count, champion_out AS champion_outbound_count, champion_evidence_count,
  on_time_share AS enablement_on_time_share, met_needs AS enablement_on_time_share_num, due_needs AS enablement_on_time_share_den,
  coalesce(cocreation_evidence_count, 0) AS cocreation_evidence_count,
  count_of(dialogue) AS dart_dialogue_n_items, count_of(access) AS dart_access_n_items, count_of(risk) AS dart_risk_n_items,
  count_of(transparency) AS dart_transparency_n_items,
  dart_dialogue, dart_access, dart_risk, dart_transparency,
  (dart_dialogue + dart_access + dart_risk + dart_transparency) / 4 AS dart_index,
  coalesce(in_person_count, 0) AS in_person_count, coalesce(remote_human_count, 0) AS remote_human_count, coalesce(digital_count, 0) AS digital_count,
  coalesce(loop_count, 0) AS loop_count, coalesce(visit_count, 0) AS visit_count,
  days_between(champion_last_at, seen_until) AS champion_silence_days,
  CASE WHEN days_between(opened_at, seen_until) >= 30 THEN coalesce(days_between(opened_at, exec_first_at) <= 30, false) END AS exec_engaged_by_day_30,
  CASE WHEN currency = 'USD' THEN amount >= large_deal_amount END AS is_large_deal,
  unresolved / nullif(touches, 0) AS unresolved_share, coalesce(unresolved, 0) AS unresolved_share_num, coalesce(touches, 0) AS unresolved_share_den,
  unclassified / nullif(buyer, 0) AS unclassified_share,
  coalesce(unclassified, 0) AS unclassified_share_num, coalesce(buyer, 0) AS unclassified_share_den
FROM dart
