-- How far the touchpoints of a deal may be trusted (semantics 5.9).
-- Grain: opportunity. Key: opportunity_id.
SELECT opportunity_id,
       unresolved / nullif(touches, 0) AS unresolved_share, coalesce(unresolved, 0) AS unresolved_share_num, coalesce(touches, 0) AS unresolved_share_den,
       unclassified / nullif(buyer, 0) AS unclassified_share,
       coalesce(unclassified, 0) AS unclassified_share_num, coalesce(buyer, 0) AS unclassified_share_den
FROM deal LEFT JOIN deal_evidence USING (opportunity_id)
