-- M7 over a trailing window: own touches in the 13 weeks that end with the period.
-- Grain: row. Key: row_no. A row without a touch in its window is left out.
WITH
run AS (FROM param),
own AS (SELECT entity_no, day, repeated_no, touches, channels FROM roll JOIN pair_day USING (cell_no, seller_id)),
once AS (FROM own WHERE repeated_no IS NULL UNION ALL SELECT DISTINCT * FROM own WHERE repeated_no IS NOT NULL),
own_day AS (SELECT entity_no, day, sum(touches)::BIGINT AS touches, bit_or(channels) AS channels FROM once GROUP BY entity_no, day)
SELECT row_no, sum(touches)::BIGINT AS touches, bit_or(own_day.channels) AS channels
FROM row_period JOIN own_day USING (entity_no), run
WHERE day < window_end AND day >= window_end - 7 * hybrid_window_weeks
GROUP BY row_no
