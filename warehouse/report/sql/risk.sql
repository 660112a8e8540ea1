-- Open deals with the most signals first. One row a deal.
SELECT k.*, coalesce(o.name, k.opportunity_id) AS deal_name, k.opportunity_id AS key, o.amount, o.currency, o.opened_at, count(*) OVER () AS total
FROM mart_deal_risk AS k
LEFT JOIN dim_opportunity AS o USING (opportunity_id)
ORDER BY k.signal_count DESC, o.opened_at, k.opportunity_id
LIMIT $limit
