-- People, DART and mixes of a deal (semantics 5.4, 5.6), up to its close or as_of.
-- Grain: opportunity. Key: opportunity_id.
WITH
run AS (FROM param),
joined AS (
  SELECT d.*, p.* EXCLUDE (opportunity_id), e.* EXCLUDE (opportunity_id), j.* EXCLUDE (opportunity_id),
         t.* EXCLUDE (unit_no, opportunity_id, account_id, period_grain, period_start)
  FROM deal d JOIN dart t USING (opportunity_id) LEFT JOIN deal_people p USING (opportunity_id) LEFT JOIN deal_evidence e USING (opportunity_id)
  LEFT JOIN deal_journey j USING (opportunity_id)
)
SELECT
  opportunity_id, account_id, exec_first_at AS exec_first_engaged_at,
  days_between(opened_at, exec_first_at) AS exec_first_engaged_days,
  -- who was engaged before the opening was so from its start
  CASE WHEN exec_first_at IS NOT NULL THEN greatest(0, days_between(opened_at, exec_first_at)) / nullif(cycle_days, 0) END
    AS exec_first_engaged_share_of_cycle,
  exec_first_at IS NOT NULL AND (selection_at IS NULL OR exec_first_at < selection_at) AS exec_before_supplier_selection,
  engaged_contacts, effective_threads,
  CASE WHEN status = 'open' THEN recent_contacts <= 1 WHEN closed_at IS NOT NULL THEN engaged_contacts <= 1 END AS is_single_threaded,
  engaged_known_contacts / nullif(known_contacts, 0) AS contact_coverage,
  engaged_known_contacts AS contact_coverage_num, known_contacts AS contact_coverage_den,
  role_coverage, role_coverage_num, role_coverage_den,
  active_blocks / nullif(blocks, 0) AS champion_active_week_share,
  active_blocks AS champion_active_week_share_num, blocks AS champion_active_week_share_den,
  champion_in / nullif(champion_out, 0) AS champion_reciprocity,
  champion_in AS champion_inbound_count, champion_out AS champion_outbound_count, champion_evidence_count,
  enablement_on_time_share, enablement_on_time_share_num, enablement_on_time_share_den,
  coalesce(cocreation_evidence_count, 0) AS cocreation_evidence_count,
  dart_dialogue_n_items, dart_access_n_items, dart_risk_n_items, dart_transparency_n_items,
  dart_dialogue, dart_access, dart_risk, dart_transparency, dart_index,
  coalesce(in_person_count, 0) AS in_person_count, coalesce(remote_human_count, 0) AS remote_human_count, coalesce(digital_count, 0) AS digital_count,
  coalesce(loop_count, 0) AS loop_count, coalesce(visit_count, 0) AS visit_count,
  days_between(champion_last_at, seen_until) AS champion_silence_days,
  CASE WHEN days_between(opened_at, seen_until) >= 30 THEN coalesce(days_between(opened_at, exec_first_at) <= 30, false) END AS exec_engaged_by_day_30,
  CASE WHEN currency = 'USD' THEN amount >= large_deal_amount END AS is_large_deal,
  unnest(trust(unresolved, touches, unclassified, buyer))
FROM joined, run
