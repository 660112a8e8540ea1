-- Counts, sets and mixes of a row's touchpoints: M1, M3, M4, M5, M5m, M13, and the sets behind M7 and M13s.
-- Grain: row. Key: row_no. All sums are of integers, so that no order of addition shows in a figure.
WITH
by_channel AS (
  SELECT row_no, channel_bit,
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
         bit_or(job_bit) FILTER (direction <> 'outbound') AS buyer_jobs,
         bit_or(job_bit) FILTER (is_own) AS own_jobs,
         bit_or(modality_bit) FILTER (direction <> 'outbound') AS buyer_modalities,
         bit_or(modality_bit) FILTER (is_own) AS own_modalities,
         count(*) FILTER (modality_bit = 1) AS digital,
         count(*) FILTER (modality_bit = 2) AS remote,
         count(*) FILTER (modality_bit = 4) AS in_person,
         coalesce(sum(buyer_micro_minutes) FILTER (modality_bit = 1), 0)::BIGINT AS digital_minutes,
         coalesce(sum(buyer_micro_minutes) FILTER (modality_bit = 2), 0)::BIGINT AS remote_minutes,
         coalesce(sum(buyer_micro_minutes) FILTER (modality_bit = 4), 0)::BIGINT AS in_person_minutes
  FROM row_touch GROUP BY row_no, channel_bit
),
totals AS (
  SELECT row_no,
         sum(touches)::BIGINT AS touches, sum(own)::BIGINT AS own, sum(buyer)::BIGINT AS buyer, sum(inbound)::BIGINT AS inbound,
         sum(self_serve)::BIGINT AS self_serve, sum(own_outbound)::BIGINT AS own_outbound, sum(own_mutual)::BIGINT AS own_mutual,
         sum(message_in)::BIGINT AS message_in, sum(message_out)::BIGINT AS message_out, sum(unclassified)::BIGINT AS unclassified,
         coalesce(bit_or(channel_bit) FILTER (own > 0), 0) AS own_channels,
         coalesce(bit_or(buyer_jobs), 0) AS buyer_jobs, coalesce(bit_or(own_jobs), 0) AS own_jobs,
         coalesce(bit_or(buyer_modalities), 0) AS buyer_modalities, coalesce(bit_or(own_modalities), 0) AS own_modalities,
         sum(digital)::BIGINT AS digital, sum(remote)::BIGINT AS remote, sum(in_person)::BIGINT AS in_person,
         sum(digital_minutes)::BIGINT AS digital_minutes, sum(remote_minutes)::BIGINT AS remote_minutes,
         sum(in_person_minutes)::BIGINT AS in_person_minutes,
         list_sort(list(own) FILTER (own > 0)) AS own_by_channel
  FROM by_channel GROUP BY row_no
),
-- sum |b/B - s/S| = sum |bS - sB| / BS
distance AS (
  SELECT row_no, sum(abs(by_channel.buyer * totals.own - by_channel.own * totals.buyer))::HUGEINT AS crossed
  FROM by_channel JOIN totals USING (row_no) WHERE totals.own > 0 AND totals.buyer > 0 GROUP BY row_no
)
SELECT totals.*,
       1 - crossed / (2 * totals.own * totals.buyer) AS channel_fit,
       -list_sum(list_transform(own_by_channel, lambda n: (n / own) * ln(n / own))) AS own_entropy
FROM totals LEFT JOIN distance USING (row_no)
