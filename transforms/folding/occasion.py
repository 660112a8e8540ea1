"""Which reports of meetings are about the same meeting (semantics 1.4, 1.5): rules, never the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from transforms.event import Event, Party, system_of
from transforms.folding.common import OURS, Fact, Resolver, components
from transforms.folding.linking import JOIN_REACH, VISITS, meeting_keys
from transforms.folding.names import by_all_names
from transforms.settings import Folding

CRM_SYSTEMS = frozenset({"crm", "hubspot", "salesforce"})
PLANNED = 2
"""The rank of calendars among reports (``_rank``)."""
RULES = ("dedupe_key", "join_key", "overlap", "organizer_start")
"""In the order in which they are tried; the bridge names the first that holds."""


class Occasion(msgspec.Struct, gc=False):
    """What all reports with one dedupe key say of one occurrence."""

    key: str
    facts: list[Fact]
    """Richest first; voided ones last."""
    start: int
    end: int
    join_keys: frozenset[str]
    organizers: frozenset[str]
    sellers: frozenset[str]
    outsiders: frozenset[str]
    has_guests: bool
    """Somebody from outside is known by a bare name alone, or by nothing: who that is, no other report can tell."""
    accounts: frozenset[str]
    sources: frozenset[str]
    systems: frozenset[str]
    is_living: bool
    has_attendance: bool
    is_at_place: bool
    """Somebody says that it is a visit."""
    ties: frozenset[str] = frozenset()
    """Who and which keys are told of on which days. A first join and a last leave may lie weeks apart, and what lies between them is
    in this folding group by chance: two occasions that share no tie are not one."""

    @property
    def people(self) -> frozenset[str]:
        """Who may be met again in another report: no program, and nobody by a bare name."""
        return self.sellers | self.outsiders

    @property
    def is_ours(self) -> bool:
        """Nobody from outside is in it."""
        return not self.outsiders and not self.has_guests


def occasions(facts: Sequence[Fact], resolve: Resolver) -> list[Occasion]:
    """Rule 1: facts of families ``schedule`` and ``attendance``, united by dedupe key; ordered by (start, key)."""
    keyed: dict[str, list[Fact]] = {}
    for fact in facts:
        keyed.setdefault(fact.event.dedupe_key, []).append(fact)
    for same in keyed.values():
        if len(same) > 1:
            _overrule(same)
    found = [_occasion(key, sorted(same, key=richest_first), resolve) for key, same in keyed.items()]
    if len(found) > 1:
        for one in found:
            one.ties = frozenset(tie for fact in one.facts for tie in _ties(fact.event, resolve))
    return sorted(found, key=lambda one: (one.start, one.key))


def _ties(event: Event, resolve: Resolver) -> Iterator[str]:
    def names(ids: tuple[str, ...]) -> tuple[str, ...]:
        return (resolve(event, Party(ids, "attendee")).party_id,) if ids else ()

    return meeting_keys(event, names)


def _overrule(same: Sequence[Fact]) -> None:
    """Of one plan's copies in several calendars the newest holds (semantics 1.1, ``revision``), in place: where that is a
    cancellation, all are cancelled. Revisions of different sources do not compare; SEQUENCE and the time of writing do."""
    plans = [fact for fact in same if _rank(fact.event) == PLANNED]
    if len({fact.event.source for fact in plans}) < 2:
        return
    newest = max(map(_version, plans))
    is_over = all(fact.is_void for fact in plans if _version(fact) == newest)
    for fact in plans:
        if _version(fact) < newest:
            fact.is_stale = True
            fact.is_void = fact.is_void or is_over


def _version(fact: Fact) -> tuple[int, int]:
    event = fact.ended_by or fact.event
    return event.plan_sequence, event.recorded_at or 0


def richest_first(fact: Fact) -> tuple[bool, int, bool, int, str, str, str]:
    """Attendance report > visit app > calendar > manual CRM entry (semantics 1.4), then revision, then payload hash."""
    event = fact.event
    return (
        fact.is_void, _rank(event), fact.is_stale, -event.revision, fact.witness.payload_hash, event.source, event.source_event_id,
    )  # fmt: skip


def _rank(event: Event) -> int:
    if event.family == "attendance":
        return 0
    if event.dedupe_key.startswith("visit:"):
        return 1
    return 3 if system_of(event.source) in CRM_SYSTEMS else PLANNED


def _occasion(key: str, facts: list[Fact], resolve: Resolver) -> Occasion:
    speaking = [fact for fact in facts if not fact.is_void] or facts
    reports = [fact for fact in speaking if fact.event.family == "attendance"]
    timed = reports or speaking[:1]
    resolve = by_all_names(facts, resolve)
    sellers, outsiders, organizers, accounts = set(), set(), set(), set()
    has_guests = False
    for fact in speaking:
        event = fact.event
        if event.account_hint:
            accounts.add(event.account_hint)
        for party in event.parties:
            found = resolve(event, party)
            if not party.ids:
                has_guests = has_guests or found.side not in OURS
            elif found.side == "seller":
                sellers.add(found.party_id)
            elif found.side not in OURS:
                outsiders.add(found.party_id)
                if found.account_id:
                    accounts.add(found.account_id)
                elif len(found.domain_accounts) == 1:
                    accounts.add(found.domain_accounts[0])
            if party.role == "organizer" and party.ids:
                organizers.add(found.party_id)
        if event.organizer:
            organizers.add(resolve(event, Party((event.organizer,), "organizer")).party_id)
    return Occasion(
        key=key,
        facts=facts,
        start=min(fact.event.occurred_at for fact in timed),
        end=max(max(fact.event.ended_at or 0, fact.event.occurred_at) for fact in timed),
        join_keys=frozenset(join for fact in facts for join in fact.event.join_keys),
        organizers=frozenset(organizers),
        sellers=frozenset(sellers),
        outsiders=frozenset(outsiders),
        has_guests=has_guests,
        accounts=frozenset(accounts),
        sources=frozenset(fact.event.source for fact in facts),
        systems=frozenset(system_of(fact.event.source) for fact in facts),
        is_living=not speaking[0].is_void and speaking[0].event.status != "cancelled",
        has_attendance=bool(reports),
        is_at_place=any(fact.event.channel == "in_person" or fact.event.medium in VISITS for fact in speaking),
    )


def meetings(found: Sequence[Occasion], settings: Folding) -> list[list[tuple[Occasion, str]]]:
    """Occasions that are one meeting, each with the rule that joined it (``dedupe_key`` for one that stands alone)."""
    if len(found) == 1:
        return [[(found[0], "dedupe_key")]]
    edges = [*_join_edges(found)]
    joined = _grouped(found, [(a.key, b.key) for a, b in edges])
    rules: dict[str, str] = {}
    for a, b in edges:
        rules.setdefault(a.key, "join_key")
        rules.setdefault(b.key, "join_key")
    merged = [(_merged(group), group) for group in joined]
    merged.sort(key=lambda pair: (pair[0].start, pair[0].key))
    groups = {whole.key: group for whole, group in merged}
    for kept, absorbed, rule in _people_edges([whole for whole, _ in merged], settings):
        for one in (*groups[kept], *groups[absorbed]):
            rules.setdefault(one.key, rule)
        groups[kept].extend(groups.pop(absorbed))
    return [[(one, rules.get(one.key, "dedupe_key")) for one in group] for group in groups.values()]


def _join_edges(found: Sequence[Occasion]) -> Iterator[tuple[Occasion, Occasion]]:
    """Rule 2: the nearest pairs that share a join key first.

    A key may be a room's, which one meeting after another is held in: those that do not overlap are one only where ``_are_two`` does
    not speak against it.
    """
    sharing: dict[str, list[Occasion]] = {}
    for one in found:
        for key in one.join_keys:
            sharing.setdefault(key, []).append(one)
    pairs: dict[tuple[str, str], tuple[Occasion, Occasion]] = {}
    for members in sharing.values():
        for index, a in enumerate(members):
            for b in members[index + 1 :]:
                if (b.start > a.end and b.start - a.start > JOIN_REACH) or a.ties.isdisjoint(b.ties):
                    continue
                pairs[(a.key, b.key)] = (a, b)
    group: dict[str, list[Occasion]] = {one.key: [one] for one in found}
    for a, b in sorted(pairs.values(), key=_nearness):
        left, right = group[a.key], group[b.key]
        if left is right or any(_are_two(x, y) for x in left for y in right):
            continue
        left.extend(right)
        for one in right:
            group[one.key] = left
        yield a, b


def _nearness(pair: tuple[Occasion, Occasion]) -> tuple[bool, int, str, str]:
    a, b = pair
    return (b.start > a.end, abs(b.start - a.start), a.key, b.key)


def _are_two(a: Occasion, b: Occasion) -> bool:
    """Whether two occasions that share a key and do not overlap are two meetings nevertheless.

    One was planned, and the other is how it came off, at another time: that is one meeting. Two occurrences that were held, two
    plans, and what one system tells of twice are two; so are a visit and a call, and meetings with different accounts. What
    somebody wrote into a CRM afterwards may bear any time.
    """
    first, second = (a, b) if a.start <= b.start else (b, a)
    if first.start == second.start or first.end > second.start:
        return False
    if not a.systems.isdisjoint(b.systems) or a.is_at_place != b.is_at_place:
        return True
    if a.accounts and b.accounts and a.accounts.isdisjoint(b.accounts):
        return True
    return a.has_attendance == b.has_attendance and (a.systems | b.systems).isdisjoint(CRM_SYSTEMS)


def _grouped(found: Sequence[Occasion], edges: list[tuple[str, str]]) -> list[list[Occasion]]:
    root_of = components((one.key for one in found), edges)
    groups: dict[str, list[Occasion]] = {}
    for one in found:
        groups.setdefault(root_of[one.key], []).append(one)
    return list(groups.values())


def _merged(group: Sequence[Occasion]) -> Occasion:
    """One occasion that stands for several: the interval of attendance if there is any, all people and accounts."""
    if len(group) == 1:
        return group[0]
    timed = [one for one in group if one.has_attendance] or [one for one in group if one.is_living] or list(group)
    return Occasion(
        key=min(one.key for one in group),
        facts=[],
        start=min(one.start for one in timed),
        end=max(one.end for one in timed),
        join_keys=frozenset().union(*(one.join_keys for one in group)),
        organizers=frozenset().union(*(one.organizers for one in group)),
        sellers=frozenset().union(*(one.sellers for one in group)),
        outsiders=frozenset().union(*(one.outsiders for one in group)),
        has_guests=any(one.has_guests for one in group),
        accounts=frozenset().union(*(one.accounts for one in group)),
        sources=frozenset().union(*(one.sources for one in group)),
        systems=frozenset().union(*(one.systems for one in group)),
        is_living=any(one.is_living for one in group),
        has_attendance=any(one.has_attendance for one in group),
        is_at_place=any(one.is_at_place for one in group),
        ties=frozenset().union(*(one.ties for one in group)),
    )


def _people_edges(found: Sequence[Occasion], settings: Folding) -> Iterator[tuple[str, str, str]]:
    """Rule 3, and the last line of 1.4, over occasions ordered by start: (kept key, absorbed key, rule)."""
    tolerance = settings.meeting_start_tolerance_minutes * 60_000_000
    standing: dict[str, Occasion] = {one.key: one for one in found}
    moved: dict[str, str] = {}
    candidates: list[tuple[int, str, str, str]] = []
    for index, a in enumerate(found):
        for b in found[index + 1 :]:
            if b.start > max(a.end, a.start + tolerance):
                break
            rule = people_rule(a, b, tolerance)
            if rule is not None:
                candidates.append((b.start - a.start, a.key, b.key, rule))
    for _, left, right, rule in sorted(candidates):
        while left in moved:
            left = moved[left]
        while right in moved:
            right = moved[right]
        if left == right or _foreign(standing[left], standing[right]):
            continue
        whole = _merged([standing[left], standing[right]])
        standing[left] = msgspec.structs.replace(whole, key=left)
        moved[right] = left
        yield left, right, rule


def people_rule(a: Occasion, b: Occasion, tolerance: int) -> str | None:
    """Which rule, if any, makes two live occasions one, from their people and times alone; ``a`` starts first."""
    if not (a.is_living and b.is_living) or _foreign(a, b) or a.ties.isdisjoint(b.ties):
        return None
    same_organizer = not a.organizers.isdisjoint(b.organizers)
    common = (a.people & b.people) - (a.organizers & b.organizers) if same_organizer else frozenset()
    if not common and a.has_attendance and b.has_attendance and not a.systems.isdisjoint(b.systems):
        same_organizer = False  # one account had called two: the system reports them as two, with other people in each
    same_two = not a.sellers.isdisjoint(b.sellers) and not a.outsiders.isdisjoint(b.outsiders)
    shorter = min(a.end - a.start, b.end - b.start)
    overlap = min(a.end, b.end) - max(a.start, b.start)
    if (same_organizer or same_two) and overlap >= 0 and 2 * overlap >= shorter and (overlap > 0 or shorter == 0):
        return "overlap"
    if same_organizer and b.start - a.start <= tolerance and common and a.sources.isdisjoint(b.sources):
        return "organizer_start"
    return None


def _foreign(a: Occasion, b: Occasion) -> bool:
    """Different accounts; or an internal meeting beside a customer's, unless it reports that only we turned up."""
    if a.accounts and b.accounts and a.accounts.isdisjoint(b.accounts):
        return True
    for one, other in ((a, b), (b, a)):
        if one.is_ours and not other.is_ours:
            return not (one.has_attendance and not other.has_attendance and one.sellers <= other.sellers)
    return False
