-- M15, the risk that no decision is made: the named signals of a deal as they stand at ``seen_until``, a count and not a probability.
-- The one place of these rules: mart_deal_risk asks them of open deals at as_of, mart_deal_landmark of closed ones before their close.
-- Grain: open deal, or deal at its landmark. Key: opportunity_id.
WITH
run AS (FROM param),
-- half of what deals took that had been won by then
won AS (
  SELECT DISTINCT closed_at AS won_at, median(days_between(opened_at, closed_at)) OVER (ORDER BY closed_at) AS median_won_days
  FROM dim_opportunity WHERE status = 'won' AND closed_at IS NOT NULL
),
judged AS (
  SELECT deal.*, median_won_days FROM deal ASOF LEFT JOIN won ON deal.seen_until >= won.won_at
  -- a deal that opens after as_of is not open yet
  WHERE (status = 'open' AND opened_at <= seen_until) OR at_landmark
),
buyer_touch AS (SELECT opportunity_id, occurred_at, ended_at, touchpoint_id FROM deal_touch WHERE is_buyer),
followed AS (
  SELECT opportunity_id, occurred_at, max(ended_at) OVER (
           PARTITION BY opportunity_id ORDER BY occurred_at, touchpoint_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS heard_until
  FROM buyer_touch SEMI JOIN judged USING (opportunity_id)
),
-- the first touchpoint follows nothing and has no gap; greatest() would take its NULL for a gap of 0
rhythm AS (
  SELECT opportunity_id, median(greatest(0, days_between(heard_until, occurred_at))) AS median_gap_days
  FROM followed WHERE heard_until IS NOT NULL GROUP BY opportunity_id
),
unanswered AS (
  SELECT t.opportunity_id, count(*) AS outbound_in_a_row, min(t.occurred_at) AS oldest_at
  FROM deal_touch t LEFT JOIN (SELECT opportunity_id, max(occurred_at) AS heard_at FROM buyer_touch GROUP BY 1) b USING (opportunity_id)
  WHERE t.direction = 'outbound' AND t.is_ours AND (heard_at IS NULL OR t.occurred_at > heard_at) GROUP BY t.opportunity_id
),
named AS (
  SELECT opportunity_id, list_filter([
      CASE WHEN days_between(coalesce(buyer_last_at, opened_at), seen_until) > greatest(silence_days, coalesce(2 * median_gap_days, 0)) THEN 'buyer_silent' END,
      CASE WHEN deal_plan.opportunity_id IS NULL THEN 'no_next_step' END,
      CASE WHEN recent_loop_rate >= 0.5 AND coalesce(days_between(last_first_at, seen_until) > 30, true) THEN 'spinning' END,
      CASE WHEN recent_contacts <= 1 THEN 'single_threaded' END,
      CASE WHEN exec_first_at IS NULL AND days_between(opened_at, seen_until) > median_won_days / 2 THEN 'exec_absent' END,
      CASE WHEN selection_at IS NOT NULL AND NOT (visited_validation AND visited_consensus) THEN 'validation_or_consensus_missing' END,
      CASE WHEN outbound_in_a_row >= 2 AND days_between(oldest_at, seen_until) >= 7 THEN 'ghosted' END,
      CASE WHEN unmet_since < seen_until THEN 'unmet_need' END
    ], lambda s: s IS NOT NULL) AS signals
  FROM judged LEFT JOIN deal_people USING (opportunity_id) LEFT JOIN deal_evidence USING (opportunity_id)
  LEFT JOIN deal_answers USING (opportunity_id) LEFT JOIN deal_journey USING (opportunity_id) LEFT JOIN rhythm USING (opportunity_id)
  LEFT JOIN deal_plan USING (opportunity_id) LEFT JOIN unanswered USING (opportunity_id), run
)
SELECT *, len(signals) AS signal_count, CASE WHEN len(signals) >= 4 THEN 'high' WHEN len(signals) >= 2 THEN 'medium' ELSE 'low' END AS risk_level
FROM named
