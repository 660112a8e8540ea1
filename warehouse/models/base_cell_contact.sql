-- M10: members of the account's buying groups who are known at the end of the period (at as_of, while it runs), and those engaged in it.
-- Grain: cell. Key: cell_no. Cells without a known member are left out.
WITH
run AS (FROM param),
member AS (
  SELECT DISTINCT account_id, person_id, valid_from, valid_to FROM dim_buying_group_member JOIN dim_opportunity USING (opportunity_id)
),
cell AS (SELECT cell_no, account_id, least(coalesce(end_at - INTERVAL 1 MICROSECOND, as_of), as_of) AS seen_at FROM account_period, run),
known AS (
  SELECT DISTINCT cell_no, person_id FROM cell JOIN member USING (account_id)
  WHERE (valid_from IS NULL OR valid_from <= seen_at) AND (valid_to IS NULL OR valid_to > seen_at)
),
engaged AS (SELECT DISTINCT cell_no, person_id FROM cell_engaged WHERE person_id IS NOT NULL)
SELECT cell_no, count(*) AS known_contacts, count(engaged.person_id) AS engaged_known_contacts
FROM known LEFT JOIN engaged USING (cell_no, person_id) GROUP BY cell_no
