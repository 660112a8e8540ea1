-- Sellers whose pairs enter a rollup that is rebuilt: those in scope and their teams.
-- Grain: seller. Key: seller_id.
SELECT seller_id FROM dim_seller SEMI JOIN scope_team USING (team_id) UNION SELECT seller_id FROM scope_seller
