-- All journeys of the scope together: sums over sums, never a mean of rates. One row.
SELECT count(*) AS journeys, count(*) FILTER (visit_count >= 2) AS with_moves,
       count(*) FILTER (loop_count > 0) AS looped, coalesce(sum(loop_count), 0)::BIGINT AS loops,
       coalesce(sum(core_loop_count), 0)::BIGINT AS core_loops, coalesce(sum(visit_count), 0)::BIGINT AS visits,
       coalesce(sum(greatest(visit_count - 1, 0)), 0)::BIGINT AS moves, coalesce(sum(session_count), 0)::BIGINT AS sessions,
       median(throughput_seconds) FILTER (visit_count > 0) AS median_throughput_seconds,
       count(*) FILTER (low_evidence) AS low_evidence,
       (SELECT count(*) FROM fact_touchpoint WHERE channel = 'phone_call') AS phone_calls
FROM mart_journey_summary WHERE journey_scope = $scope
