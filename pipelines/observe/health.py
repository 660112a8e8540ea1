"""``/healthz``: is the loop alive, and did its last increment succeed?"""

from __future__ import annotations

import time
from typing import Any

from pipelines.observe.observer import Increment, Observer
from pipelines.observe.redact import without_addresses


class Health(Observer):
    """Unhealthy: the loop has not come round for ``stale_after`` seconds, or the last increment failed.

    A broker that is away is told and is not unhealthy: starting us again would not bring it back.
    """

    def __init__(self, stale_after: float) -> None:
        self.stale_after = stale_after
        self._seen = time.time()
        self._running: str | None = None
        self._error: str | None = None
        self._broker: str | None = None
        """Nobody has told of one: there may be none."""
        self._published: float | None = None

    def verdict(self) -> tuple[bool, dict[str, Any]]:
        """(healthy, what to say of it)."""
        silent = time.time() - self._seen
        reasons = []
        if silent > self.stale_after:
            doing = f"run {self._running} is in hand" if self._running else "nothing is in hand"
            reasons.append(f"no sign of life for {silent:.0f} s, more than {self.stale_after:g} s; {doing}")
        if self._error:
            reasons.append(f"the last increment failed: {self._error}")
        said: dict[str, Any] = {
            "status": "unhealthy" if reasons else "ok",
            "reasons": reasons,
            "seconds_since_sign_of_life": round(silent, 1),
            "run_in_hand": self._running,
            "broker": self._broker,
            "seconds_since_publish": None if self._published is None else round(time.time() - self._published, 1),
        }
        return not reasons, said

    def started(self, run_id: str, began: float) -> None:
        self._running, self._seen = run_id, time.time()

    def audited(self, verdict: dict[str, Any]) -> None:
        self._seen = time.time()

    def published(self, run_id: str, at: float, rows: dict[str, int]) -> None:
        self._published = self._seen = at

    def finished(self, increment: Increment) -> None:
        refused = without_addresses("; ".join(increment.faults))[:300]
        self._running, self._error, self._seen = None, refused or None, time.time()

    def failed(self, run_id: str, error: BaseException) -> None:
        self._running, self._error, self._seen = None, _told(error), time.time()

    def looked(self, at: float) -> None:
        self._seen = at

    def broker(self, *, up: bool, detail: str = "") -> None:
        self._broker = "up" if up else f"away: {detail}"[:300]


def _told(error: BaseException) -> str:
    return without_addresses(f"{type(error).__name__}: {error}")[:300]
