"""Prometheus metrics. What the ledger counts is shown as the ledger has it, so a restart neither resets nor doubles it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from pipelines.observe import names
from pipelines.observe.observer import Increment, Observer
from warehouse.ledger import Totals

BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280)


class LedgerTotals(Collector):
    """The counters that are read off the ledger."""

    def __init__(self) -> None:
        self.now = Totals()

    def collect(self) -> Iterable[Metric]:
        for metric, counts in (
            (names.RECORDS, self.now.records),
            (names.REJECTS, self.now.rejects),
            (names.UNITS, {(kind,): count for kind, count in self.now.units.items()}),
        ):
            family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            for labels, count in sorted(counts.items()):
                family.add_metric(list(labels), count)
            yield family


REMEMBERED = (names.FAILING, names.LAST_INCREMENT, names.AUDIT_PASSED, names.EXPECTATIONS)
"""Gauges of the last increment and the last audit, whichever process that was."""


class Metrics(Observer):
    """Keeps the metrics of one process. ``reads`` False: one without an increment, which says nothing of how the last one ended."""

    def __init__(self, version: str, *, reads: bool = True) -> None:
        self._reads = reads
        self.registry = CollectorRegistry()
        self.ledger = LedgerTotals()
        self.registry.register(self.ledger)
        self._own: dict[str, Any] = {}
        self._of(names.BUILD).labels(version).set(1)
        for result in ("ok", "failed"):  # so that an alert on a rate sees the first failure
            self._of(names.INCREMENTS).labels(result)
            self._of(names.AUDITS).labels(result)
        self._of(names.LAST_PUBLISH).set(0)
        self._of(names.LAST_FILES).set(0)
        self._of(names.UNPUBLISHED).set(0)

    def _of(self, metric: names.Metric) -> Any:
        """Made when first told of: a gauge without a value would say 0, which is a broker that is away, or the year 1970."""
        made = self._own.get(metric.name)
        if made is None:
            if metric.kind == "histogram":
                made = Histogram(metric.name, metric.meaning, metric.labels, registry=self.registry, buckets=BUCKETS)
            else:
                kind = {"counter": Counter, "gauge": Gauge}[metric.kind]
                made = kind(metric.name, metric.meaning, metric.labels, registry=self.registry)
            self._own[metric.name] = made
        return made

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def write(self, path: Path) -> None:
        """For the node exporter's textfile collector: whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_bytes(self.text())
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)  # its name is this process's, and nobody else would clear it
            raise

    def remember(self, text: str) -> None:
        """Take over what an earlier process has written of the last increment and audit; text of another kind says nothing."""
        known = {metric.name: metric for metric in REMEMBERED}
        with suppress(ValueError):
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.name in known:
                        self._of(known[sample.name]).set(sample.value)

    def found(
        self, totals: Totals, *, published_at: float | None, unpublished: bool, written_at: float | None = None
    ) -> None:
        """What a process that has just started finds: times in epoch seconds."""
        self.known(totals)
        self._of(names.UNPUBLISHED).set(unpublished)
        if published_at is not None:
            self._of(names.LAST_PUBLISH).set(published_at)
        if written_at is not None:
            self._of(names.LAST_FILES).set(written_at)

    def known(self, totals: Totals) -> None:
        self.ledger.now = totals
        for metric, at in ((names.NEWEST_EVENT, totals.newest_event), (names.NEWEST_LANDING, totals.newest_landing)):
            if at is not None:
                self._of(metric).set(at)

    def landed(self, run_id: str) -> None:
        self._of(names.UNPUBLISHED).set(1)

    def replayed(self, counts: dict[str, int]) -> None:
        for outcome, count in counts.items():
            self._of(names.REPLAYED).labels(outcome).inc(count)

    def audited(self, verdict: dict[str, Any]) -> None:
        self._of(names.AUDITS).labels("ok" if verdict["success"] else "failed").inc()
        self._of(names.AUDIT_PASSED).set(verdict["success"])
        self._of(names.EXPECTATIONS).set(verdict.get("expectations", 0))

    def published(self, run_id: str, at: float, rows: dict[str, int]) -> None:
        self._of(names.LAST_PUBLISH).set(at)
        self._of(names.UNPUBLISHED).set(0)

    def wrote_files(self, at: float) -> None:
        self._of(names.LAST_FILES).set(at)

    def finished(self, increment: Increment) -> None:
        self._of(names.UNPUBLISHED).set(increment.unpublished)
        if increment.totals is not None:
            self.known(increment.totals)
        if not self._reads:
            return
        self._of(names.INCREMENTS).labels("failed" if increment.faults else "ok").inc()
        self._of(names.FAILING).set(bool(increment.faults))
        self._of(names.INCREMENT_SECONDS).observe(increment.seconds)
        for phase, seconds in increment.phases.items():
            self._of(names.PHASE_SECONDS).labels(phase).observe(seconds)
        self._of(names.REBUILT).labels("accounts").inc(increment.accounts)
        self._of(names.REBUILT).labels("touchpoints").inc(increment.touchpoints)
        self._of(names.REREAD).inc(increment.summary.get("reread", 0))
        self._of(names.LAST_INCREMENT).set(increment.began + increment.seconds)
        for location, lag in increment.lag.items():
            topic, _, partition = location.rpartition("/")
            self._of(names.LAG).labels(topic, partition).set(lag)

    def failed(self, run_id: str, error: BaseException) -> None:
        if not self._reads:
            return
        self._of(names.INCREMENTS).labels("failed").inc()
        self._of(names.FAILING).set(1)

    def looked(self, at: float) -> None:
        self._of(names.LAST_LOOK).set(at)

    def broker(self, *, up: bool, detail: str = "") -> None:
        self._of(names.BROKER_UP).set(up)
