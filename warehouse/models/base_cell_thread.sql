-- Threads of email and chat in which the buyer wrote.
-- Grain: cell x thread. Key: both.
SELECT DISTINCT cell_no, thread_no FROM cell_touch WHERE is_message AND direction = 'inbound'
