-- Deals whose rows are exchanged: those that are staged, and those that no longer have a row.
-- Grain: opportunity. Key: opportunity_id.
SELECT opportunity_id FROM deal UNION FROM former_deal
