-- Outside people who met us, whom we wrote to, or who hold a role that is required and were engaged.
-- Grain: scope x touchpoint x participant. Of a meeting with two customers each account counts the people that cell_engaged does.
WITH
run AS (FROM param),
account_person AS (
  SELECT t.account_id, touch_no, day, direction, occurred_at, ended_at, party_id, coalesce(attended, false) OR is_engaged AS is_present,
         is_engaged AND direction <> 'outbound' AS is_engaged, buyer_roles
  FROM (SELECT * FROM touch SEMI JOIN scope_account USING (account_id)) t
  JOIN (SELECT *, hash(touchpoint_id) AS touch_no FROM fact_touchpoint_participant WHERE side = 'buyer') p USING (touch_no)
  LEFT JOIN dim_person USING (person_id)
  LEFT JOIN group_member m ON m.account_id = t.account_id AND m.person_id = p.person_id
  WHERE NOT is_shared OR is_at(dim_person.account_id, t.account_id) OR is_member
),
person AS (
  SELECT hash('account', account_id) AS scope_no, * EXCLUDE (account_id) FROM account_person
  UNION ALL BY NAME
  SELECT hash('deal', opportunity_id) AS scope_no, hash(touchpoint_id) AS touch_no, day, direction, occurred_at, ended_at, party_id, is_present,
         is_engaged, buyer_roles
  FROM deal_person
)
SELECT person.* EXCLUDE (is_engaged, buyer_roles), CASE WHEN is_engaged THEN list_intersect(buyer_roles, required_roles) ELSE [] END AS engaged_roles
FROM person, run
WHERE (direction = 'mutual' AND is_present) OR direction = 'outbound' OR (is_engaged AND list_has_any(buyer_roles, required_roles))
