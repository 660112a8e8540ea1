-- Buyer people engaged in a cell: who acted in an inbound or self-serve touchpoint, or attended a mutual one.
-- Grain: cell x party. Key: both. Of a meeting with two customers each account counts its own people and the members of its deals'
-- buying groups, wherever they work, as deal_person does.
WITH
engaged AS (
  SELECT hash(touchpoint_id) AS touch_no, party_id, person_id, coalesce(dim_person.account_id, p.home_account_id) AS home_account_id
  FROM fact_touchpoint_participant p LEFT JOIN dim_person USING (person_id)
  WHERE is_engaged AND p.side = 'buyer'
),
engaged_day AS (
  SELECT DISTINCT account_id, day, party_id, person_id FROM engaged JOIN touch USING (touch_no) LEFT JOIN group_member USING (account_id, person_id)
  WHERE NOT is_shared OR is_at(home_account_id, account_id) OR is_member
),
dated AS MATERIALIZED (SELECT account_id, party_id, person_id, period_grain, period_start FROM engaged_day JOIN cell_day USING (day))
SELECT cell_no, hash(party_id) AS party_no, any_value(person_id) AS person_id
FROM dated JOIN account_period USING (account_id, period_grain, period_start)
GROUP BY cell_no, party_no
