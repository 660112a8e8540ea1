-- M10r: required roles of those who were engaged, as they hold them at the end, as M10 counts members. And mutual touchpoints after
-- which we wrote to somebody who was there, within 2 business days; that may be in the next period.
-- Grain: unit with such people. Key: unit_no.
WITH
engaged AS (SELECT DISTINCT scope_no, day, person_id FROM dart_person WHERE is_engaged_holder),
dated_engaged AS MATERIALIZED (SELECT DISTINCT scope_no, period_grain, period_start, person_id FROM engaged JOIN period_day USING (day)),
member AS (FROM dim_buying_group_member JOIN param ON list_contains(required_roles, buyer_role)),
holding AS (
  SELECT hash('deal', opportunity_id) AS scope_no, person_id, buyer_role, valid_from, valid_to FROM member
  UNION ALL SELECT hash('account', account_id), person_id, buyer_role, valid_from, valid_to FROM member JOIN dim_opportunity USING (opportunity_id)
),
roles AS (
  SELECT unit_no, count(DISTINCT buyer_role) AS engaged_roles
  FROM dated_engaged JOIN dart_unit USING (scope_no, period_grain, period_start) JOIN holding USING (scope_no, person_id)
  WHERE (valid_from IS NULL OR valid_from <= known_by) AND (valid_to IS NULL OR valid_to > last_at) GROUP BY unit_no
),
present AS (
  SELECT DISTINCT scope_no, touch_no, day, ended_at, business_deadline(ended_at, 2) AS due_at, party_id
  FROM dart_person WHERE direction = 'mutual' AND is_present
),
reached AS (SELECT DISTINCT scope_no, party_id, occurred_at FROM dart_person WHERE direction = 'outbound' AND is_ours),
followed AS (
  SELECT DISTINCT p.scope_no, p.touch_no, p.day FROM present p JOIN reached r USING (scope_no, party_id)
  WHERE r.occurred_at >= p.ended_at AND r.occurred_at <= p.due_at
),
dated AS MATERIALIZED (SELECT * FROM followed JOIN period_day USING (day)),
mutual AS (
  SELECT unit_no, count(*) AS followed_mutual FROM dated JOIN dart_unit USING (scope_no, period_grain, period_start) GROUP BY unit_no
)
SELECT unit_no, coalesce(engaged_roles, 0) AS engaged_roles, coalesce(followed_mutual, 0) AS followed_mutual
FROM roles FULL JOIN mutual USING (unit_no)
