"""Logs that machines read: one JSON object a line on standard error, with run ids and counts. Never payloads, addresses or secrets."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog

from pipelines.observe.observer import Increment, Observer
from pipelines.observe.redact import without_addresses

COUNTS = ("units", "records", "accepted", "duplicate", "ignored", "rejected", "events", "accounts_rebuilt")


def logger() -> Any:
    return structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
    )


class Logs(Observer):
    """Facts as events of a log."""

    def __init__(self) -> None:
        self._log = logger()
        self._run: str | None = None

    def say(self) -> Callable[[str], None]:
        """For what is otherwise a plain line on the terminal."""
        return lambda text: self._log.info("message", text=without_addresses(text), run_id=self._run)

    def error(self, text: str, exit_code: int) -> None:
        self._log.error("stopped", text=without_addresses(text), exit_code=exit_code, run_id=self._run)

    def started(self, run_id: str, began: float) -> None:
        self._run = run_id
        self._log.info("increment_started", run_id=run_id)

    def replayed(self, counts: dict[str, int]) -> None:
        self._log.info("replayed", **counts)

    def audited(self, verdict: dict[str, Any]) -> None:
        told = {"expectations": verdict.get("expectations"), "failures": len(verdict.get("failures", []))}
        if verdict["success"]:
            self._log.info("audited", run_id=self._run, success=True, **told)
        else:
            self._log.error("audited", run_id=self._run, success=False, **told)

    def published(self, run_id: str, at: float, rows: dict[str, int]) -> None:
        self._log.info("published", run_id=run_id, tables=len(rows), rows=sum(rows.values()))

    def finished(self, increment: Increment) -> None:
        counts = {name: increment.summary[name] for name in COUNTS if name in increment.summary}
        read: Counter[str] = Counter()
        for one in increment.inputs:
            read[one.location] += one.records
        self._log.info(
            "increment_finished", run_id=increment.run_id, seconds=round(increment.seconds, 3), **counts,
            records_by_input=dict(read), lag=sum(increment.lag.values()), phases=increment.phases,
        )  # fmt: skip
        self._run = None

    def failed(self, run_id: str, error: BaseException) -> None:
        text = without_addresses(str(error))[:2000]
        self._log.error("increment_failed", run_id=run_id, error=type(error).__name__, text=text)

    def broker(self, *, up: bool, detail: str = "") -> None:
        if up:
            self._log.info("broker_up")
        else:
            self._log.warning("broker_away", text=detail)
