-- Sellers who worked hybrid over the 13 weeks that end with the month. One row a month, the last 12.
SELECT * FROM (
    SELECT period_start, count(*) AS sellers, count(*) FILTER (is_hybrid_13w) AS hybrid_num, count(is_hybrid_13w) AS hybrid_den,
           count(*) FILTER (is_hybrid_13w) / nullif(count(is_hybrid_13w), 0) AS hybrid, bool_and(is_final) AS is_final
    FROM mart_seller_period WHERE period_grain = 'month' GROUP BY period_start ORDER BY period_start DESC LIMIT 12
) ORDER BY period_start
