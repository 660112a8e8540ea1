-- Accounts of the further pairs whose touchpoints are not loaded yet.
-- Grain: account. Key: account_id.
SELECT DISTINCT account_id FROM further_pair ANTI JOIN scope_account USING (account_id)
