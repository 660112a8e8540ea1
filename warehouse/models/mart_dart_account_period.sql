-- DART of an account in a period (semantics 5.6), as base_dart measures it for deals too. It has the rows of mart_account_period.
-- Grain: account x period. Key: account_id, period_grain, period_start. An account's rows are rebuilt whole: whether a price was
-- disclosed or a meeting followed up may rest on another period.
SELECT dart.*, is_final FROM dart JOIN mart_account_period USING (account_id, period_grain, period_start) WHERE opportunity_id IS NULL
