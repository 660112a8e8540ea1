"""Channels, modalities and hybrid selling (semantics 5.2)."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta

from reference.facts import Row, Touch
from reference.periods import Calendar
from reference.scope import Scope, Thresholds, share

MODALITIES = {"digital": "digital_self_serve", "remote_human": "remote_human", "in_person": "in_person"}
"""By the names that columns begin with."""
MICROMINUTES = 1_000_000


def channels(scope: Scope, thresholds: Thresholds) -> Row:
    """M1, M2 and M2b (5.2). A row of ``fact_followup`` is a touchpoint that the buyer initiated, acks aside."""
    touched = {touch.channel for touch in scope.own}
    initiated = {followup["channel"] for followup in scope.followups}
    answered = {followup["channel"] for followup in scope.followups if followup["is_answered_same_channel"]}
    followed_up = [followup for followup in scope.followups if followup["is_followed_up"]]
    return {
        "seller_channels": sorted(touched),
        "buyer_channels": sorted(initiated),
        "answered_channels": sorted(answered),
        **share("channel_coverage", len(touched & set(thresholds.channels)), len(thresholds.channels)),
        **share("buyer_channel_answer_coverage", len(answered), len(initiated)),
        **share("touch_followup_share", len(followed_up), len(scope.followups)),
    }


def channel_balance(scope: Scope, thresholds: Thresholds) -> float | None:
    """M3 (5.2): the entropy of the seller's touches over C, as a share of the greatest that there can be."""
    touches = Counter(touch.channel for touch in scope.own if touch.channel in thresholds.channels)
    if not touches or len(thresholds.channels) == 1:
        return None
    entropy = 0.0
    for n in touches.values():
        p = n / touches.total()
        entropy -= p * math.log(p)
    return entropy / math.log(len(thresholds.channels))


def channel_fit(scope: Scope) -> float | None:
    """M4 (5.2): NULL if either side is empty."""
    buyer = Counter(touch.channel for touch in scope.evidence)
    seller = Counter(touch.channel for touch in scope.own)
    if not buyer or not seller:
        return None
    distance = 0.0
    for channel in buyer.keys() | seller.keys():
        distance += abs(buyer[channel] / buyer.total() - seller[channel] / seller.total())
    return 1 - distance / 2


def thirds_balance(amounts: dict[str, int]) -> float | None:
    """M6 (5.2)."""
    total = sum(amounts.values())
    if total == 0:
        return None
    distance = sum(abs(amounts[name] / total - 1 / 3) for name in MODALITIES)
    return 1 - distance / 2 / (2 / 3)


def modality_mix(scope: Scope) -> Row:
    """M5, M5m and M6 (5.2), by touchpoints and by the buyer's minutes."""
    touches, minutes = {}, {}
    for name, modality in MODALITIES.items():
        alike = [touch for touch in scope.touches if touch.modality == modality]
        touches[name] = len(alike)
        minutes[name] = sum(round((touch.row["buyer_minutes"] or 0) * MICROMINUTES) for touch in alike)
    found: Row = {
        "thirds_balance_count": thirds_balance(touches),
        "thirds_balance_minutes": thirds_balance(minutes),
    }
    for name in MODALITIES:
        found |= share(f"{name}_share", touches[name], len(scope.touches))
        found |= share(f"{name}_minutes_share", minutes[name], sum(minutes.values()))
    return found


def is_hybrid(touches: list[Touch], thresholds: Thresholds) -> bool | None:
    """M7 (5.2): NULL of too few touches."""
    if len(touches) < thresholds.hybrid_min_touches:
        return None
    used = {touch.channel for touch in touches}
    return "in_person" in used and "video" in used and not used.isdisjoint({"email", "chat", "app"})


def hybrid(scope: Scope, thresholds: Thresholds, calendar: Calendar) -> Row:
    """M7 (5.2), in the row's period and in the weeks that end with it; the score is the mean of M1, M4 and the modalities' reach."""
    reached = {touch.modality for touch in scope.own}
    wanted = {touch.modality for touch in scope.evidence}
    reach = share("modality_reach", len(reached & wanted), len(wanted))
    fit = channel_fit(scope)
    score = None
    if fit is not None and reach["modality_reach"] is not None:
        coverage = channels(scope, thresholds)["channel_coverage"]
        score = (coverage + fit + reach["modality_reach"]) / 3
    window_stop = calendar.day_after(scope.grain, scope.period_start)
    window_start = window_stop - timedelta(weeks=thresholds.hybrid_window_weeks)
    window = [touch for touch in scope.window if window_start <= touch.day < window_stop]
    return {
        **reach,
        "hybrid_score": score,
        "is_hybrid": is_hybrid(scope.own, thresholds),
        "is_hybrid_13w": is_hybrid(window, thresholds),
    }
