-- Deals that the touched accounts had when the marts were last built: one may have gone to another account, or be gone.
-- Grain: opportunity. Key: opportunity_id.
SELECT opportunity_id FROM mart_opportunity_coverage SEMI JOIN touched USING (account_id) WHERE NOT (SELECT everything FROM param)
