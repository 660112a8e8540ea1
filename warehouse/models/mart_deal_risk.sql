-- M15, the risk that no decision is made: named signals of open deals as they stand at as_of, a count and not a probability.
-- Grain: open opportunity x as_of day. Key: opportunity_id, as_of_date. Holds the day of the last build only; rebuilt whole.
WITH
run AS (FROM param),
open_deal AS (FROM deal WHERE status = 'open'),
buyer_touch AS (SELECT opportunity_id, occurred_at, ended_at, touchpoint_id FROM deal_touch WHERE is_buyer),
followed AS (
  SELECT opportunity_id, occurred_at, max(ended_at) OVER (
           PARTITION BY opportunity_id ORDER BY occurred_at, touchpoint_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS heard_until
  FROM buyer_touch SEMI JOIN open_deal USING (opportunity_id)
),
-- the first touchpoint follows nothing and has no gap; greatest() would take its NULL for a gap of 0
rhythm AS (
  SELECT opportunity_id, median(greatest(0, days_between(heard_until, occurred_at))) AS median_gap_days
  FROM followed WHERE heard_until IS NOT NULL GROUP BY opportunity_id
),
planned AS (
  -- of a meeting with two customers the deal is the primary account's: to the other it is the account's
  SELECT DISTINCT d.opportunity_id FROM fact_touchpoint t JOIN bridge_touchpoint_account b USING (touchpoint_id) JOIN open_deal d
    ON b.account_id = d.account_id AND (NOT b.is_primary OR t.opportunity_id IS NULL OR t.opportunity_id = d.opportunity_id), run
  WHERE t.status = 'scheduled' AND NOT t.is_voided AND t.occurred_at > as_of
),
unanswered AS (
  SELECT t.opportunity_id, count(*) AS outbound_in_a_row, min(t.occurred_at) AS oldest_at
  FROM deal_touch t LEFT JOIN (SELECT opportunity_id, max(occurred_at) AS heard_at FROM buyer_touch GROUP BY 1) b USING (opportunity_id)
  WHERE t.direction = 'outbound' AND (heard_at IS NULL OR t.occurred_at > heard_at) GROUP BY t.opportunity_id
),
won AS (SELECT median(days_between(opened_at, closed_at)) AS median_won_days FROM dim_opportunity WHERE status = 'won'),
signals AS (
  SELECT opportunity_id, local_day(as_of) AS as_of_date, list_filter([
      CASE WHEN days_between(coalesce(buyer_last_at, opened_at), as_of) > greatest(silence_days, coalesce(2 * median_gap_days, 0)) THEN 'buyer_silent' END,
      CASE WHEN planned.opportunity_id IS NULL THEN 'no_next_step' END,
      CASE WHEN recent_loop_rate >= 0.5 AND coalesce(days_between(last_first_at, as_of) > 30, true) THEN 'spinning' END,
      CASE WHEN recent_contacts <= 1 THEN 'single_threaded' END,
      CASE WHEN exec_first_at IS NULL AND days_between(opened_at, as_of) > median_won_days / 2 THEN 'exec_absent' END,
      CASE WHEN selection_at IS NOT NULL AND NOT (visited_validation AND visited_consensus) THEN 'validation_or_consensus_missing' END,
      CASE WHEN outbound_in_a_row >= 2 AND days_between(oldest_at, as_of) >= 7 THEN 'ghosted' END,
      CASE WHEN unmet_since < as_of THEN 'unmet_need' END
    ], lambda s: s IS NOT NULL) AS signals
  FROM open_deal LEFT JOIN deal_people USING (opportunity_id) LEFT JOIN deal_evidence USING (opportunity_id)
  LEFT JOIN deal_answers USING (opportunity_id) LEFT JOIN deal_journey USING (opportunity_id) LEFT JOIN rhythm USING (opportunity_id)
  LEFT JOIN planned USING (opportunity_id) LEFT JOIN unanswered USING (opportunity_id), run, won
)
SELECT *, len(signals) AS signal_count, CASE WHEN len(signals) >= 4 THEN 'high' WHEN len(signals) >= 2 THEN 'medium' ELSE 'low' END AS risk_level
FROM signals
