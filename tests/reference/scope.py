"""What a row of a mart is about, and how shares are stored (semantics C3, C4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from reference.facts import Row, Touch


@dataclass
class Thresholds:
    """The settings that the figures depend on."""

    channels: tuple[str, ...]
    """The set C of M1 and M3."""
    horizon_seconds: float
    """H, in business time."""
    hybrid_window_weeks: int
    hybrid_min_touches: int
    p90_min_n: int


@dataclass
class Scope:
    """What a row is about."""

    sellers: set[str] | None
    """None: all of ours, known or not."""
    accounts: set[str]
    grain: str
    period_start: date
    touches: list[Touch]
    """Countable touchpoints of these accounts in the period."""
    episodes: list[Row]
    followups: list[Row]
    window: list[Touch]
    """The sellers' touches of any time that M7 may look back to."""

    def is_own(self, touch: Touch) -> bool:
        if self.sellers is None:
            return touch.is_seller_touch
        return bool(touch.sellers & self.sellers)

    @property
    def own(self) -> list[Touch]:
        return [touch for touch in self.touches if self.is_own(touch)]

    @property
    def evidence(self) -> list[Touch]:
        return [touch for touch in self.touches if touch.is_buyer_evidence]


def share(name: str, numerator: int, denominator: int) -> Row:
    """C3 and C4: with its parts, and NULL where there is nothing to have a share of."""
    value = numerator / denominator if denominator else None
    return {name: value, f"{name}_num": numerator, f"{name}_den": denominator}


def count(touches: Iterable[Touch], direction: str) -> int:
    return sum(1 for touch in touches if touch.direction == direction)
