-- Contacts by cell in an increment, as mart_account_period has them once the accounts in scope are rebuilt.
-- Grain: cell. Key: cell_no. Cells without a known member are left out.
SELECT cell_no, contact_coverage_den AS known_contacts, contact_coverage_num AS engaged_known_contacts
FROM mart_account_period JOIN account_period USING (account_id, period_grain, period_start) WHERE contact_coverage_den > 0
