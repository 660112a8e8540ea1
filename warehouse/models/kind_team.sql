-- Rows of mart_team_period and the cells of the team's sellers that each rolls up.
-- Grain: row x seller x cell. Key: all three.
WITH
seller AS (SELECT seller_id, team_id FROM dim_seller SEMI JOIN scope_team USING (team_id)),
spine AS (SELECT * FROM pair_cell JOIN seller USING (seller_id)),
roll AS (
  SELECT row_number() OVER ()::INTEGER AS row_no, * FROM (SELECT DISTINCT team_id, period_grain, period_start FROM spine)
)
SELECT row_no, hash(team_id) AS entity_no, seller_id, cell_no, team_id AS key_1, NULL AS key_2, period_grain, period_start
FROM spine JOIN roll USING (team_id, period_grain, period_start)
