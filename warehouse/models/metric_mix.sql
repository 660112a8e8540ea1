-- Counts, sets and mixes of a row's touchpoints: M1, M3, M4, M5, M5m, M13, and the sets behind M7 and M13s.
-- Grain: row. Key: row_no. All sums are of integers, so that no order of addition shows in a figure.
WITH
totals AS (
  SELECT row_no,
         count(*) AS touches,
         count(*) FILTER (is_own) AS own,
         count(*) FILTER (direction <> 'outbound') AS buyer,
         count(*) FILTER (direction = 'inbound') AS inbound,
         count(*) FILTER (direction = 'self_serve') AS self_serve,
         count(*) FILTER (direction = 'outbound' AND is_own) AS own_outbound,
         count(*) FILTER (direction = 'mutual' AND is_own) AS own_mutual,
         count(*) FILTER (direction = 'inbound' AND is_message) AS message_in,
         count(*) FILTER (direction = 'outbound' AND is_message AND is_own) AS message_out,
         count(*) FILTER (direction <> 'outbound' AND job_bit = 0) AS unclassified,
         bit_or(CASE WHEN is_own THEN channel_bit ELSE 0 END) AS own_channels,
         bit_or(CASE WHEN direction <> 'outbound' THEN job_bit ELSE 0 END) AS buyer_jobs,
         bit_or(CASE WHEN is_own THEN job_bit ELSE 0 END) AS own_jobs,
         bit_or(CASE WHEN direction <> 'outbound' THEN modality_bit ELSE 0 END) AS buyer_modalities,
         bit_or(CASE WHEN is_own THEN modality_bit ELSE 0 END) AS own_modalities,
         count(*) FILTER (modality_bit = 1) AS digital,
         count(*) FILTER (modality_bit = 2) AS remote,
         count(*) FILTER (modality_bit = 4) AS in_person,
         sum(CASE WHEN modality_bit = 1 THEN buyer_micro_minutes ELSE 0 END)::BIGINT AS digital_minutes,
         sum(CASE WHEN modality_bit = 2 THEN buyer_micro_minutes ELSE 0 END)::BIGINT AS remote_minutes,
         sum(CASE WHEN modality_bit = 4 THEN buyer_micro_minutes ELSE 0 END)::BIGINT AS in_person_minutes
  FROM row_touch GROUP BY row_no
),
by_channel AS (
  SELECT row_no, channel_bit, count(*) FILTER (is_own) AS own, count(*) FILTER (direction <> 'outbound') AS buyer
  FROM row_touch WHERE is_own OR direction <> 'outbound' GROUP BY row_no, channel_bit
),
-- sum |b/B - s/S| = sum |bS - sB| / BS
mix AS (
  SELECT row_no, sum(abs(by_channel.buyer * totals.own - by_channel.own * totals.buyer))::BIGINT AS crossed,
         list_sort(list(by_channel.own) FILTER (by_channel.own > 0)) AS own_by_channel
  FROM by_channel JOIN totals USING (row_no) WHERE totals.own > 0 GROUP BY row_no
)
SELECT totals.*,
       1 - crossed / nullif(2 * own * buyer, 0) AS channel_fit,
       -list_sum(list_transform(own_by_channel, lambda n: (n / own) * ln(n / own))) AS own_entropy
FROM totals LEFT JOIN mix USING (row_no)
