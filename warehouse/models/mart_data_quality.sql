-- May I trust these numbers? (semantics 5.9)
-- Grain: source x month. Key: source, month. Rebuilt whole.
-- Touchpoints lie in the month of occurred_at; duplicates, ignored and rejected records, whose own time may be unknown, in that of their arrival.
WITH
unknown_party AS (
  SELECT DISTINCT hash(touchpoint_id) AS touch_no FROM fact_touchpoint_participant
  WHERE person_id IS NULL AND side NOT IN ('seller', 'system')
),
touchpoint AS (
  SELECT source AS uri, month_of(occurred_at) AS month, hash(touchpoint_id) AS touch_no, is_countable AND direction <> 'outbound' AS is_buyer,
         is_internal, account_id, account_resolution, buying_job, is_late, status
  FROM fact_touchpoint
),
held AS (
  SELECT uri, month, count(*) AS touchpoints,
         count(*) FILTER (account_id IS NULL AND NOT is_internal) AS unresolved_account,
         count(unknown_party.touch_no) AS unresolved_person,
         count(*) FILTER (is_buyer AND buying_job = 'unclassified') AS unclassified_buyer,
         count(*) FILTER (is_buyer) AS buyer_touchpoints,
         count(*) FILTER (is_late) AS late,
         count(*) FILTER (account_resolution = 'conflict') AS conflict,
         count(*) FILTER (status = 'scheduled') AS scheduled_only
  FROM touchpoint LEFT JOIN unknown_party USING (touch_no) GROUP BY uri, month
),
unit AS (SELECT unit_id, source, month_of(landed_at) AS month, duplicate_count FROM ledger_unit),
duplicates AS (SELECT source, month, sum(duplicate_count)::BIGINT AS duplicates_dropped FROM unit GROUP BY ALL),
quarantine AS (
  SELECT source, month_of(first_rejected_at) AS month, count(*) AS quarantined FROM rejected_record
  WHERE outcome IS NULL OR outcome = 'rejected' GROUP BY ALL
),
ignoring AS (SELECT i.source, month, sum(n)::BIGINT AS ignored FROM ignored_record_count i JOIN unit USING (unit_id) GROUP BY ALL),
-- the first segment of a producer's URI is the name of its source system
measured AS (
  SELECT split_part(uri, '/', 2) AS source, * EXCLUDE (uri) FROM held
  UNION ALL BY NAME SELECT * FROM duplicates WHERE duplicates_dropped > 0
  UNION ALL BY NAME SELECT * FROM quarantine
  UNION ALL BY NAME SELECT * FROM ignoring WHERE ignored > 0
)
SELECT source, month,
       coalesce(sum(touchpoints), 0)::BIGINT AS touchpoints, coalesce(sum(unresolved_account), 0)::BIGINT AS unresolved_account,
       coalesce(sum(unresolved_person), 0)::BIGINT AS unresolved_person, coalesce(sum(unclassified_buyer), 0)::BIGINT AS unclassified_buyer,
       coalesce(sum(buyer_touchpoints), 0)::BIGINT AS buyer_touchpoints, coalesce(sum(late), 0)::BIGINT AS late,
       coalesce(sum(duplicates_dropped), 0)::BIGINT AS duplicates_dropped, coalesce(sum(quarantined), 0)::BIGINT AS quarantined,
       coalesce(sum(conflict), 0)::BIGINT AS conflict, coalesce(sum(scheduled_only), 0)::BIGINT AS scheduled_only,
       coalesce(sum(ignored), 0)::BIGINT AS ignored
FROM measured GROUP BY source, month
