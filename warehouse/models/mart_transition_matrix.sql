-- Where the buyer goes from each job (semantics 4.5): maximum-likelihood row shares, resumes left out.
-- Grain: scope x from x to x segment. Key: journey_scope, from_state, to_state, segment. Rebuilt whole.
-- Every journey with a visit comes from START and ends in WON, LOST or, while not closed by as_of, OPEN; an account's journey never ends: OPEN.
-- Every journey is in the segment 'all', and in one of each of the kinds in the setting transition_segments that say something of it.
WITH
run AS (FROM param),
visit AS (SELECT journey_id, journey_scope, visit_no, buying_job, account_id, opportunity_id FROM fact_visit),
ends AS (
  SELECT journey_id, journey_scope, any_value(account_id) AS account_id, any_value(opportunity_id) AS opportunity_id,
         arg_min(buying_job, visit_no) AS first_job, arg_max(buying_job, visit_no) AS last_job
  FROM visit GROUP BY journey_id, journey_scope
),
journey AS (
  SELECT journey_id, journey_scope, first_job, last_job, coalesce(country, 'unknown') AS country,
         CASE WHEN journey_scope = 'account' OR status = 'open' OR closes_later(closed_at, as_of) THEN 'OPEN' ELSE upper(coalesce(status, 'open')) END AS state,
         CASE WHEN amount IS NULL OR currency IS DISTINCT FROM 'USD' THEN 'unknown' WHEN amount >= large_deal_amount THEN 'large' ELSE 'standard' END AS size
  FROM ends LEFT JOIN dim_opportunity USING (opportunity_id) LEFT JOIN dim_account ON dim_account.account_id = ends.account_id, run
),
segmented AS (
  SELECT journey_id, unnest(list_concat(['all'],
    CASE WHEN journey_scope = 'opportunity' AND list_contains(transition_segments, 'outcome') THEN ['outcome=' || lower(state)] END,
    CASE WHEN journey_scope = 'opportunity' AND list_contains(transition_segments, 'deal_size') THEN ['deal_size=' || size] END,
    CASE WHEN list_contains(transition_segments, 'country') THEN ['country=' || country] END)) AS segment
  FROM journey, run
),
step AS (
  SELECT journey_id, journey_scope, from_job AS from_state, to_job AS to_state FROM fact_transition WHERE transition_type <> 'resume'
  UNION ALL SELECT journey_id, journey_scope, 'START', first_job FROM journey
  UNION ALL SELECT journey_id, journey_scope, last_job, state FROM journey
),
counted AS (SELECT journey_scope, from_state, to_state, segment, count(*) AS n FROM step JOIN segmented USING (journey_id) GROUP BY ALL),
trust AS (
  SELECT journey_scope, segment, sum(unresolved_share_num)::BIGINT AS unresolved, sum(unresolved_share_den)::BIGINT AS touches,
         sum(unclassified_share_num)::BIGINT AS unclassified, sum(unclassified_share_den)::BIGINT AS buyer
  FROM mart_journey_summary JOIN segmented USING (journey_id) GROUP BY journey_scope, segment
),
totalled AS (SELECT *, sum(n) OVER (PARTITION BY journey_scope, from_state, segment)::BIGINT AS row_total FROM counted)
SELECT journey_scope, from_state, to_state, segment, n, row_total, CASE WHEN row_total >= transition_min_row THEN n / row_total END AS probability,
       unnest(trust(unresolved, touches, unclassified, buyer)),
       is_low_evidence(unclassified, buyer) AS low_evidence
FROM totalled JOIN trust USING (journey_scope, segment), run
