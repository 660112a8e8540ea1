-- Teams whose rollups are rebuilt: those of the sellers in scope.
-- Grain: team. Key: team_id.
SELECT DISTINCT team_id FROM dim_seller SEMI JOIN scope_seller USING (seller_id) WHERE team_id IS NOT NULL
