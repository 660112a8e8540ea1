-- Own touches of each seller by day, in the cells of lifetimes.
-- Grain: seller x cell x day, with repeated_no as in pair_mix.
SELECT cell_no, seller_id, day, CASE WHEN is_repeated THEN touch_no END AS repeated_no, count(*) AS touches, bit_or(channel_bit) AS channels
FROM pair_touch SEMI JOIN (SELECT cell_no FROM account_period WHERE period_grain = 'lifetime') USING (cell_no)
GROUP BY cell_no, seller_id, day, repeated_no
