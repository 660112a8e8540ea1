-- What the journey of a deal tells: first visits of jobs, loops, and how much of it is recent.
-- Grain: opportunity. Key: opportunity_id.
WITH
run AS (FROM param),
visit AS (
  SELECT v.opportunity_id, buying_job, started_at, seen_until FROM fact_visit v JOIN deal USING (opportunity_id)
  WHERE journey_scope = 'opportunity' AND started_at <= seen_until
),
closed_loop AS (
  SELECT l.opportunity_id, returned_at, seen_until FROM fact_loop l JOIN deal USING (opportunity_id)
  WHERE journey_scope = 'opportunity' AND returned_at <= seen_until
),
visits AS (
  SELECT opportunity_id, count(*) AS visit_count, count(*) FILTER (started_at > seen_until - to_days(60)) AS recent_visits,
         min(started_at) FILTER (buying_job = 'supplier_selection') AS selection_at,
         bool_or(buying_job = 'validation') AS visited_validation, bool_or(buying_job = 'consensus_creation') AS visited_consensus
  FROM visit GROUP BY opportunity_id
),
first_visit AS (
  SELECT opportunity_id, buying_job, min(started_at) AS first_at FROM visit, run WHERE NOT list_contains(always_on_jobs, buying_job) GROUP BY ALL
),
firsts AS (SELECT opportunity_id, max(first_at) AS last_first_at FROM first_visit GROUP BY opportunity_id),
loops AS (
  SELECT opportunity_id, count(*) AS loop_count, count(*) FILTER (returned_at > seen_until - to_days(60)) AS recent_loops
  FROM closed_loop GROUP BY opportunity_id
)
SELECT opportunity_id, coalesce(visit_count, 0) AS visit_count, coalesce(loop_count, 0) AS loop_count,
       coalesce(recent_loops, 0) / nullif(greatest(recent_visits - 1, 0), 0) AS recent_loop_rate,
       selection_at, coalesce(visited_validation, false) AS visited_validation, coalesce(visited_consensus, false) AS visited_consensus, last_first_at
FROM deal LEFT JOIN visits USING (opportunity_id) LEFT JOIN firsts USING (opportunity_id) LEFT JOIN loops USING (opportunity_id)
