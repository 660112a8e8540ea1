"""Meetings: what is one (rules 1 to 3 of semantics 1.5), who came, and whether it was held (1.3)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from reference_folding.directory import Directory
from reference_folding.identity import identify
from reference_folding.touches import (
    HOUR,
    MINUTE,
    SECOND,
    History,
    Person,
    Stays,
    Touch,
    Witness,
    head_count,
    together,
    united,
)
from transforms.event import Party

ROOM_GAP = 6 * HOUR
"""A plan and a report with a key in common are one within it."""
NEAR = 10 * MINUTE
MIN_OVERLAP = 120 * SECOND


class Part:
    """Witnesses that are one meeting for certain: those of one dedupe key (rule 1), then those of one room (rule 2)."""

    def __init__(self, directory: Directory, witnesses: list[Witness], plans: list[Witness]) -> None:
        self.directory, self.witnesses, self.plans = directory, witnesses, plans
        self.reports = [w for w in witnesses if w.event.family == "attendance"]
        self.plan = plans[0] if plans else None
        timed = self.reports or plans
        self.start = min(w.event.occurred_at for w in timed)
        self.end = max(w.event.ended_at or w.event.occurred_at for w in timed)
        self.is_visit = any(w.event.channel == "in_person" for w in [*self.reports, *plans])
        self.is_cancelled = not self.reports and all(is_off(plan) for plan in plans)

    @property
    def systems(self) -> set[str]:
        return {w.event.source.split("/")[1] for w in self.reports}

    @property
    def keys(self) -> set[str]:
        return {key for w in self.witnesses for key in w.event.join_keys}

    def people(self) -> list[tuple[Witness, Party, str | None]]:
        """Everybody who is named, with the name that they are known by."""
        found = []
        for w in self.witnesses:
            for p in w.event.parties:
                person = self.directory.person(p.ids, w.event.source, w.event.occurred_at)
                found.append((w, p, person or (p.ids[0] if p.ids else None)))
        return found

    def named(self) -> set[str]:
        """Who is in the reports and in the plan as it stands."""
        return {key for w, _, key in self.people() if key and (w.event.family != "schedule" or w is self.plan)}

    def side(self, known_by: str) -> str:
        for _, p, key in self.people():
            if key == known_by:
                return self.directory.side(key, p.ids, p.side, p.name, self.directory.home(key, p.ids))
        return "unknown"

    def accounts(self) -> set[str]:
        homes = {self.directory.home(key, p.ids) for _, p, key in self.people()}
        return {home for home in homes if home}

    def organizers(self) -> set[str]:
        found = set()
        for w in self.witnesses:
            if w.event.organizer:
                person = self.directory.person((w.event.organizer,), w.event.source, w.event.occurred_at)
                found.add(person or w.event.organizer)
        return found

    def is_among_ourselves(self) -> bool:
        return all(self.side(key) in ("seller", "system") for key in self.named())


class Room(Part):
    """It is when its reports say, else when its plans say, with everybody in it."""

    def __init__(self, parts: list[Part]) -> None:
        plans = [part.plan for part in parts if part.plan and not part.is_cancelled]
        plans = plans or [part.plan for part in parts if part.plan]
        super().__init__(parts[0].directory, [w for part in parts for w in part.witnesses], plans[:1])
        timed = [part for part in parts if part.reports] or parts
        self.plans = [part.plan for part in parts if part.plan]
        self.start, self.end = min(part.start for part in timed), max(part.end for part in timed)
        self.is_visit = any(part.is_visit for part in parts)
        self.is_cancelled = all(part.is_cancelled for part in parts)


def is_off(plan: Witness) -> bool:
    return plan.event.is_void or plan.event.status == "cancelled"


def overlap(a: Part, b: Part) -> int:
    """Negative: how far they are apart."""
    return min(a.end, b.end) - max(a.start, b.start)


def are_apart(a: Part, b: Part) -> bool:
    """With people of one customer each, and of no common one."""
    return bool(a.accounts() and b.accounts()) and not a.accounts() & b.accounts()


def is_same_room(a: Part, b: Part) -> bool:
    """Rule 2; two that do not overlap are one where one is the plan and the other the report of it."""
    if not a.keys & b.keys or a.is_cancelled or b.is_cancelled:
        return False
    if overlap(a, b) > 0:
        return True
    if -overlap(a, b) > ROOM_GAP or bool(a.reports) == bool(b.reports) or a.is_visit != b.is_visit:
        return False
    return not are_apart(a, b)


def is_same_people(a: Part, b: Part) -> bool:
    """Rule 3; and a meeting among ourselves is none with a customer, unless it tells that only those came of us whom the plan names."""
    if a.is_cancelled or b.is_cancelled or are_apart(a, b):
        return False
    for one, other in ((a, b), (b, a)):
        is_missed = one.reports and not other.reports and one.named() <= other.named()
        if one.is_among_ourselves() and not other.is_among_ourselves() and not is_missed:
            return False
    common = a.named() & b.named()
    sides = {a.side(key) for key in common} - {"system"}
    both_sides = "seller" in sides and len(sides) > 1  # ours and from outside: a partner and a stranger, too
    shorter = min(a.end - a.start, b.end - b.start)
    by_half = overlap(a, b) > 0 and overlap(a, b) * 2 >= shorter
    if a.systems & b.systems:
        return by_half and both_sides  # one system tells of one call once: who called them makes two no one
    same_organizer = bool(a.organizers() & b.organizers() and common)
    if by_half and (both_sides or same_organizer):
        return True
    return same_organizer and abs(a.start - b.start) <= NEAR


Some = TypeVar("Some", bound=Part)


def joined(parts: Sequence[Some], is_same: Callable[[Part, Part], bool]) -> list[list[Some]]:
    """Groups in which each is the same as some other."""
    groups: list[list[Some]] = []
    for part in parts:
        mine = [group for group in groups if any(is_same(part, other) for other in group)]
        groups = [group for group in groups if group not in mine]
        groups.append([other for group in mine for other in group] + [part])
    return groups


def meetings(history: History, directory: Directory, rules: dict[str, Any], as_of: int) -> list[Touch]:
    latest = {w.event_id for w in history.current("attendance")}
    keyed: dict[str, list[Witness]] = defaultdict(list)
    for w in history.all:
        if w.event.family in ("schedule", "attendance"):
            keyed[w.event.dedupe_key].append(w)
    parts = [Part(directory, told, standing_plan(told)) for told in keyed.values()]
    rooms = [Room(group) for group in joined(parts, is_same_room)]
    return [meeting(group, latest, directory, rules, as_of) for group in joined(rooms, is_same_people)]


def standing_plan(told: list[Witness]) -> list[Witness]:
    """1.4: of each event its last revision, of these the latest; none where nothing was planned."""
    last: dict[tuple[str, str], Witness] = {}
    for w in told:
        if w.event.family == "schedule":
            key = (w.event.source, w.event.source_event_id)
            if key not in last or (w.event.revision, w.event.is_void) > (
                last[key].event.revision,
                last[key].event.is_void,
            ):
                last[key] = w
    return sorted(last.values(), key=_standing)[-1:]


def _standing(plan: Witness) -> tuple[Any, ...]:
    e = plan.event
    return (e.plan_sequence, e.recorded_at or 0, e.is_void, e.revision, plan.payload)


def meeting(rooms: list[Room], latest: set[str], directory: Directory, rules: dict[str, Any], as_of: int) -> Touch:
    """A visit is held unless one side declined (1.3); of a call without a report, or of a tentative plan, nobody knows."""
    told = [w for room in rooms for w in room.witnesses]
    reports = [w for room in rooms for w in room.reports]
    plans = [plan for room in rooms for plan in room.plans]
    live = [plan for plan in plans if not is_off(plan)]
    standing = live or plans
    people = _people([w for w in reports if w.event_id in latest and not w.event.is_void], standing, directory)
    first = min(w.event.occurred_at for w in reports or standing)
    t = Touch("meeting", told, "video", first, first, people, kind="meeting")
    if is_visit(standing, bool(reports), directory):
        t.channel, t.kind = "in_person", "visit"
    t.is_voided = not live and not reports
    titled = [*sorted(standing, key=lambda plan: -(plan.event.recorded_at or 0)), *reports]
    t.subject = t.called = next((w.event.subject_text for w in titled if w.event.subject_text), None)
    newest = max((plan.event.recorded_at or 0 for plan in standing), default=0)
    titles = {plan.event.subject_text for plan in standing if (plan.event.recorded_at or 0) == newest}
    t.has_titles = len(titles) > 1
    hints = [w.event.account_hint for w in [*reports, *plans]]
    t.hint = next((hint for hint in hints if hint in directory.accounts), None)
    t.label = next((plan.event.explicit_job for plan in plans if plan.event.explicit_job), None)
    t.kind = kind_of(t.subject, rules) or t.kind
    t.has_reports = bool(reports)
    identify(t, directory)
    if t.is_voided:
        _put_plan(t, plans[0])
        t.status, t.is_timeless = "cancelled", True
    elif reports and t.channel == "video":
        _put_presence(t)
    else:
        plan = max(standing, key=lambda plan: (plan.event.plan_sequence, plan.event.recorded_at or 0))
        _put_plan(t, plan)
        is_held = t.channel == "in_person" and t.end <= as_of and any(map(is_sure, standing)) and has_both_sides(t)
        t.status = "held" if is_held else "scheduled"
        t.is_timeless = len(plans) > 1
        for p in t.people:
            if p.attended is None and t.status == "held":
                p.attended = True
    put_minutes(t)
    return t


def is_visit(plans: list[Witness], is_call: bool, directory: Directory) -> bool:
    """1.3: in person if a buyer and one of ours were at one place. Of a call beside it a plan tells that which is sure and which neither
    side declined; of a plan alone its place is all that is known."""
    places = [plan for plan in plans if plan.event.channel == "in_person"]
    return bool(places) and (not is_call or any(is_sure(place) and meet_there(place, directory) for place in places))


def is_sure(plan: Witness) -> bool:
    return plan.event.status != "scheduled"


def meet_there(plan: Witness, directory: Directory) -> bool:
    alone = Touch("meeting", [plan], "in_person", 0, 0, _people([], [plan], directory))
    identify(alone, directory)
    return has_both_sides(alone)


def has_both_sides(t: Touch) -> bool:
    """Of ours and of the customer's each somebody who has not declined; strangers may be the customer's."""
    coming = {p.side for p in t.people if p.attended is not False}
    return "seller" in coming and bool({"buyer", "unknown"} & coming)


def kind_of(subject: str | None, rules: dict[str, Any]) -> str | None:
    for meeting_type in rules["meeting_types"]:
        if meeting_type.get("kind") and subject and re.search(meeting_type["pattern"], subject, re.I):
            return str(meeting_type["kind"])
    return None


def _people(reports: list[Witness], plans: list[Witness], directory: Directory) -> list[Person]:
    """Everybody once, with their stays as reports tell them: as such, or as joins and leaves to be paired."""
    people: dict[str, Person] = {}

    def mentioned(w: Witness, p: Party) -> Person:
        person = directory.person(p.ids, w.event.source, w.event.occurred_at)
        known = people.setdefault(person or (p.ids[0] if p.ids else f"name:{p.name}"), Person((), p.role, p.name))
        known.ids = tuple(dict.fromkeys((*known.ids, *p.ids)))
        known.hint = known.hint or p.side
        return known

    marks: dict[tuple[int, str], tuple[Person, list[tuple[int, int]]]] = {}
    for w in reports:
        for p in w.event.parties:
            known = mentioned(w, p)
            if p.attended is False and known.attended is None:
                known.attended = False
            if not p.attended:
                continue
            known.attended = True
            if p.joined_at is not None and p.left_at is not None:
                known.stays.append((p.joined_at, p.left_at))
                continue
            mine = marks.setdefault((id(known), w.event.dedupe_key), (known, []))[1]
            if p.joined_at is not None:
                mine.append((p.joined_at, 1))
            elif p.left_at is not None:
                mine.append((p.left_at, -1))
    for known, mine in marks.values():
        known.stays += paired(mine)
    for w in plans:
        for p in w.event.parties:
            known = mentioned(w, p)
            known.role = "organizer" if p.role == "organizer" else known.role
            if p.attended is False and not known.attended:
                known.attended = False
    return list(people.values())


def paired(marks: list[tuple[int, int]]) -> Stays:
    """Somebody with two devices is there until both have left."""
    stays: Stays = []
    devices = since = 0
    for at, step in sorted(marks):
        if step > 0 and devices == 0:
            since = at
        if step < 0 and devices == 1:
            stays.append((since, at))
        devices = max(0, devices + step)
    return stays


def _put_plan(t: Touch, plan: Witness) -> None:
    t.start, t.end = plan.event.occurred_at, plan.event.ended_at or plan.event.occurred_at


def _put_presence(t: Touch) -> None:
    """1.3: held if both sides were there together for long enough, from the first moment of that to the last."""
    has_customer = any(p.home for p in t.people)
    buyers = [p for p in t.people if p.side == "buyer" or (p.side == "unknown" and has_customer)]
    sellers = [p for p in t.people if p.side == "seller"]
    stays = together(united([s for p in buyers for s in p.stays]), united([s for p in sellers for s in p.stays]))
    if sum(end - start for start, end in stays) < MIN_OVERLAP:
        t.status, t.is_timeless = "no_show", True
        return
    t.status, t.start, t.end = "held", stays[0][0], stays[-1][1]
    for p in t.people:
        p.attended = bool(p.attended)


def put_minutes(t: Touch) -> None:
    t.buyer_minutes = (t.end - t.start) / MINUTE if t.status == "held" else 0.0
    t.seller_minutes = t.buyer_minutes * head_count([p for p in t.people if p.attended], "seller")
