-- What to know before trusting a figure. One row a source, all months together.
SELECT source, sum(touchpoints)::BIGINT AS touchpoints, sum(late)::BIGINT AS late, sum(scheduled_only)::BIGINT AS scheduled_only,
       sum(conflict)::BIGINT AS conflict, sum(duplicates_dropped)::BIGINT AS duplicates_dropped, sum(quarantined)::BIGINT AS quarantined,
       sum(ignored)::BIGINT AS ignored,
       sum(unresolved_account)::BIGINT AS unresolved_num, sum(touchpoints)::BIGINT AS unresolved_den,
       sum(unresolved_account) / nullif(sum(touchpoints), 0) AS unresolved,
       sum(unclassified_buyer)::BIGINT AS unclassified_num, sum(buyer_touchpoints)::BIGINT AS unclassified_den,
       sum(unclassified_buyer) / nullif(sum(buyer_touchpoints), 0) AS unclassified
FROM mart_data_quality GROUP BY source ORDER BY source
