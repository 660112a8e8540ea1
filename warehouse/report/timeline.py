"""Where a deal's touchpoints, visits, sessions and loops lie on the chart: one lane a buying job, time from left to right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schemas.vocab import BUYING_JOBS

WIDTH, LEFT, RIGHT, TOP, LANE, FOOT = 960, 176, 16, 34, 40, 30
"""Pixels of the view box; a narrow screen scrolls the chart, so that its words stay readable."""
STEPS = (1, 2, 7, 14, 28, 56, 91, 182, 364, 728)
"""Days between ticks; the smallest that gives at most nine."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """Time to pixels. Seconds are those that pass, also where a zone's clock is put forward or back between."""

    begin: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        span = self.end.timestamp() - self.begin.timestamp()
        share = (at.timestamp() - self.begin.timestamp()) / span if span else 0.5
        return round(LEFT + 14 + share * (WIDTH - LEFT - RIGHT - 28), 1)

    def ticks(self) -> list[tuple[float, str]]:
        days = (self.end.timestamp() - self.begin.timestamp()) / 86_400
        step = next((s for s in STEPS if days / s <= 9), STEPS[-1])
        at = self.begin.replace(hour=0, minute=0, second=0, microsecond=0)
        marks, year = [], 0
        while at <= self.end:
            if at >= self.begin:
                marks.append((self.x(at), f"{at.day} {at:%b}" + (f" {at.year}" if at.year != year else "")))
                year = at.year
            at += timedelta(days=step)
        return marks


def draw(
    touchpoints: list[Row],
    sessions: list[Row],
    visits: list[Row],
    loops: list[Row],
    opened: datetime | None,
    closed: datetime | None,
) -> Row | None:
    """Everything that the chart's template needs, in pixels; None where nothing happened.

    ``touchpoints`` in order of time, rows of ``fact_touchpoint``; the others of ``fact_session``, ``fact_visit``, ``fact_loop``.
    """
    if not touchpoints:
        return None
    times = (
        [t["occurred_at"] for t in touchpoints] + [v["ended_at"] for v in visits] + [v["started_at"] for v in visits]
    )
    times += [s["ended_at"] for s in sessions] + [t for t in (opened, closed) if t]
    scale = Scale(min(times, key=datetime.timestamp), max(times, key=datetime.timestamp))
    seen = {t["buying_job"] for t in touchpoints} | {v["buying_job"] for v in visits}
    jobs = [job for job in BUYING_JOBS if job != "unclassified" or job in seen]
    lane = {job: TOP + LANE * i + LANE * 0.62 for i, job in enumerate(jobs)}
    path = [
        (scale.x(at), lane[visit["buying_job"]]) for visit in visits for at in (visit["started_at"], visit["ended_at"])
    ]
    arcs = [_arc(scale, lane, number, loop) for number, loop in enumerate(loops, 1)]
    return {
        "height": TOP + LANE * len(jobs) + FOOT,
        "lanes": list(lane.items()),
        "bands": [(scale.x(s["started_at"]), scale.x(s["ended_at"]), s["session_no"]) for s in sessions],
        "ticks": scale.ticks(),
        "edges": [(scale.x(at), word) for at, word in ((opened, "opened"), (closed, "closed")) if at],
        "path": " ".join(f"{x:g},{y:g}" for x, y in path),
        "arcs": arcs,
        "points": [(scale.x(t["occurred_at"]), lane[t["buying_job"]], t) for t in touchpoints],
    }


def _arc(scale: Scale, lane: dict[str, float], number: int, loop: Row) -> Row:
    """From where the job was left back to where it was taken up again, above its lane; the number sits on its top."""
    begin, end, y = scale.x(loop["left_at"]), scale.x(loop["returned_at"]), lane[loop["revisited_job"]]
    if end - begin < 10:  # an arc needs width to be seen
        begin, end = (begin + end) / 2 - 5, (begin + end) / 2 + 5
    return {
        "d": f"M{begin:g} {y - 6:g}C{begin:g} {y - 24:g} {end:g} {y - 24:g} {end:g} {y - 7:g}",
        "x": round((begin + end) / 2, 1),
        "y": round(y - 19.5, 1),
        "number": number,
        "loop": loop,
    }
