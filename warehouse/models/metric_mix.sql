-- Counts, sets and mixes of a row's touchpoints: M1, M3, M4, M5, M5m, M13, and the sets behind M7 and M13s.
-- Grain: row. Key: row_no. All sums are of integers, so that no order of addition shows in a figure.
WITH
run AS (FROM param),
theirs_each AS (
  SELECT row_no, c.* EXCLUDE (cell_no) FROM row_cell JOIN cell_mix c USING (cell_no) WHERE shared_no IS NULL
  UNION ALL SELECT DISTINCT row_no, c.* EXCLUDE (cell_no) FROM row_cell JOIN cell_mix c USING (cell_no) WHERE shared_no IS NOT NULL
),
theirs AS (
  SELECT row_no,
         sum(touches)::BIGINT AS touches, sum(buyer)::BIGINT AS buyer, sum(inbound)::BIGINT AS inbound, sum(self_serve)::BIGINT AS self_serve,
         sum(message_in)::BIGINT AS message_in, sum(unclassified)::BIGINT AS unclassified,
         sum(unresolved)::BIGINT AS unresolved,
         bit_or(buyer_jobs) AS buyer_jobs, bit_or(buyer_modalities) AS buyer_modalities,
         sum(digital)::BIGINT AS digital, sum(remote)::BIGINT AS remote, sum(in_person)::BIGINT AS in_person,
         sum(digital_minutes)::BIGINT AS digital_minutes, sum(remote_minutes)::BIGINT AS remote_minutes,
         sum(in_person_minutes)::BIGINT AS in_person_minutes
  FROM theirs_each GROUP BY row_no
),
ours_each AS (
  SELECT row_no, m.* EXCLUDE (cell_no, seller_id) FROM roll JOIN pair_mix m USING (cell_no, seller_id) WHERE repeated_no IS NULL
  UNION ALL SELECT DISTINCT row_no, m.* EXCLUDE (cell_no, seller_id) FROM roll JOIN pair_mix m USING (cell_no, seller_id)
  WHERE repeated_no IS NOT NULL
),
ours AS (
  SELECT row_no, sum(own)::BIGINT AS own, sum(own_outbound)::BIGINT AS own_outbound, sum(own_mutual)::BIGINT AS own_mutual,
         sum(message_out)::BIGINT AS message_out,
         bit_or(own_channels) AS own_channels, bit_or(own_jobs) AS own_jobs, bit_or(own_modalities) AS own_modalities
  FROM ours_each GROUP BY row_no
),
totals AS (
  SELECT theirs.*, coalesce(own, 0) AS own, coalesce(own_outbound, 0) AS own_outbound, coalesce(own_mutual, 0) AS own_mutual,
         coalesce(message_out, 0) AS message_out, coalesce(own_channels, 0) AS own_channels, coalesce(own_jobs, 0) AS own_jobs,
         coalesce(own_modalities, 0) AS own_modalities
  FROM theirs LEFT JOIN ours USING (row_no)
),
own_channel AS (
  SELECT row_no, channel_bit, repeated_no, own FROM roll JOIN pair_channel USING (cell_no, seller_id)
),
own_by_channel AS (
  SELECT row_no, channel_bit, sum(own)::BIGINT AS own
  FROM (FROM own_channel WHERE repeated_no IS NULL UNION ALL SELECT DISTINCT * FROM own_channel WHERE repeated_no IS NOT NULL)
  GROUP BY row_no, channel_bit
),
buyer_channel AS (
  SELECT row_no, channel_bit, shared_no, buyer FROM row_cell SEMI JOIN ours USING (row_no) JOIN cell_channel USING (cell_no)
),
buyer_by_channel AS (
  SELECT row_no, channel_bit, sum(buyer)::BIGINT AS buyer
  FROM (FROM buyer_channel WHERE shared_no IS NULL UNION ALL SELECT DISTINCT * FROM buyer_channel WHERE shared_no IS NOT NULL)
  GROUP BY row_no, channel_bit
),
by_channel AS (
  SELECT row_no, channel_bit, coalesce(b.buyer, 0) AS buyer, coalesce(o.own, 0) AS own
  FROM buyer_by_channel b FULL JOIN own_by_channel o USING (row_no, channel_bit)
),
-- M3 is of the channels in C, as M1 is: shares of touches on others would make it exceed 1
-- sum |b/B - s/S| = sum |bS - sB| / BS
mix AS (
  SELECT row_no, sum(abs(by_channel.buyer * totals.own - by_channel.own * totals.buyer))::BIGINT AS crossed,
         list_sort(list(by_channel.own) FILTER (by_channel.own > 0 AND channel_bit & channel_bits <> 0)) AS own_by_channel
  FROM by_channel JOIN totals USING (row_no), run WHERE totals.own > 0 GROUP BY row_no
)
SELECT totals.*,
       1 - crossed / nullif(2 * own * buyer, 0) AS channel_fit,
       -list_sum(list_transform(own_by_channel, lambda n: (n / list_sum(own_by_channel)) * ln(n / list_sum(own_by_channel)))) AS own_entropy
FROM totals LEFT JOIN mix USING (row_no)
