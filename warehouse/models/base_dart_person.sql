-- Outside people who met us, whom we wrote to, or who were engaged and hold a role that is required, whenever they do.
-- Grain: scope x touchpoint x participant. Of a meeting with two customers each account counts the people that cell_engaged does.
WITH
run AS (FROM param),
holder AS (SELECT DISTINCT person_id, true AS is_holder FROM dim_buying_group_member, run WHERE list_contains(required_roles, buyer_role)),
account_person AS (
  SELECT t.account_id, touch_no, day, direction, is_ours, occurred_at, ended_at, party_id, p.person_id, coalesce(attended, false) OR is_engaged AS is_present,
         is_engaged AND direction <> 'outbound' AS is_engaged
  FROM (SELECT * FROM touch SEMI JOIN scope_account USING (account_id)) t
  JOIN (SELECT *, hash(touchpoint_id) AS touch_no FROM fact_touchpoint_participant WHERE side = 'buyer') p USING (touch_no)
  LEFT JOIN dim_person USING (person_id)
  LEFT JOIN group_member m ON m.account_id = t.account_id AND m.person_id = p.person_id
  WHERE NOT is_shared OR is_at(coalesce(dim_person.account_id, p.home_account_id), t.account_id) OR is_member
),
person AS (
  SELECT hash('account', account_id) AS scope_no, * EXCLUDE (account_id) FROM account_person
  UNION ALL BY NAME
  SELECT hash('deal', opportunity_id) AS scope_no, hash(touchpoint_id) AS touch_no, day, direction, is_ours, occurred_at, ended_at, party_id, person_id, is_present, is_engaged
  FROM deal_person
)
SELECT person.* EXCLUDE (is_engaged), is_engaged AND coalesce(is_holder, false) AS is_engaged_holder
FROM person LEFT JOIN holder USING (person_id)
WHERE (direction = 'mutual' AND is_present) OR direction = 'outbound' OR (is_engaged AND is_holder)
