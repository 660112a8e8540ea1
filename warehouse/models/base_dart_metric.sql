-- Items of DART that are coverage metrics: M9, M8r, M9t and M2, of an account in a period as mart_account_period has them.
-- Grain: unit. Key: unit_no.
SELECT unit_no, balance_of(message_in, message_out) AS dialogue_ratio, within_horizon AS response_rate_num, settled AS response_rate_den,
       reciprocated_threads AS reciprocated_thread_share_num, threads AS reciprocated_thread_share_den,
       answered_channels AS buyer_channel_answer_coverage_num, initiated_channels AS buyer_channel_answer_coverage_den
FROM dart_unit LEFT JOIN deal_evidence USING (opportunity_id) LEFT JOIN deal_answers USING (opportunity_id) WHERE opportunity_id IS NOT NULL
UNION ALL BY NAME
SELECT unit_no, dialogue_ratio, response_rate_num, response_rate_den, reciprocated_thread_share_num, reciprocated_thread_share_den,
       buyer_channel_answer_coverage_num, buyer_channel_answer_coverage_den
FROM dart_unit JOIN mart_account_period USING (account_id, period_grain, period_start) WHERE opportunity_id IS NULL
