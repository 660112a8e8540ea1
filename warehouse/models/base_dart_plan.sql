-- Items of a unit's mutual action plans, each as the last revision in the unit tells of it.
-- Grain: unit with an item. Key: unit_no. ``has_buyer_item``: the buyer owned one at any time, or told of one that has no owner.
WITH
revision AS (
  SELECT hash('account', account_id) AS scope_no, local_day(occurred_at) AS day, step_id, revision, owner_side, told_by_side, is_risk, is_removed
  FROM fact_internal_step SEMI JOIN scope_account USING (account_id) WHERE basis = 'plan_item'
  UNION ALL
  SELECT hash('deal', s.opportunity_id), local_day(occurred_at), step_id, revision, owner_side, told_by_side, is_risk, is_removed
  FROM fact_internal_step s JOIN deal USING (opportunity_id) WHERE basis = 'plan_item' AND occurred_at <= seen_until
),
-- a plan may be made before the first touchpoint, where the calendar begins
dated AS (
  SELECT revision.*, period_grain, period_start FROM revision JOIN period_day USING (day) WHERE period_grain <> 'lifetime'
  UNION ALL SELECT *, 'lifetime', DATE '1970-01-01' FROM revision
),
item AS (
  SELECT unit_no, step_id, arg_max(is_risk AND NOT is_removed, revision) AS is_risk, coalesce(arg_max(owner_side, revision) = 'buyer', false) AS is_buyers,
         bool_or(coalesce(owner_side, told_by_side) = 'buyer') AS was_buyers,
         bool_or(told_by_side = 'buyer') AS by_buyer, bool_or(told_by_side = 'seller') AS by_seller
  FROM dated JOIN dart_unit USING (scope_no, period_grain, period_start) GROUP BY unit_no, step_id
)
SELECT unit_no, count(*) FILTER (is_risk) AS risk_items, count(*) FILTER (is_risk AND is_buyers) AS buyer_risk_items,
       coalesce(bool_or(was_buyers), false) AS has_buyer_item, coalesce(bool_or(by_buyer), false) AS is_by_buyer, coalesce(bool_or(by_seller), false) AS is_by_seller
FROM item GROUP BY unit_no
