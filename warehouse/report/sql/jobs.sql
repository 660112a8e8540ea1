-- Which job buyers came back to. One row a job.
SELECT revisited_job, count(*) AS loops, count(DISTINCT journey_id) AS journeys, mode(path ORDER BY path) AS common_path,
       count(*) AS part_num, sum(count(*)) OVER ()::BIGINT AS part_den, count(*) / sum(count(*)) OVER () AS part,
       median(loop_duration_seconds) AS median_seconds
FROM fact_loop WHERE journey_scope = $scope GROUP BY revisited_job ORDER BY loops DESC, revisited_job
