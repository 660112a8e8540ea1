-- Lost deals with the most gaps first. One row a deal.
SELECT r.*, coalesce(o.name, r.opportunity_id) AS deal_name, r.opportunity_id AS key, o.amount, o.currency, o.closed_at, o.loss_reason, c.engaged_contacts,
       c.exec_first_engaged_days, c.loop_count, count(*) OVER () AS total
FROM mart_lost_deal_review AS r
LEFT JOIN dim_opportunity AS o USING (opportunity_id)
LEFT JOIN mart_opportunity_coverage AS c USING (opportunity_id)
ORDER BY r.gap_count_extended DESC, r.gap_count_core DESC, o.closed_at DESC, r.opportunity_id
LIMIT $limit
