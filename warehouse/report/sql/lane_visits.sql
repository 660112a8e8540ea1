-- Visits of one journey. One row a visit.
SELECT visit_no, buying_job, started_at, ended_at FROM fact_visit WHERE journey_id = $journey ORDER BY visit_no
