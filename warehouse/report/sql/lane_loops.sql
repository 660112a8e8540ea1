-- Loops of one journey in the order of the returns. One row a loop.
SELECT *, count(*) OVER () AS total FROM fact_loop WHERE journey_id = $journey ORDER BY to_visit_no LIMIT $limit
