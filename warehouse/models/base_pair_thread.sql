-- Threads of email and chat in which the seller wrote.
-- Grain: seller x cell x thread. Key: all three.
SELECT DISTINCT cell_no, seller_id, thread_no FROM pair_touch WHERE is_message AND direction = 'outbound'
