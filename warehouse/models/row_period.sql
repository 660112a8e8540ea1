-- The rows of the coverage marts with the bounds of their periods.
-- Grain: row. Key: row_no. ``window_end`` is the first day after the period; the day after as_of for lifetime.
WITH
run AS (FROM param),
named AS (SELECT row_no, entity_no, kind, key_1, key_2, period_grain, period_start FROM roll),
-- a pair and an account cover one cell, and so have one row of roll
rows AS (FROM named WHERE kind IN ('seller_account', 'account') UNION ALL SELECT DISTINCT * FROM named WHERE kind IN ('seller', 'team'))
SELECT rows.*, coalesce(last_day, local_day(as_of)) + 1 AS window_end,
       is_over(end_at, as_of) AS is_final
FROM rows JOIN period USING (period_grain, period_start), run
