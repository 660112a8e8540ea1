-- Open deals with the most signals first. One row a deal. How long it has been in its stage is told where a history says so.
SELECT k.*, coalesce(o.name, k.opportunity_id) AS deal_name, k.opportunity_id AS key, o.amount, o.currency, o.opened_at, h.stage,
       CASE WHEN h.basis <> 'current_stage' THEN h.stage_days END AS stage_days, count(*) OVER () AS total
FROM mart_deal_risk AS k
LEFT JOIN dim_opportunity AS o USING (opportunity_id)
LEFT JOIN fact_stage_history AS h ON h.opportunity_id = k.opportunity_id AND h.is_current
ORDER BY k.signal_count DESC, o.opened_at, k.opportunity_id
LIMIT $limit
