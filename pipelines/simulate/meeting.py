"""Meeting scenes: calls that Zoom or Google Meet report beside their calendar entries; visits, plans, internal ones."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from pipelines.simulate.calendars import Entry, write_entry, write_noise
from pipelines.simulate.clock import DAY, HOUR, MINUTE
from pipelines.simulate.reports import Leg, meet_key, write_meet, write_zoom, zoom_key
from pipelines.simulate.stage import INTERNAL_AT, Stage, micros
from pipelines.simulate.words import TITLES, Phrase
from pipelines.simulate.world import Human

MINUTES = (25, 30, 45, 50, 60)
STREETS = ("Mill Road", "Harbour Lane", "Station Street", "Orchard Way")


class Planned(NamedTuple):
    """A meeting as it was agreed; times in seconds."""

    start: int
    end: int
    job: str
    title: Phrase
    buyers: tuple[Human, ...]
    sellers: tuple[Human, ...]


def call(stage: Stage, tool: str, at: int, job: str) -> None:
    """A call in ``zoom`` (its entry in iCalendar) or ``google_meet`` (its entry in Google's); some end as no-shows."""
    rng = stage.rng
    slot = stage.slot(at)
    if slot is None:
        return
    plan = _plan(stage, slot, job)
    is_held = rng.random() >= 0.08
    legs = _legs(stage, plan, plan.sellers + (plan.buyers if is_held else ()))
    together = both_sides(legs)
    start, end = together if together else (plan.start, plan.end)
    shift = stage.moment(start) - start
    plan = plan._replace(start=plan.start + shift, end=plan.end + shift)
    legs = [leg._replace(joined=leg.joined + shift, left=leg.left + shift) for leg in legs]
    calendar = "ics" if tool == "zoom" else "google_calendar"
    entry = _entry(stage, plan)
    if tool == "zoom":
        native = stage.hex(10)
        number = f"{rng.randrange(80_000_000_000, 90_000_000_000)}"
        key, witnesses = zoom_key(native), write_zoom(stage, native, number, _title(stage, plan), legs)
        entry = entry._replace(url=f"https://vendor-example.zoom.us/j/{number}")
    else:
        code = _letters(stage, 10)
        native = f"conf{stage.hex(16)}"
        key = meet_key(native)
        witnesses = write_meet(stage, native, code, entry.native, plan.sellers[0].email, legs)
        entry = entry._replace(url=f"https://meet.google.com/{code[:3]}-{code[3:7]}-{code[7:]}")
    witnesses += write_entry(stage, calendar, entry, moves=rng.random() < 0.35)
    stage.happened(
        key, "video", "mutual", plan.title.kind or "meeting", micros(start + shift), micros(end + shift), job=job,
        status="held" if together else "no_show", witnesses=witnesses, tags=plan.title.tags,
        engaged=tuple(one.key for one in plan.buyers) if together else (),
    )  # fmt: skip


def both_sides(legs: list[Leg]) -> tuple[int, int] | None:
    """First and last second with both sides present, if they were so for two minutes in all; looked up step by step."""
    marks = sorted({leg.joined for leg in legs} | {leg.left for leg in legs})
    shared = []
    for start, end in pairwise(marks):
        present = {leg.is_buyer for leg in legs if leg.joined <= start and end <= leg.left}
        if len(present) == 2:
            shared.append((start, end))
    if sum(end - start for start, end in shared) < 120:
        return None
    return shared[0][0], shared[-1][1]


def entry_only(stage: Stage, calendar: str, at: int, job: str) -> None:
    """What only a calendar tells: visits; plans without a report, past and future; internal and cancelled meetings."""
    fate = stage.rng.random()
    if fate < 0.08:
        write_noise(stage, calendar, at)
    elif fate < 0.2:
        _internal(stage, calendar, at)
    elif fate < 0.45:
        _unreported(stage, calendar, at, job)
    elif fate < 0.52:
        _cancelled(stage, calendar, at, job)
    else:
        _visit(stage, calendar, at, job)


def _visit(stage: Stage, calendar: str, at: int, job: str) -> None:
    slot = stage.slot(at)
    if slot is None:
        return
    rng = stage.rng
    plan = _plan(stage, stage.moment(slot), job)
    declined = next((b for b in stage.account.buyers if b not in plan.buyers), None) if rng.random() < 0.15 else None
    place = f"{stage.account.name} plant, {rng.randrange(1, 90)} {rng.choice(STREETS)}"
    entry = _entry(stage, plan)._replace(place=place, declined=declined)
    witnesses = write_entry(stage, calendar, entry, moves=rng.random() < 0.3)
    stage.happened(
        f"meeting:ical:{entry.uid(calendar)}", "in_person", "mutual", plan.title.kind or "visit", micros(plan.start),
        micros(plan.end), job=job, witnesses=witnesses, tags=plan.title.tags,
        engaged=tuple(one.key for one in plan.buyers),
    )  # fmt: skip


def _unreported(stage: Stage, calendar: str, at: int, job: str) -> None:
    """A call that is planned, or of which nobody reports whether it took place."""
    slot = stage.later_slot() if stage.rng.random() < 0.4 else stage.slot(at)
    if slot is None:
        return
    plan = _plan(stage, stage.moment(slot), job)
    entry = _entry(stage, plan)._replace(url=f"https://meet.jit.si/{stage.hex(12)}")
    witnesses = write_entry(stage, calendar, entry, moves=stage.rng.random() < 0.2)
    stage.happened(
        f"meeting:ical:{entry.uid(calendar)}", "video", "mutual", plan.title.kind or "meeting", micros(plan.start),
        micros(plan.end), job=job, status="scheduled", witnesses=witnesses, tags=plan.title.tags,
    )  # fmt: skip


def _cancelled(stage: Stage, calendar: str, at: int, job: str) -> None:
    slot = stage.slot(at)
    if slot is None:
        return
    plan = _plan(stage, stage.moment(slot), job)
    entry = _entry(stage, plan)._replace(url=f"https://meet.jit.si/{stage.hex(12)}")
    witnesses = write_entry(stage, calendar, entry, moves=False, is_cancelled=True)
    stage.happened(
        f"meeting:ical:{entry.uid(calendar)}", "video", "mutual", plan.title.kind or "meeting", micros(plan.start),
        micros(plan.end), job=job, status="cancelled", witnesses=witnesses, tags=plan.title.tags,
    )  # fmt: skip


def _internal(stage: Stage, calendar: str, at: int) -> None:
    """Our own people among themselves: kept, internal, and about no account."""
    day = stage.internal_day(at)
    start = day * DAY + INTERNAL_AT
    if start + HOUR > stage.end or day in stage.internal_days:
        return
    stage.internal_days.add(day)
    team = stage.account.team
    start = stage.moment(start)
    plan = Planned(start, start + 30 * MINUTE, "", Phrase("Team sync"), (), (team.lead, team.engineer))
    entry = _entry(stage, plan)._replace(url=f"https://meet.jit.si/{stage.hex(12)}", title="Team sync")
    witnesses = write_entry(stage, calendar, entry, moves=False)
    stage.happened(
        f"meeting:ical:{entry.uid(calendar)}", "video", "mutual", "meeting", micros(plan.start), micros(plan.end),
        is_ours=False, is_excused=True, status="scheduled", witnesses=witnesses,
    )  # fmt: skip


def _plan(stage: Stage, slot: int, job: str) -> Planned:
    rng, account = stage.rng, stage.account
    buyers = {one.key: one for one in (stage.buyer() for _ in range(rng.choice((1, 2, 2, 3))))}
    if rng.random() < 0.08:
        buyers[account.newcomer.key] = account.newcomer
    sellers = (account.team.lead, account.team.engineer) if rng.random() < 0.4 else (account.team.lead,)
    length = rng.choice(MINUTES) * MINUTE
    return Planned(slot, slot + length, job, stage.phrase(TITLES, job), tuple(buyers.values()), sellers)


def _title(stage: Stage, plan: Planned) -> str:
    return f"{plan.title.text} / {stage.account.name}"


def _entry(stage: Stage, plan: Planned) -> Entry:
    return Entry(
        native=_letters(stage, 5) + stage.hex(20),
        title=_title(stage, plan),
        start=plan.start,
        end=plan.end,
        organizer=plan.sellers[0],
        guests=(*plan.sellers[1:], *plan.buyers),
    )


def _legs(stage: Stage, plan: Planned, people: tuple[Human, ...]) -> list[Leg]:
    """When each of them was in the call; one may drop out and come back. No two marks fall on one second."""
    rng = stage.rng
    marks: set[int] = set()

    def mark(low: int, high: int) -> int:
        at = rng.randrange(low, high)
        while at in marks:
            at += 1
        marks.add(at)
        return at

    legs = []
    for number, human in enumerate(people):
        is_buyer = human not in plan.sellers
        joined, left = mark(plan.start - 150, plan.start + 240), mark(plan.end - 300, plan.end + 120)
        if number and rng.random() < 0.12:
            middle = mark(plan.start + 400, plan.end - 700)
            legs.append(Leg(human, is_buyer, joined, middle))
            joined = mark(middle + 20, middle + 200)
        legs.append(Leg(human, is_buyer, joined, left))
    return legs


def _letters(stage: Stage, count: int) -> str:
    return "".join(stage.rng.choices("abcdefghijkmnopqrstuvwxyz", k=count))
