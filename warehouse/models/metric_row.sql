-- The rows of one coverage mart with the bounds of their periods.
-- Grain: row. Key: row_no. ``window_end`` is the first day after the period; the day after as_of for lifetime.
WITH
run AS (FROM param),
roll AS (SELECT DISTINCT row_no, entity_no, key_1, key_2, period_grain, period_start FROM roll)
SELECT roll.*, coalesce(last_day, local_day(as_of)) + 1 AS window_end,
       end_at IS NOT NULL AND end_at + to_hours(final_after_hours) < as_of AS is_final
FROM roll JOIN period USING (period_grain, period_start), run
