"""A workspace of simulated native payloads with its truth: accounts one after another, each a series of scenes."""

from __future__ import annotations

import json
import shutil
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import IO, Any

import msgspec

from pipelines.errors import SettingsError
from pipelines.simulate import app, chat, mail, meeting
from pipelines.simulate.clock import DAY, HOUR, iso, midnight
from pipelines.simulate.outbox import Delivery, Outbox
from pipelines.simulate.stage import Stage
from pipelines.simulate.truth import journeys_of
from pipelines.simulate.words import JOBS, UNCLASSIFIED
from pipelines.simulate.world import COMPANY, FREE_MAIL, DirectoryWriter, accounts
from pipelines.workspace import DEFAULT_TOML

RECORDS_PER_ACCOUNT = 250
SHARES = {
    "segment": 0.3, "snowplow": 0.3, "slack": 0.1, "intercom": 0.1, "email": 0.05, "gmail": 0.05, "zoom": 0.03,
    "google_meet": 0.03, "ics": 0.02, "google_calendar": 0.02,
}  # fmt: skip
"""Of all records."""
SCENES = {
    "segment": 7.6, "snowplow": 7.6, "slack": 5.3, "intercom": 4.6, "email": 3.2, "gmail": 3.2, "zoom": 9.0,
    "google_meet": 3.4, "ics": 1.2, "google_calendar": 1.2,
}  # fmt: skip
"""Records of its own source that one scene makes, about; what it makes is counted and the choice of scenes follows."""
ABOUT_A_SCENE = 4.4
SHORTEST = 30


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate. Same plan, same bytes."""

    records: int
    """Native records in all, repeats and broken ones among them; about, since a scene is not cut in the middle."""
    seed: int = 1
    duplicates: float = 0.02
    """Share of records that are given once more, in another file."""
    late: float = 0.02
    """Share of records that lie in a file of much later ones."""
    malformed: float = 0.0
    """Broken records beside the good ones, as a share of these."""
    shuffle: bool = True
    """Records of a file out of order."""
    records_per_file: int = 5000
    start: str = "2026-01-05"
    days: int = 180


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    records: int
    files: int
    as_of: str
    """ISO 8601: after everything that happened; some plans lie later."""
    accounts: int


def generate_workspace(root: Path, plan: Plan) -> Made:
    """Write ``inbox/``, ``truth/`` and ``touchloop.toml`` below ``root``, in the place of those of an earlier simulation.

    Raises ``ValueError`` for a plan shorter than 30 days or without records, and ``SettingsError`` where somebody's own workspace is:
    its payloads and settings may be the only ones.
    """
    if plan.days < SHORTEST or plan.records < 1:
        raise ValueError(f"a plan needs a record and {SHORTEST} days; this one has {plan.records} and {plan.days}")
    inbox, truth = root / "inbox", root / "truth"
    if not truth.is_dir() and (own := _own(root)):
        raise SettingsError(
            f"{root} is no simulated workspace: {own} would be replaced; give generate a folder of its own"
        )
    for folder in (inbox, truth):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    (root / "touchloop.toml").write_text(
        f'# Settings of a simulated workspace.\n[identity]\ncompany_domains = ["{COMPANY}"]\nfree_mail_domains '
        f'= ["{FREE_MAIL}"]\n',
        encoding="utf-8",
    )
    return _Simulation(plan, inbox, truth).run()


def _own(root: Path) -> str | None:
    """What is there that no simulation wrote and ``init`` did not lay out."""
    toml, inbox = root / "touchloop.toml", root / "inbox"
    if any(path.is_symlink() or not path.is_dir() for path in inbox.rglob("*")):
        return "what lies in inbox/"
    if toml.exists() and toml.read_bytes() != DEFAULT_TOML.encode():
        return "touchloop.toml"
    return None


class _Simulation:
    def __init__(self, plan: Plan, inbox: Path, truth: Path) -> None:
        self._plan = plan
        self._rng = Random(plan.seed)
        delivery = Delivery(
            duplicates=plan.duplicates, late=plan.late, malformed=plan.malformed, shuffle=plan.shuffle,
            records_per_file=plan.records_per_file,
        )  # fmt: skip
        self._outbox = Outbox(inbox, self._rng, delivery)
        self._inbox, self._truth = inbox, truth
        self._start = midnight(plan.start)
        self._end = self._start + plan.days * DAY

    def run(self) -> Made:
        plan = self._plan
        originals = plan.records / (1 + plan.duplicates + plan.malformed)
        count = max(1, round(originals / RECORDS_PER_ACCOUNT))
        directory = DirectoryWriter(self._inbox / "crm")
        names = ("touchpoints", "sessions", "visits", "loops")
        files = {name: (self._truth / f"{name}.jsonl").open("w", encoding="utf-8") for name in names}
        for done, account in enumerate(accounts(self._rng, count, self._start, plan.days)):
            directory.add(account, self._start)
            stage = Stage(self._rng, account, self._start, self._end, self._outbox.put)
            produced = sum(self._outbox.produced.values())
            self._play(stage, produced + (originals - produced) / (count - done))
            stage.touchpoints.sort(key=lambda t: t.occurred_at)
            _dump(files["touchpoints"], [t.row() for t in stage.touchpoints])
            for journey in journeys_of(account.account_id, stage.touchpoints):
                for name in names[1:]:
                    _dump(files[name], getattr(journey, name))
        directory.close()
        self._outbox.close()
        for file in files.values():
            file.close()
        as_of = iso(self._end + DAY)
        made = Made(records=self._outbox.records, files=self._outbox.files, as_of=as_of, accounts=count)
        summary = {"plan": msgspec.to_builtins(plan), "made": msgspec.to_builtins(made), "records": self._outbox.counts}
        text = json.dumps(summary, indent=1, sort_keys=True)
        (self._truth / "counts.json").write_text(text + "\n", encoding="utf-8")
        return made

    def _play(self, stage: Stage, until: float) -> None:
        """Scenes of one account until so many records are there, in order of time as long as the plan holds."""
        produced = self._outbox.produced
        scenes, weights = list(SCENES), list(accumulate(self._weights()))
        wanted = until - sum(produced.values())
        moments = self._moments(max(1, int(wanted / ABOUT_A_SCENE)))
        job = UNCLASSIFIED
        for _ in range(int(wanted) + 10):  # a scene may find no place and give nothing
            if sum(produced.values()) >= until:
                return
            at = moments.pop() if moments else self._one_moment()
            if self._rng.random() < 0.45:
                job = self._rng.choice(JOBS)
            name = scenes[bisect_right(weights, self._rng.random() * weights[-1])]
            play(stage, name, at, UNCLASSIFIED if self._rng.random() < 0.1 else job)

    def _weights(self) -> list[float]:
        """How likely each scene is: by its share, more where its source lags behind."""
        produced = self._outbox.produced
        total = sum(produced.values())
        found = []
        for name, share in SHARES.items():
            lag = (share * total + 20 * share) / (produced.get(name, 0) + 20 * share)
            found.append(share / SCENES[name] * min(4.0, max(0.1, lag)) ** 2)
        return found

    def _one_moment(self) -> int:
        return self._rng.randrange(self._start, self._end - 8 * DAY)

    def _moments(self, count: int) -> list[int]:
        """Times in days of activity with silences between them, latest first."""
        rng = self._rng
        phases = rng.choice((1, 2, 2, 3, 4)) if self._plan.days >= 120 else 1
        quiet = [rng.randrange(15 * DAY, 32 * DAY) for _ in range(phases - 1)]
        busy = self._end - 8 * DAY - self._start - sum(quiet)
        cuts = sorted(rng.randrange(busy) for _ in range(phases - 1))
        moments = []
        for _ in range(count):
            at = rng.randrange(busy)
            moments.append(
                self._start + HOUR + at + sum(gap for cut, gap in zip(cuts, quiet, strict=True) if at >= cut)
            )
        return sorted(moments, reverse=True)


def play(stage: Stage, name: str, at: int, job: str) -> None:
    """One scene that shows in the source ``name``."""
    if name in ("segment", "snowplow"):
        app.session(stage, name, at, job)
    elif name == "slack":
        chat.slack(stage, at, job)
    elif name == "intercom":
        chat.intercom(stage, at, job)
    elif name in ("email", "gmail"):
        mail.thread(stage, at, job)
    elif name in ("zoom", "google_meet"):
        meeting.call(stage, name, at, job)
    else:
        meeting.entry_only(stage, name, at, job)


_encode = msgspec.json.Encoder().encode


def _dump(file: IO[str], rows: list[dict[str, Any]]) -> None:
    file.writelines(_encode(row).decode() + "\n" for row in rows)
