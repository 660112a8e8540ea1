-- M10 to M12: who was engaged in a deal, and since when.
-- Grain: opportunity with somebody engaged. Key: opportunity_id.
WITH
run AS (FROM param),
engaged AS (SELECT * FROM deal_person WHERE is_engaged),
roles AS (
  SELECT opportunity_id, count(DISTINCT role) FILTER (list_contains(required_roles, role)) AS engaged_roles
  FROM (SELECT opportunity_id, unnest(buyer_roles) AS role FROM engaged), run GROUP BY opportunity_id
),
summed AS (
  SELECT opportunity_id, count(DISTINCT party_id) AS engaged_contacts,
         min(occurred_at) FILTER (is_executive) AS exec_first_at,
         max(ended_at) FILTER (list_contains(buyer_roles, 'champion')) AS champion_last_at
  FROM engaged GROUP BY opportunity_id
)
SELECT summed.*, coalesce(engaged_roles, 0) AS engaged_roles FROM summed LEFT JOIN roles USING (opportunity_id)
