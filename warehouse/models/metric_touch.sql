-- Touchpoints of each row, each once, and whether one of the row's own sellers made it.
-- Grain: row x touchpoint. Key: row_no, touch_no. A meeting with two customers of one seller is one touch of that seller.
WITH
covered AS (SELECT DISTINCT row_no, cell_no FROM roll),
own AS (
  SELECT DISTINCT row_no, touch_no FROM roll JOIN pair_touch USING (cell_no, seller_id)
),
single AS (SELECT covered.row_no, t.* EXCLUDE (cell_no, is_shared) FROM covered JOIN cell_touch t USING (cell_no) WHERE NOT is_shared),
shared AS (SELECT DISTINCT covered.row_no, t.* EXCLUDE (cell_no, is_shared) FROM covered JOIN cell_touch t USING (cell_no) WHERE is_shared),
either AS (FROM single UNION ALL FROM shared)
SELECT either.*, own.touch_no IS NOT NULL AS is_own FROM either LEFT JOIN own USING (row_no, touch_no)
