-- Coverage of an account by a seller.
-- Grain: seller x account x period (week, month, quarter, lifetime). Key: seller_id, account_id, period_grain, period_start.
-- Inbound, self-serve and buyer evidence are the account's; outbound and mutual are those in which this seller acted or attended.
SELECT key_1 AS seller_id, key_2 AS account_id, * EXCLUDE (row_no, kind, key_1, key_2) FROM coverage WHERE kind = 'seller_account'
