-- Rollups of teams that are measured again: those of the sellers in scope.
-- Grain: team x period. Key: team_id, period_grain, period_start.
SELECT DISTINCT team_id, period_grain, period_start FROM scope_seller JOIN dim_seller USING (seller_id) WHERE team_id IS NOT NULL
