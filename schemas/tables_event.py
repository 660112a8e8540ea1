"""Events and the ledger: what was read, and what became of each record (semantics 1.5, 1.6)."""

from __future__ import annotations

from schemas import vocab
from schemas.fields import Column, Table, at, count, flag, text

FACT_EVENT = Table(
    "fact_event", "event", "one thing that one source said, once", ("event_id",),
    (
        text("event_id", "Hash of (source, source_event_id, revision)", nn=True, origin="CE id"),
        text("source", "URI-reference of the producer, e.g. /slack/T0001", nn=True, origin="CE source"),
        text("source_event_id", "Native id; (source, source_event_id, revision) is unique, a repeat is a duplicate", nn=True, origin="CE id"),
        Column("revision", "int", "1 for what was said once; a correction, and every version of a calendar entry, carries a higher number that its payload determines", required=True, minimum=1),
        text("channel", "Channel of the interaction; NULL where the event only binds identifiers", values=vocab.CHANNELS),
        at("occurred_at", "Start of what the event tells of", nn=True, origin="CE time"),
        at("received_at", "When the pipeline first saw it; set by the pipeline", nn=True, origin="SEG receivedAt"),
        text("unit_id", "Landed unit that it came from", nn=True),
        Column("position", "bigint", "Record's place in the unit, from 0. Kafka: the offset; item k > 0 of a message that holds several: offset + k * 2^44", required=True, minimum=0),
        text("family", "How it folds", nn=True, values=vocab.RECORD_FAMILIES),
        text("system", "Source system: the name of its adapter", nn=True),
        at("ended_at", "End of what the event tells of; NULL for an instant", origin="AS endTime"),
        at("recorded_at", "When the source wrote it", origin="CE recordedtime"),
        flag("is_void", "Deletes or cancels what (source, source_event_id) said before", nn=True),
        text("status", "What the source says of its state", values=vocab.STATUSES),
        text("payload_hash", "First 32 hex digits of the SHA-256 of the record's bytes", nn=True),
    ),
    meaning="The unified event schema. Several events may witness one touchpoint: see bridge_touchpoint_event.",
    month_of="occurred_at", sort=("system", "occurred_at"),
)  # fmt: skip

BRIDGE_TOUCHPOINT_EVENT = Table(
    "bridge_touchpoint_event", "event", "touchpoint x witness", ("touchpoint_id", "event_id"),
    (
        text("touchpoint_id", "Touchpoint", nn=True),
        text("event_id", "Event that witnesses it", nn=True),
        text("rule_id", "Rule that joined the event to the touchpoint (semantics 1.5)", nn=True),
    ),
    meaning="Every witness of every touchpoint, the losers included.",
    by_touchpoint=True, sort=("touchpoint_id",),
)  # fmt: skip

LEDGER_UNIT = Table(
    "ledger_unit", "ledger", "landed unit: a file's content, or a range of offsets of one partition", ("unit_id",),
    (
        text("unit_id", "Hash of source, location and content (a file), or of topic, partition and range", nn=True),
        text("source", "Source system whose adapter read it", nn=True),
        text("kind", "What the unit is (kafka_gap: offsets that retention took away before they were read; it has no records)", nn=True, values=vocab.UNIT_KINDS),
        text("location", "Path below the workspace, or topic/partition", nn=True),
        Column("range_start", "bigint", "First byte (a file: 0) or first offset", required=True, minimum=0),
        Column("range_end", "bigint", "One past the last byte or offset", required=True, minimum=0),
        count("record_count", "Raw records in it: accepted + duplicate + ignored + rejected, always", big=True),
        count("accepted_count", "Records with at least one event not seen before; of the directory, rows that were read", big=True),
        count("duplicate_count", "Records all of whose events had been seen before", big=True),
        count("ignored_count", "Records that are deliberately no event; reasons in ignored_record_count", big=True),
        count("rejected_count", "Records that could not become an event; reasons in rejected_record", big=True),
        count("event_count", "Events first seen in it; the sum over units is the row count of fact_event", big=True),
        text("adapter_version", "Version of the adapter that read it", nn=True),
        at("landed_at", "The clock of the run that landed it", nn=True),
        text("run_id", "Run that landed it; if that one ended before its tables were complete, the next that completed them", nn=True),
    ),
    meaning="Conservation: every raw record ends in exactly one of four counts.",
)  # fmt: skip

REJECTED_RECORD = Table(
    "rejected_record", "ledger", "rejected record", ("unit_id", "position"),
    (
        text("unit_id", "Unit that holds it", nn=True),
        Column("position", "bigint", "Record's place in the unit, from 0 (Kafka: see fact_event)", required=True, minimum=0),
        text("source", "Source system", nn=True),
        text("reason_code", "Kind of fault", nn=True),
        text("field_path", "Field at fault, as a JSON path, a header or a property; NULL where no field is"),
        text("detail", "A sentence that names the field and the value", nn=True, personal=True),
        Column("payload", "blob", "Original bytes; NULL in the published snapshot, they stay in the vault", personal=True),
        at("first_rejected_at", "When it was first rejected", nn=True),
        at("replayed_at", "When it was last tried again"),
        text("outcome", "What the last replay made of it; NULL until replayed", values=("accepted", "duplicate", "ignored", "rejected")),
    ),
    meaning="Bad input, kept: why, where, and (in the vault) the bytes. A replayed record keeps its row.",
)  # fmt: skip

IGNORED_RECORD_COUNT = Table(
    "ignored_record_count", "ledger", "unit x source x reason", ("unit_id", "source", "reason"),
    (
        text("unit_id", "Unit", nn=True),
        text("source", "Source system", nn=True),
        text("reason", "Why such records are deliberately no event", nn=True),
        count("n", "Records", big=True),
    ),
)  # fmt: skip

TABLES = (FACT_EVENT, BRIDGE_TOUCHPOINT_EVENT, LEDGER_UNIT, REJECTED_RECORD, IGNORED_RECORD_COUNT)
