-- M10 to M12: who was engaged in a deal, since when, and how evenly.
-- Grain: opportunity. Key: opportunity_id. A champion takes part in what they were engaged in, in that role at that time.
-- An interval at the very close belongs to the last of the 7-day blocks; touches before the opening belong to none.
WITH
run AS (FROM param),
engaged AS (SELECT * FROM deal_person WHERE is_engaged),
summed AS (
  SELECT opportunity_id, count(DISTINCT party_id) AS engaged_contacts,
         count(DISTINCT party_id) FILTER (ended_at >= seen_until - span_of_days(single_thread_window_days)) AS recent_contacts,
         min(occurred_at) FILTER (is_executive) AS exec_first_at,
         max(ended_at) FILTER (is_champion) AS champion_last_at,
         count(DISTINCT touchpoint_id) FILTER (is_champion AND is_message AND direction = 'inbound') AS champion_in
  FROM engaged JOIN deal USING (opportunity_id), run GROUP BY opportunity_id
),
written AS (
  SELECT opportunity_id, count(DISTINCT touchpoint_id) AS champion_out FROM deal_person
  WHERE is_champion AND is_message AND direction = 'outbound' AND is_ours GROUP BY opportunity_id
),
-- sorted, so that no order of addition shows in a figure
evidence AS (
  SELECT opportunity_id, list_sort(list(n)) AS by_person
  FROM (SELECT opportunity_id, party_id, count(DISTINCT touchpoint_id) AS n FROM engaged GROUP BY opportunity_id, party_id)
  GROUP BY opportunity_id
),
threads AS (
  SELECT opportunity_id, exp(abs(list_sum(list_transform(by_person, lambda n: (n / list_sum(by_person)) * ln(n / list_sum(by_person))))))
           AS effective_threads
  FROM evidence
),
cycle AS (SELECT opportunity_id, opened_at, ceil(greatest(days_between(opened_at, seen_until), 0) / 7)::BIGINT AS blocks FROM deal WHERE seen_until IS NOT NULL),
active AS (
  SELECT opportunity_id, count(DISTINCT least(floor(days_between(opened_at, occurred_at) / 7), blocks - 1)) AS active_blocks
  FROM engaged JOIN cycle USING (opportunity_id) WHERE is_champion AND occurred_at >= opened_at AND blocks > 0 GROUP BY opportunity_id
),
championed AS (SELECT DISTINCT opportunity_id, touchpoint_id FROM engaged WHERE is_champion),
-- reported by a champion, who of a meeting is the one who called it; or worked on in a plan as one of the buyer's own
teller AS (SELECT DISTINCT opportunity_id, touchpoint_id, party_id AS told_by_party_id FROM engaged WHERE is_champion),
step AS (
  SELECT opportunity_id, step_id FROM fact_internal_step SEMI JOIN teller USING (opportunity_id, touchpoint_id, told_by_party_id)
  WHERE basis = 'reported'
  UNION ALL
  SELECT opportunity_id, step_id FROM fact_internal_step SEMI JOIN championed USING (opportunity_id, touchpoint_id)
  WHERE basis <> 'reported' AND coalesce(owner_side, told_by_side) = 'buyer'
),
reported AS (SELECT opportunity_id, count(DISTINCT step_id) AS champion_steps FROM step GROUP BY opportunity_id),
-- who comes to the account where a champion is: known from before the deal is not new, and who was asked to a meeting and stayed away was
-- not seen there; a champion who took part was not brought along by another
seen AS (SELECT DISTINCT opportunity_id, account_id, party_id FROM deal_person SEMI JOIN championed USING (opportunity_id, touchpoint_id) WHERE is_own AND NOT is_absent),
first_seen AS (
  SELECT seen.opportunity_id, seen.party_id, arg_min(t.touchpoint_id, (t.occurred_at, t.touchpoint_id)) AS touchpoint_id
  FROM seen JOIN fact_touchpoint_participant p USING (party_id) JOIN fact_touchpoint t USING (touchpoint_id)
  JOIN bridge_touchpoint_account b ON b.touchpoint_id = t.touchpoint_id AND b.account_id = seen.account_id
  WHERE p.side = 'buyer' AND coalesce(attended, true) AND t.is_countable GROUP BY seen.opportunity_id, seen.party_id
),
brought AS (
  SELECT opportunity_id, count(*) AS brought_contacts
  FROM first_seen SEMI JOIN championed USING (opportunity_id, touchpoint_id)
  ANTI JOIN (SELECT opportunity_id, touchpoint_id, party_id FROM engaged WHERE is_champion) USING (opportunity_id, touchpoint_id, party_id)
  GROUP BY opportunity_id
),
known AS (
  SELECT DISTINCT opportunity_id, person_id FROM deal JOIN dim_buying_group_member USING (opportunity_id)
  WHERE (valid_from IS NULL OR valid_from <= seen_until) AND seen_until IS NOT NULL
    -- who leaves the group with the close was in it to the end
    AND (valid_to IS NULL OR valid_to > seen_until OR (valid_to = seen_until AND status <> 'open'))
),
members AS (
  SELECT opportunity_id, count(*) AS known_contacts, count(e.person_id) AS engaged_known_contacts
  FROM known LEFT JOIN (SELECT DISTINCT opportunity_id, person_id FROM engaged) e USING (opportunity_id, person_id) GROUP BY opportunity_id
)
SELECT opportunity_id, coalesce(engaged_contacts, 0) AS engaged_contacts, coalesce(recent_contacts, 0) AS recent_contacts,
       exec_first_at, champion_last_at, effective_threads,
       coalesce(champion_in, 0) AS champion_in, coalesce(champion_out, 0) AS champion_out,
       coalesce(brought_contacts, 0) + coalesce(champion_steps, 0) AS champion_evidence_count,
       coalesce(active_blocks, 0) AS active_blocks, coalesce(blocks, 0) AS blocks,
       coalesce(known_contacts, 0) AS known_contacts, coalesce(engaged_known_contacts, 0) AS engaged_known_contacts
FROM deal LEFT JOIN summed USING (opportunity_id) LEFT JOIN reported USING (opportunity_id) LEFT JOIN written USING (opportunity_id)
LEFT JOIN threads USING (opportunity_id) LEFT JOIN cycle USING (opportunity_id) LEFT JOIN active USING (opportunity_id)
LEFT JOIN brought USING (opportunity_id) LEFT JOIN members USING (opportunity_id)
