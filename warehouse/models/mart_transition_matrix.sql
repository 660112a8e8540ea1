-- Where the buyer goes from each job (semantics 4.5): maximum-likelihood row shares, resumes left out.
-- Grain: scope x from x to. Key: journey_scope, from_state, to_state. Rebuilt whole.
-- Every journey with a visit comes from START and ends in WON, LOST or, while not closed by as_of, OPEN; an account's journey never ends: OPEN.
WITH
run AS (FROM param),
visit AS (SELECT journey_id, journey_scope, visit_no, buying_job, opportunity_id FROM fact_visit),
ends AS (
  SELECT journey_id, journey_scope, any_value(opportunity_id) AS opportunity_id,
         arg_min(buying_job, visit_no) AS first_job, arg_max(buying_job, visit_no) AS last_job
  FROM visit GROUP BY journey_id, journey_scope
),
outcome AS (
  SELECT opportunity_id, upper(status) AS state FROM dim_opportunity, run WHERE status IN ('won', 'lost') AND NOT closes_later(closed_at, as_of)
),
step AS (
  SELECT journey_scope, from_job AS from_state, to_job AS to_state FROM fact_transition WHERE transition_type <> 'resume'
  UNION ALL SELECT journey_scope, 'START', first_job FROM ends
  UNION ALL SELECT journey_scope, last_job, CASE WHEN journey_scope = 'opportunity' THEN coalesce(state, 'OPEN') ELSE 'OPEN' END
  FROM ends LEFT JOIN outcome USING (opportunity_id)
),
counted AS (SELECT journey_scope, from_state, to_state, count(*) AS n FROM step GROUP BY ALL),
totalled AS (SELECT *, sum(n) OVER (PARTITION BY journey_scope, from_state)::BIGINT AS row_total FROM counted)
SELECT journey_scope, from_state, to_state, n, row_total, CASE WHEN row_total >= transition_min_row THEN n / row_total END AS probability
FROM totalled, run
