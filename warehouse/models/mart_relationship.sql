-- What kind of relationship an account has with us (semantics 5.7): the first type whose tests all hold, over a trailing window.
-- Grain: account x as_of day. Key: account_id, as_of_date. Holds the day of the last build only. Of the accounts in scope_relationship.
-- A human touchpoint is any but the buyer's self-service. Months and weeks are the calendar's, the last of them that of as_of.
WITH
run AS (SELECT *, local_day(as_of) AS today FROM param),
touch AS (
  SELECT t.touchpoint_id, b.account_id, direction, buying_job, u.touchpoint_id IS NOT NULL AS is_unresolved, local_day(occurred_at) AS day, interaction_kind, actor_side, asset_types, actor_party_id,
         is_plan(interaction_kind, tags) AS is_plan_update,
         channel IN ('email', 'chat') AS is_message, is_ours(direction, actor_side) AS is_ours, direction <> 'outbound' AS is_buyer,
         s.touchpoint_id IS NOT NULL AND counts_in(false, direction) AS is_shared
  FROM fact_touchpoint t JOIN (FROM bridge_touchpoint_account SEMI JOIN scope_relationship USING (account_id)) b USING (touchpoint_id)
  LEFT JOIN shared s USING (touchpoint_id) LEFT JOIN unknown u USING (touchpoint_id), run
  WHERE is_countable AND counts_in(is_primary, direction) AND occurred_at <= as_of
    AND occurred_at >= as_of - span_of_days(relationship_window_days)
),
seat AS (
  SELECT account_id, direction, is_shared, p.side, party_id, p.person_id, p.home_account_id, is_engaged, coalesce(attended, false) AS attended, participation_role, coalesce(p.is_executive, false) AS is_executive
  FROM fact_touchpoint_participant p JOIN touch USING (touchpoint_id)
),
buyers AS (
  SELECT seat.account_id, count(DISTINCT party_id) AS engaged_contacts, count(DISTINCT party_id) FILTER (seat.is_executive) AS engaged_executives
  FROM seat LEFT JOIN dim_person USING (person_id)
  LEFT JOIN group_member m ON m.account_id = seat.account_id AND m.person_id = seat.person_id
  WHERE is_engaged AND seat.side = 'buyer' AND (NOT is_shared OR is_at(coalesce(dim_person.account_id, home_account_id), seat.account_id) OR is_member)
  GROUP BY seat.account_id
),
sellers AS (
  -- those too whom the directory does not have, as buyers are counted: they have our domain
  SELECT account_id, count(DISTINCT party_id) AS engaged_sellers FROM (
    SELECT account_id, party_id FROM seat
    WHERE side = 'seller' AND direction IN ('outbound', 'mutual')
      AND (participation_role = 'actor' OR attended OR (participation_role = 'attendee' AND direction = 'outbound'))
    UNION ALL SELECT account_id, actor_party_id FROM touch
    WHERE actor_side = 'seller' AND direction IN ('outbound', 'mutual'))
  GROUP BY account_id
),
summed AS (
  SELECT account_id, count(*) FILTER (direction <> 'self_serve') AS human_touch_count, count(*) FILTER (direction = 'mutual') AS mutual_count,
         count(*) FILTER (interaction_kind = 'workshop' OR (is_plan_update AND actor_side = 'buyer')) AS cocreation_evidence_count,
         count(*) FILTER (is_message AND direction = 'inbound') AS message_in, count(*) FILTER (is_message AND direction = 'outbound' AND is_ours) AS message_out,
         count(DISTINCT date_trunc('month', day)) FILTER (is_buyer AND day >= date_trunc('month', today) - INTERVAL 5 MONTH) AS active_month_count,
         count(DISTINCT date_trunc('week', day)) FILTER (is_buyer AND day >= date_trunc('week', today) - INTERVAL 77 DAY) AS active_week_count,
         count(*) AS touches, count(*) FILTER (is_unresolved) AS unresolved,
         count(*) FILTER (is_buyer) AS buyer, count(*) FILTER (is_buyer AND buying_job = 'unclassified') AS unclassified
  FROM touch, run GROUP BY account_id
),
delivered AS (
  SELECT account_id, count(DISTINCT asset_type) AS delivered_asset_count
  FROM (SELECT account_id, unnest(asset_types) AS asset_type FROM touch WHERE is_ours) GROUP BY account_id
),
account AS (SELECT account_id FROM dim_account SEMI JOIN scope_relationship USING (account_id) UNION SELECT account_id FROM touch),
counted AS (
  SELECT account_id, coalesce(human_touch_count, 0) AS human_touch_count, coalesce(engaged_contacts, 0) AS engaged_contacts,
         coalesce(engaged_executives, 0) AS engaged_executives, coalesce(engaged_sellers, 0) AS engaged_sellers,
         coalesce(mutual_count, 0) AS mutual_count, coalesce(delivered_asset_count, 0) AS delivered_asset_count,
         coalesce(cocreation_evidence_count, 0) AS cocreation_evidence_count,
         balance_of(message_in, message_out) AS dialogue_ratio,
         coalesce(active_month_count, 0) AS active_month_count, coalesce(active_week_count, 0) AS active_week_count,
         unnest(trust(unresolved, touches, unclassified, buyer))
  FROM account LEFT JOIN summed USING (account_id) LEFT JOIN buyers USING (account_id) LEFT JOIN sellers USING (account_id)
  LEFT JOIN delivered USING (account_id)
),
tested AS (
  SELECT counted.*, today, human_touch_count >= relationship_min_touches AS is_enough,
    [{'name': 'contacts', 'holds': engaged_contacts >= relationship_partnering_contacts},
     {'name': 'executives', 'holds': engaged_executives >= relationship_partnering_executives},
     {'name': 'sellers', 'holds': engaged_sellers >= relationship_partnering_sellers},
     {'name': 'cocreation', 'holds': cocreation_evidence_count >= relationship_partnering_cocreation},
     {'name': 'dialogue', 'holds': coalesce(dialogue_ratio >= relationship_partnering_dialogue_ratio, false)},
     {'name': 'months', 'holds': active_month_count >= relationship_partnering_months}] AS partnering,
    [{'name': 'contacts', 'holds': engaged_contacts >= relationship_value_added_contacts},
     {'name': 'mutual', 'holds': mutual_count >= relationship_value_added_mutual},
     {'name': 'assets', 'holds': delivered_asset_count >= relationship_value_added_assets},
     {'name': 'weeks', 'holds': active_week_count >= relationship_value_added_weeks}] AS value_added
  FROM counted, run
)
SELECT * EXCLUDE (today), today AS as_of_date,
       CASE WHEN NOT is_enough THEN 'insufficient_evidence'
            WHEN list_bool_and(list_transform(partnering, lambda t: t.holds)) THEN 'partnering'
            WHEN list_bool_and(list_transform(value_added, lambda t: t.holds)) THEN 'value_added' ELSE 'transactional' END AS relationship_type,
       ['touchpoints: ' || verdict(is_enough)]
         || list_transform(partnering, lambda t: 'partnering ' || t.name || ': ' || verdict(t.holds))
         || list_transform(value_added, lambda t: 'value_added ' || t.name || ': ' || verdict(t.holds)) AS relationship_basis
FROM tested
