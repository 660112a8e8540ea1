-- Lifetime coverage of an account by one seller. One row a pair, the one with the most buyer evidence first: there neglect costs most.
SELECT p.*, coalesce(s.full_name, p.seller_id) AS name, p.seller_id AS key, coalesce(a.name, p.account_id) AS account_name, count(*) OVER () AS total
FROM mart_seller_account_period AS p
LEFT JOIN dim_seller AS s USING (seller_id)
LEFT JOIN dim_account AS a ON a.account_id = p.account_id
WHERE p.period_grain = 'lifetime'
ORDER BY p.buyer_evidence_count DESC, p.seller_touch_count, p.account_id, p.seller_id
LIMIT $limit
