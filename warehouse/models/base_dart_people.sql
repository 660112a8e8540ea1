-- M10r, and mutual touchpoints after which we wrote to somebody who was there, within 2 business days; that may be in the next period.
-- Grain: unit with such people. Key: unit_no.
WITH
role AS (SELECT DISTINCT scope_no, day, unnest(engaged_roles) AS role FROM dart_person),
dated_role AS MATERIALIZED (SELECT * FROM role JOIN period_day USING (day)),
roles AS (
  SELECT unit_no, count(DISTINCT role) AS engaged_roles
  FROM dated_role JOIN dart_unit USING (scope_no, period_grain, period_start) GROUP BY unit_no
),
present AS (
  SELECT DISTINCT scope_no, touch_no, day, ended_at, business_deadline(ended_at, 2) AS due_at, party_id
  FROM dart_person WHERE direction = 'mutual' AND is_present
),
reached AS (SELECT DISTINCT scope_no, party_id, occurred_at FROM dart_person WHERE direction = 'outbound'),
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
