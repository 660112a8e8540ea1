-- M15, the risk that no decision is made: named signals of open deals as they stand at as_of (base_deal_signal).
-- Grain: open opportunity x as_of day. Key: opportunity_id, as_of_date. Holds the day of the last build only.
SELECT opportunity_id, local_day(seen_until) AS as_of_date, signals, signal_count, risk_level,
       unnest(trust(unresolved, touches, unclassified, buyer))
FROM deal_signal JOIN deal USING (opportunity_id) LEFT JOIN deal_evidence USING (opportunity_id) WHERE status = 'open'
