-- Open deals with the most signals first. One row a deal. How long it has been in its stage is told where a history says so.
-- The stage is the one at as_of, of a directory that knows of later ones: an earlier clock sees neither these nor the days until them.
WITH run AS (SELECT as_of FROM dim_run ORDER BY rowid DESC LIMIT 1),
stay AS (
  SELECT opportunity_id, stage, basis,
         CASE WHEN left_at > as_of THEN date_diff('microsecond', entered_at, as_of) / 86400e6 ELSE stage_days END AS stage_days
  FROM fact_stage_history, run WHERE entered_at <= as_of
  QUALIFY row_number() OVER (PARTITION BY opportunity_id ORDER BY entered_at DESC) = 1
)
SELECT k.*, coalesce(o.name, k.opportunity_id) AS deal_name, k.opportunity_id AS key, o.amount, o.currency, o.opened_at, h.stage,
       CASE WHEN h.basis <> 'current_stage' THEN h.stage_days END AS stage_days, count(*) OVER () AS total
FROM mart_deal_risk AS k
LEFT JOIN dim_opportunity AS o USING (opportunity_id)
LEFT JOIN stay AS h USING (opportunity_id)
ORDER BY k.signal_count DESC, o.opened_at, k.opportunity_id
LIMIT $limit
