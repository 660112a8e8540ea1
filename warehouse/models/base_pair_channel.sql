-- Own touches of each seller by channel.
-- Grain: seller x cell x channel, with repeated_no as in pair_mix.
SELECT cell_no, seller_id, channel_bit, CASE WHEN is_repeated THEN touch_no END AS repeated_no, count(*) AS own
FROM pair_touch GROUP BY cell_no, seller_id, channel_bit, repeated_no
