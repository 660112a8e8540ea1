-- Buyer evidence of a cell by channel.
-- Grain: cell x channel; a touchpoint that is shared with another account has a row of its own (shared_no), as in cell_mix.
SELECT cell_no, CASE WHEN is_shared THEN touch_no END AS shared_no, channel_bit, count(*) AS buyer
FROM cell_touch WHERE direction <> 'outbound' GROUP BY cell_no, shared_no, channel_bit
