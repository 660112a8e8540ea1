"""Who was in a meeting when, from whole reports and from single joins and leaves (semantics 1.3, video)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from transforms.folding.common import Fact, Resolver, customers, intersection, union

JOIN, LEAVE = 0, 1

Interval = tuple[int, int]


class Presence(msgspec.Struct, gc=False):
    """Attendance of one meeting; times in microseconds."""

    people: dict[str, list[Interval]]
    """party_id to its united, ordered intervals. Empty: nobody's presence is reported."""
    bounds: Interval | None
    """First to last moment that any attendance report names; None: there is no such report."""
    is_at_place: bool = False
    """Some report tells who was at a place; else all tell who was in a call."""


def presence(facts: Sequence[Fact], resolve: Resolver, planned_end: int | None) -> Presence:
    """Attendance facts of one meeting to who was there when.

    A join without its leave lasts until the meeting's last known moment (the planned end, if nobody ever left); a leave
    without its join lasts from the first; neither of somebody whose stay another report gives whole. At a place,
    people named without times were there all the time.
    """
    reports = [fact for fact in facts if fact.event.family == "attendance"]
    if not reports:
        return Presence({}, None)
    moments = [moment for fact in reports for moment in _moments(fact)]
    first, last = min(moments), max(moments)
    if last == first and planned_end is not None and planned_end > last:
        last = planned_end
    whole: dict[str, list[Interval]] = {}
    marks: dict[str, set[tuple[int, int, str]]] = {}
    for fact in reports:
        event = fact.event
        end = max(event.ended_at or event.occurred_at, event.occurred_at)
        for party in event.parties:
            who = resolve(event, party).party_id
            joined, left = party.joined_at, party.left_at
            if joined is not None and left is not None:
                whole.setdefault(who, []).append((joined, max(joined, left)))
            elif joined is not None:
                marks.setdefault(who, set()).add((joined, JOIN, event.source_event_id))
            elif left is not None:
                marks.setdefault(who, set()).add((left, LEAVE, event.source_event_id))
            elif party.attended or (party.attended is None and event.channel == "in_person"):
                whole.setdefault(who, []).append((event.occurred_at, end))
    for who, timeline in marks.items():
        paired = pair_up([(at, what) for at, what, _ in sorted(timeline)], first, last, open_ends=who not in whole)
        whole.setdefault(who, []).extend(paired)
    at_place = any(fact.event.channel == "in_person" for fact in reports)
    people = {who: union(intervals) for who, intervals in whole.items() if intervals}
    return Presence(people, (first, last), at_place)


def _moments(fact: Fact) -> list[int]:
    event = fact.event
    named = [moment for party in event.parties for moment in (party.joined_at, party.left_at) if moment is not None]
    return [event.occurred_at, *named, *([event.ended_at] if event.ended_at is not None else [])]


def pair_up(marks: Sequence[tuple[int, int]], first: int, last: int, *, open_ends: bool = True) -> list[Interval]:
    """Ordered (time, JOIN or LEAVE) of one participant to intervals.

    Somebody with two devices is there until both have left. A leave that follows no join counts from ``first`` only
    where it is the first mark at all; a join that no leave follows counts until ``last``; neither without ``open_ends``.
    """
    intervals: list[Interval] = []
    depth, start = 0, first
    for index, (at, what) in enumerate(marks):
        if what == JOIN:
            if depth == 0:
                start = at
            depth += 1
        elif depth > 0:
            depth -= 1
            if depth == 0:
                intervals.append((start, at))
        elif index == 0 and open_ends:
            intervals.append((first, at))
    if depth > 0 and open_ends:
        intervals.append((start, max(start, last)))
    return intervals


def both_sides(found: Presence, sides: Mapping[str, str]) -> list[Interval]:
    """Moments at which at least one of ours (a person) and at least one of the customer's were there together.

    ``sides`` are those of all who are named, the absent too: a partner does not stand in for a customer who stayed away.
    """
    them = customers(sides.values())
    ours = union(i for who, intervals in found.people.items() if sides[who] == "seller" for i in intervals)
    theirs = union(i for who, intervals in found.people.items() if sides[who] in them for i in intervals)
    return intersection(ours, theirs)


def length(intervals: Sequence[Interval]) -> int:
    return sum(end - start for start, end in intervals)
