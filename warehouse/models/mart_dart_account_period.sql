-- DART of an account in a period (semantics 5.6), as base_dart measures it for deals too. It has the rows of mart_account_period.
-- Grain: account x period. Key: account_id, period_grain, period_start.
SELECT dart.*, is_final, unresolved_share, unresolved_share_num, unresolved_share_den, unclassified_share, unclassified_share_num, unclassified_share_den
FROM dart JOIN mart_account_period USING (account_id, period_grain, period_start) WHERE opportunity_id IS NULL
