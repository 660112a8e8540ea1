-- Sessions of one journey. One row a session.
SELECT session_no, started_at, ended_at FROM fact_session WHERE journey_id = $journey ORDER BY session_no
