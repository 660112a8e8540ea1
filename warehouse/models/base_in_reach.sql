-- Every account that the tables below hold: those in scope and those that share a rollup with them.
-- Grain: account. Key: account_id.
SELECT account_id FROM scope_account UNION ALL SELECT account_id FROM further_account
