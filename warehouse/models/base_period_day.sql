-- The bridge from days to the periods that they lie in.
-- Grain: day x period_grain. Key: both.
WITH
days AS (SELECT unnest(range(min(period_start), max(last_day) + INTERVAL 1 DAY, INTERVAL 1 DAY))::DATE AS day FROM period WHERE period_grain <> 'lifetime')
SELECT day, 'week' AS period_grain, date_trunc('week', day)::DATE AS period_start FROM days
UNION ALL SELECT day, 'month', date_trunc('month', day)::DATE FROM days
UNION ALL SELECT day, 'quarter', date_trunc('quarter', day)::DATE FROM days
UNION ALL SELECT day, 'lifetime', DATE '1970-01-01' FROM days
