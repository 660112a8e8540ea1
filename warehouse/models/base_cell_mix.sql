-- The buyer's side of a cell: counts and sets of its touchpoints, whoever of ours took part. Sums of integers add up in any order.
-- Grain: cell; a touchpoint that is shared with another account has a row of its own (shared_no), so that a rollup can count it once.
SELECT cell_no, CASE WHEN is_shared THEN touch_no END AS shared_no,
       count(*) AS touches,
       count(*) FILTER (direction <> 'outbound') AS buyer,
       count(*) FILTER (direction = 'inbound') AS inbound,
       count(*) FILTER (direction = 'self_serve') AS self_serve,
       count(*) FILTER (direction = 'inbound' AND is_message) AS message_in,
       count(*) FILTER (direction <> 'outbound' AND job_bit = 0) AS unclassified,
       count(*) FILTER (is_unresolved) AS unresolved,
       bit_or(CASE WHEN direction <> 'outbound' THEN job_bit ELSE 0 END) AS buyer_jobs,
       bit_or(CASE WHEN direction <> 'outbound' THEN modality_bit ELSE 0 END) AS buyer_modalities,
       count(*) FILTER (modality_bit = 1) AS digital,
       count(*) FILTER (modality_bit = 2) AS remote,
       count(*) FILTER (modality_bit = 4) AS in_person,
       sum(CASE WHEN modality_bit = 1 THEN buyer_micro_minutes ELSE 0 END)::BIGINT AS digital_minutes,
       sum(CASE WHEN modality_bit = 2 THEN buyer_micro_minutes ELSE 0 END)::BIGINT AS remote_minutes,
       sum(CASE WHEN modality_bit = 4 THEN buyer_micro_minutes ELSE 0 END)::BIGINT AS in_person_minutes
FROM cell_touch GROUP BY cell_no, shared_no
