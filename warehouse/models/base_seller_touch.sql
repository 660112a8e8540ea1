-- Who of ours made a touch: actor (every author of a burst) or present. A recipient or cc gets no credit.
-- Grain: account x seller x touchpoint, of the accounts in ``loading``. Key: all three. seller_id '' stands for all of ours together.
WITH
touch AS (SELECT account_id, touch_no, direction FROM touch SEMI JOIN loading USING (account_id) WHERE direction IN ('outbound', 'mutual')),
present AS (
  SELECT hash(touchpoint_id) AS touch_no, coalesce(person_id, '') AS seller_id, participation_role = 'attendee' AS is_coauthor,
         participation_role = 'actor' OR coalesce(attended, false) AS takes_part
  FROM fact_touchpoint_participant
  WHERE side = 'seller' AND (participation_role IN ('actor', 'attendee') OR attended)
),
acting AS (
  SELECT hash(touchpoint_id) AS touch_no, CASE WHEN actor_party_id LIKE 'u:%' THEN '' ELSE actor_party_id END AS seller_id
  FROM fact_touchpoint
  WHERE is_countable AND actor_side = 'seller' AND actor_party_id IS NOT NULL AND direction IN ('outbound', 'mutual')
),
credited AS (
  SELECT account_id, seller_id, touch_no, touch.direction FROM present JOIN touch USING (touch_no)
  WHERE takes_part OR (is_coauthor AND direction = 'outbound')
  UNION ALL SELECT account_id, seller_id, touch_no, touch.direction FROM acting JOIN touch USING (touch_no)
)
SELECT DISTINCT account_id, seller_id, touch_no FROM credited WHERE seller_id <> ''
UNION ALL SELECT DISTINCT account_id, '', touch_no FROM credited
