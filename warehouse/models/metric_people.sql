-- M10: engaged people of each row, each once; memberships of buying groups add up over accounts.
-- Grain: row. Key: row_no.
WITH
contacts AS (
  SELECT row_no, sum(known_contacts)::BIGINT AS known_contacts, sum(engaged_known_contacts)::BIGINT AS engaged_known_contacts
  FROM row_cell JOIN cell_contact USING (cell_no) GROUP BY row_no
),
engaged AS (
  SELECT row_no, count(*) AS engaged_contacts
  FROM (SELECT DISTINCT row_no, party_no FROM row_cell JOIN cell_engaged USING (cell_no)) GROUP BY row_no
)
SELECT row_no, known_contacts, engaged_known_contacts, coalesce(engaged_contacts, 0) AS engaged_contacts
FROM contacts FULL JOIN engaged USING (row_no)
