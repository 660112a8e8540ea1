-- Every coverage metric of the rows of all four marts (semantics 5.1 to 5.5); the marts name the keys.
-- Grain: row. Key: row_no.
-- The buyer's side is the account's whatever colleague took part: buyer evidence, M2, M2b, the mixes M5 to M6, M10, M13.
-- The seller's side is the row's own sellers': touches, outbound_count, mutual_count, M1, M3, M7, M8 (episodes addressed to them), M13s.
-- Dialogue (M9, M9m, M9t) sets the account's inbound beside the row's own outbound and mutual touches.
WITH
run AS (FROM param),
joined AS (
  SELECT r.*, m.* EXCLUDE (row_no), t.* EXCLUDE (row_no), p.* EXCLUDE (row_no), f.* EXCLUDE (row_no), e.* EXCLUDE (row_no),
         w.touches AS window_touches, w.channels AS window_channels
  FROM row_period r
  LEFT JOIN row_mix m USING (row_no) LEFT JOIN row_thread t USING (row_no) LEFT JOIN row_people p USING (row_no)
  LEFT JOIN row_followup f USING (row_no) LEFT JOIN row_response e USING (row_no) LEFT JOIN row_window w USING (row_no)
),
counted AS (
  SELECT j.* REPLACE (coalesce(own, 0) AS own, coalesce(own_channels, 0) AS own_channels),
         bit_count(coalesce(own_channels, 0) & channel_bits) AS channels_with_touch,
         inbound + own_outbound + own_mutual AS dialogue,
         digital_minutes + remote_minutes + in_person_minutes AS minutes,
         bit_count(buyer_jobs) AS visited_jobs, bit_count(buyer_jobs & own_jobs) AS supported_jobs,
         bit_count(coalesce(buyer_modalities & own_modalities, 0)) AS modalities_reached, bit_count(coalesce(buyer_modalities, 0)) AS modalities,
         modalities_reached / nullif(modalities, 0) AS reach,
         run.*
  FROM joined j, run
)
SELECT
  row_no, kind, key_1, key_2, period_grain, period_start,
  own AS seller_touch_count, coalesce(buyer, 0) AS buyer_evidence_count, coalesce(inbound, 0) AS inbound_count,
  coalesce(own_outbound, 0) AS outbound_count, coalesce(own_mutual, 0) AS mutual_count, coalesce(self_serve, 0) AS self_serve_count,
  s.labels AS seller_channels, b.labels AS buyer_channels, a.labels AS answered_channels,
  channels_with_touch / channel_count AS channel_coverage, channels_with_touch AS channel_coverage_num, channel_count AS channel_coverage_den,
  bit_count(answered_channels) / nullif(bit_count(initiated_channels), 0) AS buyer_channel_answer_coverage,
  coalesce(bit_count(answered_channels), 0) AS buyer_channel_answer_coverage_num,
  coalesce(bit_count(initiated_channels), 0) AS buyer_channel_answer_coverage_den,
  followed_up / nullif(initiated, 0) AS touch_followup_share,
  coalesce(followed_up, 0) AS touch_followup_share_num, coalesce(initiated, 0) AS touch_followup_share_den,
  CASE WHEN channel_count > 1 THEN abs(own_entropy) / ln(channel_count) END AS channel_balance,
  channel_fit,
  digital / nullif(touches, 0) AS digital_share, coalesce(digital, 0) AS digital_share_num, coalesce(touches, 0) AS digital_share_den,
  remote / nullif(touches, 0) AS remote_human_share, coalesce(remote, 0) AS remote_human_share_num, coalesce(touches, 0) AS remote_human_share_den,
  in_person / nullif(touches, 0) AS in_person_share, coalesce(in_person, 0) AS in_person_share_num, coalesce(touches, 0) AS in_person_share_den,
  digital_minutes / nullif(minutes, 0) AS digital_minutes_share,
  coalesce(digital_minutes, 0) AS digital_minutes_share_num, coalesce(minutes, 0) AS digital_minutes_share_den,
  remote_minutes / nullif(minutes, 0) AS remote_human_minutes_share,
  coalesce(remote_minutes, 0) AS remote_human_minutes_share_num, coalesce(minutes, 0) AS remote_human_minutes_share_den,
  in_person_minutes / nullif(minutes, 0) AS in_person_minutes_share,
  coalesce(in_person_minutes, 0) AS in_person_minutes_share_num, coalesce(minutes, 0) AS in_person_minutes_share_den,
  thirds_balance(digital, remote, in_person) AS thirds_balance_count,
  thirds_balance(digital_minutes, remote_minutes, in_person_minutes) AS thirds_balance_minutes,
  reach AS modality_reach, modalities_reached AS modality_reach_num, modalities AS modality_reach_den,
  (channels_with_touch / channel_count + channel_fit + reach) / 3 AS hybrid_score,
  is_hybrid(own, own_channels) AS is_hybrid,
  is_hybrid(coalesce(window_touches, 0), coalesce(window_channels, 0)) AS is_hybrid_13w,
  median_seconds AS response_median_business_seconds, p90_seconds AS response_p90_business_seconds,
  within_horizon / nullif(settled, 0) AS response_rate,
  coalesce(within_horizon, 0) AS response_rate_num, coalesce(settled, 0) AS response_rate_den,
  longest_wait AS longest_open_wait_business_seconds,
  balance_of(message_in, message_out) AS dialogue_ratio,
  own_mutual / nullif(dialogue, 0) AS mutual_share, coalesce(own_mutual, 0) AS mutual_share_num, coalesce(dialogue, 0) AS mutual_share_den,
  reciprocated_threads / nullif(threads, 0) AS reciprocated_thread_share,
  coalesce(reciprocated_threads, 0) AS reciprocated_thread_share_num, coalesce(threads, 0) AS reciprocated_thread_share_den,
  engaged_known_contacts / nullif(known_contacts, 0) AS contact_coverage,
  coalesce(engaged_known_contacts, 0) AS contact_coverage_num, coalesce(known_contacts, 0) AS contact_coverage_den,
  coalesce(engaged_contacts, 0) AS engaged_contacts,
  coalesce(visited_jobs, 0) / job_count AS job_coverage, coalesce(visited_jobs, 0) AS job_coverage_num, job_count AS job_coverage_den,
  supported_jobs / nullif(visited_jobs, 0) AS job_support_share,
  coalesce(supported_jobs, 0) AS job_support_share_num, coalesce(visited_jobs, 0) AS job_support_share_den,
  unnest(trust(unresolved, touches, unclassified, buyer)),
  is_final
FROM counted
JOIN channel_set s ON s.bits = own_channels
JOIN channel_set b ON b.bits = coalesce(initiated_channels, 0)
JOIN channel_set a ON a.bits = coalesce(answered_channels, 0)
