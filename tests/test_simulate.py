"""Claims about the simulation: the same seed gives the same bytes, and every record becomes what its truth says."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from workspaces import SOURCES

from pipelines.errors import SettingsError
from pipelines.simulate import Made, Plan, generate_workspace
from pipelines.simulate.words import ACKS, BOT_LINES, JOBS, PAGES, PAPERS, PLAIN_LINES, SUBJECTS, TITLES
from pipelines.workspace import Workspace
from transforms.crm.files import CRM_FILES, read_crm_file
from transforms.event import Ignored, Reject, event_id
from transforms.jobs.rules import Evidence, Rulebook
from transforms.records import BadFrame, records
from transforms.sources import Context, all_sources, parse_record
from transforms.times import DAY, parse_iso

PLAN = Plan(records=2000, seed=7, duplicates=0.05, late=0.05, malformed=0.05, records_per_file=60)
TRIGGERS = {"competitor", "price_terms"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    root = tmp_path_factory.mktemp("simulated")
    return root, generate_workspace(root, PLAN)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_same_seed_gives_the_same_bytes(world: tuple[Path, Made], tmp_path: Path) -> None:
    """A plan determines every byte, and another seed gives others."""
    root, made = world
    assert generate_workspace(tmp_path / "again", PLAN) == made
    assert contents(tmp_path / "again") == contents(root)
    other = Plan(records=2000, seed=8, duplicates=0.05, late=0.05, malformed=0.05, records_per_file=60)
    generate_workspace(tmp_path / "other", other)
    assert contents(tmp_path / "other") != contents(root)


def test_nobodys_own_workspace_is_replaced(tmp_path: Path) -> None:
    """Payloads, a directory or settings that no simulation wrote stay as they are; an empty workspace and an earlier simulation are room."""
    mine = Workspace(tmp_path / "mine")
    mine.create()
    (mine.crm / "accounts.csv").write_text("account_id\nA1\n")
    own_settings = Workspace(tmp_path / "settings")
    own_settings.create()
    own_settings.toml.write_text('[identity]\ncompany_domains = ["vendor.example"]\n')
    for own in (mine, own_settings):
        before = contents(own.root)
        with pytest.raises(SettingsError, match="no simulated workspace"):
            generate_workspace(own.root, PLAN)
        assert contents(own.root) == before
    laid_out = Workspace(tmp_path / "laid out")
    laid_out.create()
    small = Plan(records=10)
    assert generate_workspace(laid_out.root, small) == generate_workspace(laid_out.root, small)


def outcomes_of(root: Path, as_of: str) -> dict[str, Counter[str]]:
    """What the adapters make of every record, in the order of the files; a record seen before is a duplicate."""
    found: dict[str, Counter[str]] = {}
    until = parse_iso(as_of, "as_of") + 400 * DAY
    for name, spec in all_sources().items():
        tally: Counter[str] = Counter()
        known: set[str] = set()
        for path in sorted((root / "inbox" / name).rglob("*.*")):
            context = Context(name=path.relative_to(root / "inbox" / name).as_posix(), until=until)
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            for record in records(spec, BytesIO(data), context):
                tally[_outcome(spec, record, context, known)] += 1
        if tally:
            found[name] = tally
    return found


def _outcome(spec: object, record: bytes | BadFrame, context: Context, known: set[str]) -> str:
    if isinstance(record, BadFrame):
        return "rejected"
    try:
        parsed = parse_record(spec, record, context)  # type: ignore[arg-type]
    except Reject:
        return "rejected"
    if isinstance(parsed, Ignored):
        return "ignored"
    ids = {event_id(event) for event in parsed}
    if ids <= known:
        return "duplicate"
    known |= ids
    return "accepted"


def test_every_record_becomes_what_its_truth_says(world: tuple[Path, Made]) -> None:
    """Accepted, duplicate, ignored and rejected: of each source exactly as many as the simulation counted."""
    root, made = world
    truth = json.loads((root / "truth" / "counts.json").read_text())["records"]
    found = outcomes_of(root, made.as_of)
    assert {name: dict(Counter(counts)) for name, counts in found.items()} == {
        name: {outcome: n for outcome, n in counts.items() if n} for name, counts in truth.items()
    }
    assert set(found) == set(SOURCES)


def test_counts_add_up(world: tuple[Path, Made]) -> None:
    """The records made are the records counted, about as many as planned, in the shares of the mix."""
    root, made = world
    truth = json.loads((root / "truth" / "counts.json").read_text())["records"]
    total = sum(sum(counts.values()) for counts in truth.values())
    assert total == made.records == pytest.approx(PLAN.records, rel=0.06)
    size = {name: sum(counts.values()) / total for name, counts in truth.items()}
    assert size["segment"] + size["snowplow"] == pytest.approx(0.6, abs=0.06)
    assert size["slack"] + size["intercom"] == pytest.approx(0.2, abs=0.05)
    assert made.files == sum(1 for p in (root / "inbox").rglob("*.*") if p.suffix != ".csv")


def test_the_directory_is_clean(world: tuple[Path, Made]) -> None:
    """No row of the simulated CRM files is rejected."""
    root, _ = world
    for name in CRM_FILES:
        rows = list(read_crm_file(name, (root / "inbox" / "crm" / name).read_bytes()))
        assert rows
        assert not [row for _, _, row in rows if isinstance(row, Reject)]


def test_words_name_the_job_that_they_are_listed_under() -> None:
    """Subjects, titles, pages and papers mean to the default rules what the truth says that they mean."""
    rules = Rulebook.load()
    for job, phrases in SUBJECTS.items():
        for text, tags in [(p.text + mark, p.tags) for p in phrases for mark in ("", "?")]:
            verdict = rules.classify(Evidence(channel="email", interaction_kind="message", subject_text=text))
            assert verdict.job == job, text
            assert {*rules.tags(text, None), *verdict.add_tags} & TRIGGERS == set(tags), text
            assert not rules.is_ack(text, text, False, False)
    for job, phrases in TITLES.items():
        for phrase in phrases:
            title = f"{phrase.text} / Alder Foods 00012"
            kind, meeting_type = rules.meeting_kind(title)
            seen = Evidence(
                channel="video", interaction_kind=kind or "meeting", meeting_type=meeting_type, subject_text=title
            )
            verdict = rules.classify(seen)
            assert (verdict.job, kind) == (job, phrase.kind), title
            assert {*rules.tags(title, None), *verdict.add_tags} & TRIGGERS == set(phrase.tags), title
    for job, paths in PAGES.items():
        for path in paths:
            assert rules.classify_session([(path, None, 10, 0)]).job == job, path
    for paper in PAPERS:
        assert rules.classify(Evidence(asset_types=[paper.asset_type])).job == paper.job


def test_plain_words_name_no_job() -> None:
    """What is said beside the point carries no job and no tag that a trigger could rest on; thanks are thanks."""
    rules = Rulebook.load()
    for line in (*PLAIN_LINES, *BOT_LINES, "Hello Sam,", "Dear reader,", "We have received your message.", "Team sync"):
        assert rules.classify(Evidence(channel="chat", subject_text=line, first_line=line)).job == "unclassified", line
        assert not TRIGGERS.intersection(rules.tags(line, None)), line
        assert not rules.is_ack(line, line, "?" in line, False), line
    for line in ACKS:
        assert rules.is_ack(None, line, False, False), line
    assert set(SUBJECTS) == set(TITLES) == set(PAGES) == {*JOBS, "unclassified"}


def test_late_records_lie_among_much_later_ones(tmp_path: Path) -> None:
    """Without late records a window's files follow each other in time; with them, some records are older by weeks."""
    for late, is_mixed in ((0.0, False), (0.1, True)):
        root = tmp_path / str(late)
        generate_workspace(root, Plan(records=1500, late=late, duplicates=0.0, shuffle=False, records_per_file=200))
        files = sorted((root / "inbox" / "slack" / "0000").iterdir())
        spans = []
        for path in files:
            payloads = list(records(all_sources()["slack"], path.open("rb"), Context(name=path.name)))
            times = [json.loads(cast(bytes, one))["event_time"] for one in payloads]
            spans.append((min(times), max(times)))
        assert any(b[0] < a[1] for a, b in pairwise(spans)) is is_mixed
