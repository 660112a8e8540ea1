-- M2 and M2b: channels where the buyer initiated and was answered on the same one; touchpoints followed up on any.
-- Grain: row. Key: row_no.
SELECT row_no, sum(initiated_count)::BIGINT AS initiated, sum(followed_up_count)::BIGINT AS followed_up,
       bit_or(channel_bit) AS initiated_channels, coalesce(bit_or(channel_bit) FILTER (is_answered), 0) AS answered_channels
FROM row_cell JOIN cell_followup USING (cell_no) GROUP BY row_no
