-- Lifetime coverage of sellers: all accounts of a seller together. One row a seller, the busiest first.
SELECT p.*, coalesce(s.full_name, p.seller_id) AS name, p.seller_id AS key, count(*) OVER () AS total
FROM mart_seller_period AS p
LEFT JOIN dim_seller AS s USING (seller_id)
WHERE p.period_grain = 'lifetime'
ORDER BY p.seller_touch_count DESC, p.seller_id
LIMIT $limit
