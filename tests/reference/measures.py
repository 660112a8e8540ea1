"""The figures of one row of a coverage mart (semantics 5.2 to 5.5, 5.9), one function for each group of them.

The seller's side is that of the row's own sellers, the buyer's side the account's whatever colleague took part.
"""

from __future__ import annotations

import math

from reference.channels import channel_balance, channel_fit, channels, hybrid, modality_mix
from reference.facts import Facts, Row, Touch
from reference.scope import Scope, Thresholds, count, share

JOB_COUNT = 6


def counts(scope: Scope) -> Row:
    """What we sent counts as the row's sellers', what the buyer did as the account's."""
    return {
        "seller_touch_count": len(scope.own),
        "buyer_evidence_count": len(scope.evidence),
        "inbound_count": count(scope.touches, "inbound"),
        "outbound_count": count(scope.own, "outbound"),
        "mutual_count": count(scope.own, "mutual"),
        "self_serve_count": count(scope.touches, "self_serve"),
    }


def quantile(values: list[int], p: float) -> float:
    """Between the two nearest values in proportion, as ``quantile_cont`` has it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * p
    below = math.floor(place)
    above = math.ceil(place)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def responses(episodes: list[Row], thresholds: Thresholds) -> Row:
    """M8 and M8r (5.3)."""
    answered = [episode for episode in episodes if episode["answer_touchpoint_id"] is not None]
    waiting = [episode for episode in episodes if episode["answer_touchpoint_id"] is None]
    seconds = [episode["response_business_seconds"] for episode in answered]
    in_time = [s for s in seconds if s <= thresholds.horizon_seconds]
    due = [episode for episode in waiting if episode["is_due"]]
    has_p90 = seconds and len(seconds) >= thresholds.p90_min_n
    return {
        "response_median_business_seconds": quantile(seconds, 0.5) if seconds else None,
        "response_p90_business_seconds": quantile(seconds, 0.9) if has_p90 else None,
        **share("response_rate", len(in_time), len(answered) + len(due)),
        "longest_open_wait_business_seconds": max((e["waiting_business_seconds"] for e in waiting), default=None),
    }


def dialogue(scope: Scope) -> Row:
    """M9, M9m and M9t (5.3): the account's inbound beside the row's own outbound and mutual touches. A message without a thread is one."""
    messages = [touch for touch in scope.touches if touch.channel in ("email", "chat")]
    came = count(messages, "inbound")
    went = sum(1 for touch in messages if touch.direction == "outbound" and scope.is_own(touch))
    threads: dict[str, set[str]] = {}
    for touch in messages:
        if touch.direction == "inbound" or scope.is_own(touch):
            thread = touch.row["thread_id"] or touch.row["touchpoint_id"]
            threads.setdefault(thread, set()).add(touch.direction)
    reciprocated = [ways for ways in threads.values() if ways >= {"inbound", "outbound"} or "mutual" in ways]
    mutual = count(scope.own, "mutual")
    exchanged = count(scope.touches, "inbound") + count(scope.own, "outbound") + mutual
    return {
        "dialogue_ratio": min(came, went) / max(came, went) if came or went else None,
        **share("mutual_share", mutual, exchanged),
        **share("reciprocated_thread_share", len(reciprocated), len(threads)),
    }


def engaged_in(touch: Touch, account: str, facts: Facts) -> list[Row]:
    """Engaged buyer people of a touchpoint that are an account's.

    Of a meeting with two customers these are its own people, those of nobody that we know, and members of its deals' buying groups.
    """
    found = []
    for party in touch.parties:
        if party["side"] != "buyer" or not party["is_engaged"]:
            continue
        person = facts.people.get(party["person_id"])
        home = person["account_id"] if person is not None else None
        if home is None:
            home = party["home_account_id"]
        is_shared = len(touch.accounts) > 1
        if not is_shared or home in (None, account) or facts.is_member(account, party["person_id"]):
            found.append(party)
    return found


def contacts(scope: Scope, facts: Facts) -> Row:
    """M10 (5.4): members of buying groups are those of the period's end, or of the run's clock where that is earlier."""
    parties = set()
    engaged = set()
    for touch in scope.evidence:
        for account in scope.accounts.intersection(touch.accounts):
            for party in engaged_in(touch, account, facts):
                parties.add(party["party_id"])
                engaged.add((account, party["person_id"]))
    seen = facts.calendar.last_seen(scope.grain, scope.period_start)
    known = set()
    for membership in facts.memberships:
        account = facts.account_of_deal.get(membership["opportunity_id"])
        has_begun = membership["valid_from"] is None or membership["valid_from"] <= seen
        has_ended = membership["valid_to"] is not None and membership["valid_to"] <= seen
        if account in scope.accounts and has_begun and not has_ended:
            known.add((account, membership["person_id"]))
    return {
        "engaged_contacts": len(parties),
        **share("contact_coverage", len(known & engaged), len(known)),
    }


def jobs(scope: Scope) -> Row:
    """M13 and M13s (5.5)."""
    visited = {touch.buying_job for touch in scope.evidence} - {"unclassified"}
    supported = visited & {touch.buying_job for touch in scope.own}
    return {
        **share("job_coverage", len(visited), JOB_COUNT),
        **share("job_support_share", len(supported), len(visited)),
    }


def trust(touches: list[Touch], evidence: list[Touch]) -> Row:
    """Semantics 5.9, of a row's own inputs."""
    unknown = [touch for touch in touches if touch.has_unknown_party]
    unclassified = [touch for touch in evidence if touch.buying_job == "unclassified"]
    return {
        **share("unresolved_share", len(unknown), len(touches)),
        **share("unclassified_share", len(unclassified), len(evidence)),
    }


def measure(scope: Scope, facts: Facts, thresholds: Thresholds) -> Row:
    """Every figure that the four coverage marts have in common."""
    return {
        **counts(scope),
        **channels(scope, thresholds),
        "channel_balance": channel_balance(scope, thresholds),
        "channel_fit": channel_fit(scope),
        **modality_mix(scope),
        **hybrid(scope, thresholds, facts.calendar),
        **responses(scope.episodes, thresholds),
        **dialogue(scope),
        **contacts(scope, facts),
        **jobs(scope),
        **trust(scope.touches, scope.evidence),
        "is_final": facts.calendar.is_final(scope.grain, scope.period_start),
    }
