-- Our side of a cell: counts and sets of each seller's own touches; seller_id '' stands for all of ours together.
-- Grain: seller x cell; a touch that may repeat inside a row has a row of its own (repeated_no), so that it is counted once.
SELECT cell_no, seller_id, CASE WHEN is_repeated THEN touch_no END AS repeated_no,
       count(*) AS own,
       count(*) FILTER (direction = 'outbound') AS own_outbound,
       count(*) FILTER (direction = 'mutual') AS own_mutual,
       count(*) FILTER (direction = 'outbound' AND is_message) AS message_out,
       bit_or(channel_bit) AS own_channels, bit_or(job_bit) AS own_jobs, bit_or(modality_bit) AS own_modalities
FROM pair_touch GROUP BY cell_no, seller_id, repeated_no
