-- M9t: threads of email and chat with a message of the buyer and one of the row's own sellers.
-- Grain: row. Key: row_no. A message without a thread is a thread of its own.
WITH
message AS (SELECT row_no, thread_no, direction = 'inbound' AS is_in FROM row_touch WHERE is_message AND (direction = 'inbound' OR (direction = 'outbound' AND is_own))),
thread AS (SELECT row_no, thread_no, bool_or(is_in) AND NOT bool_and(is_in) AS is_reciprocated FROM message GROUP BY row_no, thread_no)
SELECT row_no, count(*) AS threads, count(*) FILTER (is_reciprocated) AS reciprocated_threads FROM thread GROUP BY row_no
