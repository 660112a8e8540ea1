-- What came before the return. One row a trigger.
SELECT trigger_type, count(*) AS loops, count(*) FILTER (loop_kind = 'core') AS core, count(*) FILTER (loop_kind = 'parallel') AS parallel,
       count(*) AS part_num, sum(count(*)) OVER ()::BIGINT AS part_den, count(*) / sum(count(*)) OVER () AS part,
       median(loop_duration_seconds) AS median_seconds
FROM fact_loop WHERE journey_scope = $scope GROUP BY trigger_type ORDER BY loops DESC, trigger_type
