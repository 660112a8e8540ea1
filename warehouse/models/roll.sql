-- Rows of the four coverage marts, and the sellers and cells that each covers: one of each in a pair, one cell for all of ours
-- together in an account, a seller's accounts, a team's sellers and their accounts.
-- Grain: row x seller x cell. Key: all three. ``entity_no``: whose rows of all periods these are.
WITH
covered AS (
  SELECT 'seller_account' AS kind, seller_id AS key_1, account_id AS key_2, * EXCLUDE (account_id) FROM pair_cell WHERE is_in_scope AND seller_id <> ''
  UNION ALL SELECT 'account', account_id, NULL, * EXCLUDE (account_id) FROM pair_cell WHERE is_in_scope AND seller_id = ''
  UNION ALL SELECT 'seller', seller_id, NULL, * EXCLUDE (account_id) FROM pair_cell SEMI JOIN scope_seller USING (seller_id, period_grain, period_start)
  UNION ALL SELECT 'team', team_id, NULL, pair_cell.* EXCLUDE (account_id)
  FROM pair_cell JOIN dim_seller USING (seller_id) SEMI JOIN scope_team USING (team_id, period_grain, period_start)
)
SELECT hash(kind, key_1, key_2, period_grain, period_start) AS row_no, hash(kind, key_1, key_2) AS entity_no,
       kind, key_1, key_2, period_grain, period_start, seller_id, cell_no
FROM covered
