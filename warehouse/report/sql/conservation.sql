-- What became of every record that was read. One row a source.
SELECT source, sum(record_count)::BIGINT AS records, sum(accepted_count)::BIGINT AS accepted, sum(duplicate_count)::BIGINT AS duplicate,
       sum(ignored_count)::BIGINT AS ignored, sum(rejected_count)::BIGINT AS rejected, sum(event_count)::BIGINT AS events
FROM ledger_unit GROUP BY source ORDER BY source
