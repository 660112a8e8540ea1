"""Visits of a day to one customer that are one visit (semantics 1.3, in_person)."""

from __future__ import annotations

from dataclasses import replace

from reference_folding.accounts import put_account
from reference_folding.directory import Directory
from reference_folding.meetings import put_minutes
from reference_folding.touches import DAY, HOUR, Touch, merged_guests


def merge_visits(touches: list[Touch], directory: Directory) -> list[Touch]:
    """Held ones of a day with an account and a buyer in common, at most an hour apart; one may tie two others together."""
    visits = [t for t in touches if t.channel == "in_person" and t.status == "held"]
    kept = [t for t in touches if t not in visits]
    while (pair := _tied_pair(visits, directory)) is not None:
        first, second = sorted(pair, key=lambda t: (t.start, t.end))
        one = replace(
            first,
            witnesses=first.witnesses + second.witnesses,
            end=max(first.end, second.end),
            people=merged_guests(first.people, second.people),
            parts=(first.parts or [first]) + (second.parts or [second]),
        )
        put_minutes(one)
        visits = [t for t in visits if t not in pair] + [one]
    for t in visits:
        precise = [part for part in sorted(t.parts, key=lambda part: (part.start, part.end)) if part.kind != "visit"]
        if (
            precise and t.kind == "visit"
        ):  # decided beside the definitions: what the first is, unless a later one is more precise
            t.kind, t.called = precise[0].kind, precise[0].called
    return kept + visits


def _tied_pair(visits: list[Touch], directory: Directory) -> tuple[Touch, Touch] | None:
    for n, visit in enumerate(visits):
        for other in visits[:n]:
            if _are_tied(visit, other, directory):
                return visit, other
    return None


def _are_tied(a: Touch, b: Touch, directory: Directory) -> bool:
    gap = max(a.start, b.start) - min(a.end, b.end)
    if a.start // DAY != b.start // DAY or gap > HOUR:
        return False
    return bool(_accounts(a, directory) & _accounts(b, directory) and _guests(a) & _guests(b))


def _guests(t: Touch) -> set[str]:
    return {p.key for p in t.people if p.attended and p.side in ("buyer", "unknown")}


def _accounts(t: Touch, directory: Directory) -> set[str]:
    """Those that the visit would have alone."""
    alone = replace(t, people=[replace(p) for p in t.people])
    put_account(alone, directory)
    return set(alone.accounts)
