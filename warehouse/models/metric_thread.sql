-- M9t: threads of email and chat with a message of the buyer and one of the row's own sellers.
-- Grain: row. Key: row_no. A message without a thread is a thread of its own.
WITH
side AS (
  SELECT row_no, thread_no, true AS is_in FROM row_cell JOIN cell_thread USING (cell_no)
  UNION ALL SELECT row_no, thread_no, false FROM roll JOIN pair_thread USING (cell_no, seller_id)
),
thread AS (SELECT row_no, thread_no, bool_or(is_in) AND NOT bool_and(is_in) AS is_reciprocated FROM side GROUP BY row_no, thread_no)
SELECT row_no, count(*) AS threads, count(*) FILTER (is_reciprocated) AS reciprocated_threads FROM thread GROUP BY row_no
