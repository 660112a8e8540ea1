"""``follow`` on a prepared shared folder: overlaps, gaps, crashes. The folder is filled as a job would, without a cluster."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fake_kafka import FakeBroker, connected, connection
from test_erase import BEA, forget, told
from test_stream import NOW, TOPICS, produce, with_topics
from workspaces import Unaudited, conservation, contents, example, increment, payloads, put, run, snapshot

from pipelines.cluster.follower import Follower
from pipelines.cluster.ingest import ingest_bounded, ingest_endless
from pipelines.cluster.jobs import LandParcel, NormalizeLabelled, Reading
from pipelines.cluster.parcel import name_of
from pipelines.cluster.runner import Runner
from pipelines.cluster.shared import SharedFolder
from pipelines.errors import SettingsError, TooManyRejects, UserError
from pipelines.follow import follow
from pipelines.kafka.unbounded import KafkaReader, Start
from pipelines.reading.label import Label
from pipelines.summary import Summary
from pipelines.workspace import Workspace

READING = Reading({}, 400, 500, clock=NOW)


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    made = FakeBroker()
    with connected(made):
        yield made


@pytest.fixture(autouse=True)
def unpublished(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that need no snapshot do without one, and without the auditor that takes longest to start."""
    if "published" not in request.keywords:
        monkeypatch.setattr("pipelines.run.Publication", Unaudited)
        monkeypatch.setattr("pipelines.auditor.Auditor.start", lambda self: None)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = example(tmp_path_factory.mktemp("undisturbed"))
    put(root, payloads())
    increment(root)
    with snapshot(root, published=False) as made:
        return contents(made)


def job(broker: FakeBroker, shared: SharedFolder, following: dict[str, int], poll: int, polls: int = 10_000) -> None:
    """What a streaming job does, from a checkpoint on, with ``poll`` messages to a batch, until it is killed after ``polls`` of them."""
    starts = [
        Start(topic, number, source)
        for source, topic in TOPICS.items()
        for number in range(3)
        if any(w.topic == topic and w.partition == number for w in broker.log)
    ]
    reader = KafkaReader(connection(broker, **{topic: source for source, topic in TOPICS.items()}), starts, following)
    normalize, land = NormalizeLabelled(READING), LandParcel(shared)
    normalize.setup()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.kafka.reader.PartitionReader.poll.__defaults__", (50, poll))
        more = reader.start()
        while more and polls:
            for batch in normalize.process(reader.get_current()):
                list(land.process(batch))
            more = reader.advance()
            polls -= 1


def followed(root: Path, shared: SharedFolder, **options: Any) -> tuple[list[Summary], list[str]]:
    """``follow`` until nothing is left that can be committed."""
    made: list[Summary] = []
    said: list[str] = []
    workspace = Workspace(root)
    given: dict[str, Any] = {
        "every": 0, "until_caught_up": True, "skip_gaps": False, "workers": None, "clock": lambda: NOW, "fixed": True,
        "say": said.append, "done": made.append,
    } | options  # fmt: skip
    with workspace.writer():
        follow(workspace, shared, **given)
    return made, said


def tables(root: Path) -> Any:
    with snapshot(root, published=False) as made:
        conservation(made)
        overlapping = made.execute(
            """SELECT count(*) FROM ledger_unit a JOIN ledger_unit b
               ON a.location = b.location AND a.unit_id < b.unit_id AND a.range_start < b.range_end AND b.range_start < a.range_end"""
        ).fetchone()
        assert overlapping == (0,)
        return contents(made)


@pytest.mark.parametrize("where", ["disk", "s3"])
def test_what_a_job_landed_gives_the_tables_that_files_give(
    tmp_path: Path, broker: FakeBroker, undisturbed: Any, where: str, request: pytest.FixtureRequest
) -> None:
    """All of it, by way of a folder on a disk and of one behind an S3 API, which is empty afterwards."""
    url = str(tmp_path / "landing") if where == "disk" else request.getfixturevalue("bucket").format("followed")
    root, shared = with_topics(tmp_path / "w"), SharedFolder(url)
    produce(broker, payloads())
    job(broker, shared, {}, poll=2)
    followed(root, shared)
    assert tables(root) == undisturbed
    assert list(shared.entries()) == []


def test_a_job_that_knows_nothing_of_an_erasure_brings_nobody_back(tmp_path: Path, broker: FakeBroker) -> None:
    """It goes on as it was started; what it has landed is cleaned on its way into the warehouse."""
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    items = payloads()
    produce(broker, items[::2])
    job(broker, shared, {}, poll=2)
    followed(root, shared)
    assert told(root / "state", BEA)
    forget(root, "B1")
    produce(broker, items[1::2])
    job(broker, shared, ends(root), poll=2)
    assert any(b"bea.winter" in path.read_bytes() for path in (tmp_path / "landing").rglob("*") if path.is_file())
    followed(root, shared)
    assert told(root / "state", BEA) == []
    with snapshot(root, published=False) as made:
        conservation(made)
        assert made.execute("SELECT count(*) FROM fact_touchpoint").fetchone() == (12,)


@pytest.mark.parametrize("seed", [1, 2])
def test_ranges_read_twice_with_other_borders_are_counted_and_cut(
    tmp_path: Path, broker: FakeBroker, undisturbed: Any, seed: int
) -> None:
    """Killed and restored jobs, follow in between: each offset once."""
    dice = random.Random(seed)
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    items = payloads()
    cuts = [0, *sorted(dice.sample(range(1, len(items)), 3)), len(items)]
    numbered = list(enumerate(items))
    reread = 0
    for first, last in pairwise(cuts):
        for number, (name, data) in numbered[first:last]:
            broker.produce(TOPICS[name.split("/")[0]], data, partition=number % 3)
        checkpoint = {f"{w.topic}/{w.partition}": dice.randint(0, broker.end[w]) for w in broker.log} if first else {}
        # a checkpoint is never ahead of what has landed
        checkpoint = {where: min(at, ends(root).get(where, 0)) for where, at in checkpoint.items()}
        job(broker, shared, checkpoint, poll=dice.randint(1, 3))
        job(broker, shared, checkpoint, poll=dice.randint(1, 3), polls=dice.randint(1, 9))
        summaries, _ = followed(root, shared)
        reread += sum(s.reread for s in summaries)
    assert tables(root) == undisturbed
    assert reread > 0
    assert list(shared.entries()) == []


def ends(root: Path) -> dict[str, int]:
    with snapshot(root, published=False) as made:
        return dict(made.execute("SELECT location, max(range_end) FROM ledger_unit GROUP BY 1").fetchall())


def busiest(broker: FakeBroker) -> tuple[str, str]:
    """The partition with the most messages: its location, and its folder."""
    where = max(broker.log, key=lambda one: len(broker.log[one]))
    assert len(broker.log[where]) > 2
    return f"{where.topic}/{where.partition}", f"kafka/{where.topic}/{where.partition}/"


def test_a_range_waits_for_its_predecessor_and_the_wait_is_told(
    tmp_path: Path, broker: FakeBroker, undisturbed: Any
) -> None:
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    produce(broker, payloads())
    job(broker, shared, {}, poll=1)
    location, folder = busiest(broker)
    names = [e.name for e in shared.entries() if e.name.startswith(folder)]
    held = shared.read(names[0])
    batch, schema = held.get_batch(0), held.schema
    shared.delete(names[0])
    summaries, said = followed(root, shared)
    assert [e.name for e in shared.entries()] == names[1:]
    assert summaries[-1].waiting == {location: [0, 1]}
    assert f"{location}: offsets 0 to 0 have not landed; what lies beyond waits for them" in said
    shared.write(names[0], iter([batch]), schema)
    followed(root, shared)
    assert tables(root) == undisturbed


def test_a_gap_is_given_up_only_when_asked(tmp_path: Path, broker: FakeBroker) -> None:
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    produce(broker, payloads())
    location, _ = busiest(broker)
    job(broker, shared, {location: 2}, poll=2)
    followed(root, shared, skip_gaps=True)
    with snapshot(root, published=False) as made:
        assert made.execute(
            "SELECT kind, range_start, range_end, record_count FROM ledger_unit WHERE location = ? ORDER BY 2",
            [location],
        ).fetchall()[0] == ("kafka_gap", 0, 2, 0)


def test_offsets_that_retention_took_are_a_gap_of_the_ledger(tmp_path: Path, broker: FakeBroker) -> None:
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    produce(broker, payloads())
    job(broker, shared, {}, poll=2)
    followed(root, shared)
    ledger = len(broker.log[next(w for w in broker.log if (w.topic, w.partition) == ("native.slack", 0))])
    slack = [data for name, data in payloads() if name.startswith("slack")]
    broker.produce("native.slack", *slack[:4], partition=0)
    broker.delete_before("native.slack", ledger + 3)
    job(broker, shared, {"native.slack/0": ledger}, poll=2)
    followed(root, shared)
    with snapshot(root, published=False) as made:
        assert made.execute(
            "SELECT kind, range_start, range_end, record_count FROM ledger_unit WHERE location = 'native.slack/0' AND range_start >= ? ORDER BY 2",
            [ledger],
        ).fetchall() == [("kafka_gap", ledger, ledger + 3, 0), ("kafka", ledger + 3, ledger + 4, 1)]


class Crash(Exception):
    pass


@pytest.mark.parametrize("where", ["stage", "announce", "finish", "delete"])
def test_a_crash_of_follow_loses_and_doubles_nothing(
    tmp_path: Path, broker: FakeBroker, undisturbed: Any, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the commit, between it and the deletion of what it took, and in the middle of that deletion."""
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    produce(broker, payloads())
    job(broker, shared, {}, poll=2)
    owner: Any = SharedFolder if where == "delete" else Follower
    original = getattr(owner, where)
    calls = []

    def crash(*arguments: Any) -> Any:
        calls.append(1)
        if where != "delete" or len(calls) > 2:
            raise Crash
        return original(*arguments)

    monkeypatch.setattr(owner, where, crash)
    with pytest.raises(Crash):
        followed(root, shared)
    monkeypatch.undo()
    summaries, _ = followed(root, shared)
    assert sum(s.reread for s in summaries) == 0
    assert tables(root) == undisturbed
    assert list(shared.entries()) == []


def test_too_many_rejects_stop_it_and_keep_the_parcels(tmp_path: Path, broker: FakeBroker) -> None:
    """A misrouted topic: everything else lands, and after the settings are mended the rest can."""
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    produce(broker, payloads())
    broker.produce("native.slack", *[b'{"order": 1}'] * 200, partition=0)
    job(broker, shared, {}, poll=50)
    with pytest.raises(TooManyRejects, match=r"native\.slack/0, offsets"):
        followed(root, shared)
    assert {e.name.rpartition("/")[0] for e in shared.entries()} == {"kafka/native.slack/0"}
    (root / "touchloop.toml").write_text((root / "touchloop.toml").read_text() + "\n[rejects]\nmin_records = 1000\n")
    followed(root, shared)
    assert list(shared.entries()) == []


def test_a_parcel_of_another_version_is_refused_in_words(tmp_path: Path, broker: FakeBroker) -> None:
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    label = Label(topic="native.slack", partition=0, start=0, end=1, system="slack")
    schema = label.on(pa.schema([("position", pa.int64())]))
    shared.write(name_of(label), iter(()), schema)
    with pytest.raises(UserError, match="workers of another version of touchloop"):
        followed(root, shared)


@pytest.mark.published
def test_a_backfill_of_files_and_topics_gives_the_same_tables(
    tmp_path: Path, broker: FakeBroker, undisturbed: Any
) -> None:
    """Half as files, half as messages, by the bounded job; a second backfill finds nothing, and so does a run."""
    root, shared = with_topics(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    items = payloads()
    put(root, items[::2])
    produce(broker, items[1::2])
    done = ingest_bounded(Workspace(root), Runner(), shared, clock=NOW, say=lambda text: None)
    assert done.files == len(items[::2])
    assert done.ranges > 0
    followed(root, shared)
    assert tables(root) == undisturbed
    again = ingest_bounded(Workspace(root), Runner(), shared, clock=NOW, say=lambda text: None)
    assert (again.files, again.ranges) == (0, 0)
    assert run(root).records == 0


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_backfill(
    tmp_path: Path, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, shared = example(tmp_path / "w"), SharedFolder(str(tmp_path / "landing"))
    put(root, payloads())
    from pipelines.cluster import jobs

    victim = next((root / "inbox" / "slack").rglob("*.json"))
    whole = victim.read_bytes()
    read = jobs.read_batches

    def meddle(*arguments: Any) -> Any:
        yield from read(*arguments)
        victim.write_bytes(whole + b"\n")

    monkeypatch.setattr(jobs, "read_batches", meddle)
    ingest_bounded(Workspace(root), Runner(), shared, clock=NOW, say=lambda text: None)
    monkeypatch.undo()
    followed(root, shared)
    with snapshot(root, published=False) as made:
        location = victim.relative_to(root).as_posix()
        assert made.execute("SELECT count(*) FROM ledger_unit WHERE location = ?", [location]).fetchone() == (0,)
    ingest_bounded(Workspace(root), Runner(), shared, clock=NOW, say=lambda text: None)
    followed(root, shared)
    assert tables(root) == undisturbed


@pytest.mark.parametrize("runner", ["FnApiRunner", "DirectRunner"])
def test_a_source_without_an_end_is_refused_on_a_runner_without_checkpoints(tmp_path: Path, runner: str) -> None:
    root = with_topics(tmp_path / "w")
    with pytest.raises(SettingsError, match="--streaming needs a runner with checkpoints"):
        ingest_endless(Workspace(root), Runner(runner), SharedFolder(str(tmp_path / "l")), say=lambda text: None)


def test_a_job_begins_at_no_offset_that_the_broker_does_not_have_yet(tmp_path: Path, broker: FakeBroker) -> None:
    """It would fail on the cluster, where nobody looks."""
    root = with_topics(tmp_path / "w")
    produce(broker, payloads())
    where, end = next((where, end) for where, end in broker.end.items() if end)
    given = {f"{where.topic}/{where.partition}": end + 1}
    landing = SharedFolder(str(tmp_path / "l"))
    with pytest.raises(SettingsError, match=f"={end + 1}: the broker ends at offset {end}"):
        ingest_endless(Workspace(root), Runner("FlinkRunner"), landing, offsets=given, say=lambda text: None)
