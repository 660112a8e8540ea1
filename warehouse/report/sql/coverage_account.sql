-- Lifetime coverage of accounts: all sellers of an account together. One row a account, the busiest first.
SELECT p.*, coalesce(a.name, p.account_id) AS name, p.account_id AS key, count(*) OVER () AS total
FROM mart_account_period AS p
LEFT JOIN dim_account AS a USING (account_id)
WHERE p.period_grain = 'lifetime'
ORDER BY p.seller_touch_count DESC, p.account_id
LIMIT $limit
