"""The one order of a journey's touchpoints (semantics 4.6): by when they happened, never by when they arrived.

Among touchpoints of one instant: a parent comes before its replies, and what one source numbered in one conversation keeps the
source's sequence. What that leaves free is a true tie. There, those that continue the current visit's job come first, then the
order of the jobs, then the id, so that a tie alone never makes the buyer leave and re-enter the current job. What is no visit
evidence comes as early as something needs that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import groupby, pairwise, product

from transforms.journey_rows import BUYER_EVIDENCE, JOB_CODES, UNCLASSIFIED
from transforms.touchpoint import Touchpoint

_RANK = {job: rank for rank, job in enumerate(JOB_CODES, start=1)} | {UNCLASSIFIED: len(JOB_CODES) + 1}


def ordered(touchpoints: Iterable[Touchpoint]) -> list[Touchpoint]:
    """The touchpoints in journey order; a function of their set, whatever the order in which they come in."""
    rows = sorted(touchpoints, key=lambda t: (t.occurred_at, t.touchpoint_id))
    job: str | None = None
    start = 0
    while start < len(rows):
        instant = rows[start].occurred_at
        end = start + 1
        while end < len(rows) and rows[end].occurred_at == instant:
            end += 1
        if end - start > 1:
            rows[start:end] = _simultaneous(rows[start:end], job)
        job = _current_job(rows[start:end], job)
        start = end
    return rows


def _current_job(rows: list[Touchpoint], job: str | None) -> str | None:
    """The job of the visit that is under way after ``rows``, being ``job`` before them."""
    for touchpoint in reversed(rows):
        if starts_or_continues_a_visit(touchpoint):
            return touchpoint.buying_job
    return job


def starts_or_continues_a_visit(touchpoint: Touchpoint) -> bool:
    """Buyer evidence with a job; takes for granted that the touchpoint is countable."""
    return touchpoint.direction in BUYER_EVIDENCE and touchpoint.buying_job != UNCLASSIFIED


def _simultaneous(group: list[Touchpoint], job: str | None) -> list[Touchpoint]:
    """One instant's touchpoints, given sorted by id, in order; ``job`` is that of the visit under way."""
    after, waits_for = _known_order(group)
    awaited_by = _awaited_by(group, after)
    ready: dict[str, list[int]] = {}
    for index in range(len(group)):
        if waits_for[index] == 0:
            for name in (group[index].buying_job, *awaited_by.get(index, ())):
                ready.setdefault(name, []).append(index)
    for heap in ready.values():
        heapify(heap)
    done = [False] * len(group)
    result: list[Touchpoint] = []
    first_left = 0
    while len(result) < len(group):
        if ready:
            chosen_job = job if job in ready else min(ready, key=lambda name: _RANK.get(name, len(_RANK)))
            assert chosen_job is not None
            index = heappop(ready[chosen_job])
            if not ready[chosen_job]:
                del ready[chosen_job]
        else:
            # replies that name each other in a circle, or against the sequence: the smallest id breaks it
            while done[first_left]:
                first_left += 1
            index = first_left
        if done[index]:
            continue
        done[index] = True
        result.append(group[index])
        if starts_or_continues_a_visit(group[index]):
            job = group[index].buying_job
        for later in after.get(index, ()):
            waits_for[later] -= 1
            if waits_for[later] == 0 and not done[later]:
                for name in (group[later].buying_job, *awaited_by.get(later, ())):
                    heappush(ready.setdefault(name, []), later)
    return result


def _awaited_by(group: list[Touchpoint], after: dict[int, list[int]]) -> dict[int, set[str]]:
    """The other jobs of visit evidence that waits, through nothing but the like, for what is no visit evidence."""
    before: dict[int, list[int]] = {}
    for earlier, later_ones in after.items():
        if not starts_or_continues_a_visit(group[earlier]):
            for later in later_ones:
                before.setdefault(later, []).append(earlier)
    found: dict[int, set[str]] = {}
    for index, touchpoint in enumerate(group if before else ()):
        if not starts_or_continues_a_visit(touchpoint):
            continue
        job, waiting = touchpoint.buying_job, [index]
        while waiting:
            for earlier in before.get(waiting.pop(), ()):
                jobs = found.setdefault(earlier, set())
                if job not in jobs:
                    jobs.add(job)
                    waiting.append(earlier)
    return {index: jobs - {group[index].buying_job} for index, jobs in found.items()}


def _known_order(group: list[Touchpoint]) -> tuple[dict[int, list[int]], list[int]]:
    """What is known of one instant: for each index those that come after it, and for each how many it waits for."""
    after: dict[int, list[int]] = {}
    waits_for = [0] * len(group)
    index_of = {touchpoint.touchpoint_id: index for index, touchpoint in enumerate(group)}
    numbered: dict[tuple[str, str | None], list[tuple[str, int]]] = {}
    for index, touchpoint in enumerate(group):
        parent = index_of.get(touchpoint.in_reply_to) if touchpoint.in_reply_to else None
        if parent is not None and parent != index:
            after.setdefault(parent, []).append(index)
            waits_for[index] += 1
        if touchpoint.sequence is not None:
            numbered.setdefault((touchpoint.source, touchpoint.thread_id), []).append((touchpoint.sequence, index))
    for chain in numbered.values():
        steps = [[index for _, index in step] for _, step in groupby(sorted(chain), key=lambda one: one[0])]
        for earlier_ones, later_ones in pairwise(steps):  # of equal numbers none is the earlier
            for earlier, later in product(earlier_ones, later_ones):
                after.setdefault(earlier, []).append(later)
                waits_for[later] += 1
    return after, waits_for
