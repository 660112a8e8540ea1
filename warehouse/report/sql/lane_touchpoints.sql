-- Countable touchpoints of one journey in time, the newest ones where there are more than fit. One row a touchpoint.
SELECT * FROM (
    SELECT t.touchpoint_id, t.occurred_at, t.channel, t.direction, t.interaction_kind, t.buying_job, count(*) OVER () AS total
    FROM bridge_touchpoint_journey AS b
    JOIN fact_touchpoint AS t USING (touchpoint_id)
    WHERE b.journey_id = $journey
    ORDER BY t.occurred_at DESC, t.touchpoint_id LIMIT $limit
) ORDER BY occurred_at, touchpoint_id
