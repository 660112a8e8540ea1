-- The signals of M15 as they stood in closed deals at their landmark, so many days before the close (base_deal_signal).
-- Grain: won or lost deal that was open at its landmark. Key: opportunity_id. What mart_signal_lift counts.
SELECT opportunity_id, account_id, status, closed_at, seen_until AS landmark_at, signals, signal_count, risk_level,
       unnest(trust(unresolved, touches, unclassified, buyer))
FROM deal_signal JOIN deal USING (opportunity_id) LEFT JOIN deal_evidence USING (opportunity_id)
