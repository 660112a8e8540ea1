"""Every metric, once: its name, kind, meaning and labels. Prometheus, Beam's counters and the dashboard use these."""

from __future__ import annotations

from typing import Literal

import msgspec


class Metric(msgspec.Struct, frozen=True):
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


RECORDS = Metric(
    "touchloop_records", "counter", "Native records in the ledger, by what became of them.", ("source", "outcome")
)
REJECTS = Metric("touchloop_rejects", "counter", "Rejected records in the ledger, by reason.", ("source", "reason"))
UNITS = Metric("touchloop_units", "counter", "Units in the ledger: files, Kafka ranges, and ranges lost.", ("kind",))
INCREMENTS = Metric("touchloop_increments", "counter", "Increments since this process started.", ("result",))
INCREMENT_SECONDS = Metric("touchloop_increment_seconds", "histogram", "How long an increment took, published.")
PHASE_SECONDS = Metric("touchloop_phase_seconds", "histogram", "How long each phase of an increment took.", ("phase",))
REBUILT = Metric("touchloop_rebuilt", "counter", "Rows rebuilt since this process started.", ("what",))
REREAD = Metric(
    "touchloop_reread_offsets",
    "counter",
    "Offsets that a cluster's job landed twice, trimmed since this process started.",
)
REPLAYED = Metric(
    "touchloop_replayed",
    "counter",
    "Records that were tried again, and events that were read again, since this process started, by what became of them.",
    ("outcome",),
)
AUDITS = Metric("touchloop_audits", "counter", "Audits since this process started.", ("result",))
EXPECTATIONS = Metric("touchloop_audit_expectations", "gauge", "Expectations that the last audit checked.")
LAG = Metric(
    "touchloop_lag_offsets", "gauge", "Offsets that the broker has and the ledger has not.", ("topic", "partition")
)
BROKER_UP = Metric("touchloop_broker_up", "gauge", "1 while the Kafka broker answers, 0 while it is waited for.")
NEWEST_EVENT = Metric(
    "touchloop_newest_event_timestamp_seconds", "gauge", "When the newest touchpoint ended (its own time)."
)
NEWEST_LANDING = Metric(
    "touchloop_newest_landing_timestamp_seconds", "gauge", "When the newest record arrived (our time)."
)
LAST_INCREMENT = Metric(
    "touchloop_last_increment_timestamp_seconds", "gauge", "When the last increment ended without a fault."
)
LAST_LOOK = Metric(
    "touchloop_last_look_timestamp_seconds", "gauge", "When the loop last came round, with or without anything new."
)
LAST_PUBLISH = Metric(
    "touchloop_last_publish_timestamp_seconds", "gauge", "When a snapshot was last published (0: never)."
)
LAST_FILES = Metric(
    "touchloop_last_parquet_timestamp_seconds",
    "gauge",
    "When Parquet files were last those of the database (0: never).",
)
UNPUBLISHED = Metric("touchloop_unpublished", "gauge", "1 if the warehouse holds what no snapshot shows yet.")
FAILING = Metric(
    "touchloop_failing",
    "gauge",
    "1 if the last increment failed, or refused a part of its input; an outage of Kafka is not that.",
)
AUDIT_PASSED = Metric("touchloop_last_audit_passed", "gauge", "1 if the last audit passed, 0 if it did not.")
BUILD = Metric("touchloop_build_info", "gauge", "Always 1; the version is in the label.", ("version",))

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


def sample_names(metric: Metric) -> tuple[str, ...]:
    """The names under which Prometheus stores it."""
    if metric.kind == "counter":
        return (f"{metric.name}_total",)
    if metric.kind == "histogram":
        return (f"{metric.name}_bucket", f"{metric.name}_sum", f"{metric.name}_count")
    return (metric.name,)
