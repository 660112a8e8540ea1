"""Topics in an increment and in a stream, on a broker in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from fake_kafka import FakeBroker, connected
from test_cli import touchloop
from workspaces import AS_OF, SOURCES, Unaudited, conservation, contents, example, payloads, put, run, snapshot

from pipelines import stream as streaming
from pipelines.ahead import Ahead, Found
from pipelines.errors import BrokerUnavailable, KafkaRefused, TooManyRejects
from pipelines.increment import turns
from pipelines.kafka.plan import KafkaUnit
from pipelines.run import Session
from pipelines.stream import Progress, Stopping, stream
from pipelines.summary import Summary
from pipelines.workers import Workers
from pipelines.workspace import Workspace
from transforms.times import parse_iso

TOPICS = {source: f"native.{source}" for source in SOURCES}
KAFKA = (
    '\n[kafka]\nbootstrap_servers = "memory:9092"\ngroup_id = "told"\nmax_records_per_increment = 7\n[kafka.topics]\n'
)
NOW = parse_iso(AS_OF, "as_of")


@pytest.fixture
def unaudited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.run.Publication", Unaudited)


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    made = FakeBroker()
    with connected(made):
        yield made


def with_topics(root: Path) -> Path:
    """The worked example's workspace with every source mapped to a topic of its own, and nothing in the inbox but the directory."""
    example(root)
    mapping = "".join(f'"{topic}" = "{source}"\n' for source, topic in TOPICS.items())
    toml = root / "touchloop.toml"
    toml.write_text(toml.read_text() + KAFKA + mapping + '"by.header" = "headers"\n')
    return root


def produce(broker: FakeBroker, items: list[tuple[str, bytes]], partitions: int = 3) -> None:
    for number, (name, data) in enumerate(items):
        broker.produce(TOPICS[name.split("/")[0]], data, partition=number % partitions)


def caught_up(root: Path, **options: Any) -> tuple[Progress, list[str], list[Summary]]:
    """A stream until it is caught up: progress, what it said, and its increments."""
    said: list[str] = []
    made: list[Summary] = []
    workspace = Workspace(root)
    with workspace.writer():
        given: dict[str, Any] = {"every": 0.01, "until_caught_up": True} | options
        progress = stream(
            workspace, clock=lambda: NOW, fixed=True, say=said.append, done=lambda s, _: made.append(s), **given
        )
    return progress, said, made


def ledger(root: Path) -> list[tuple[Any, ...]]:
    with snapshot(root, published=False) as connection:
        return connection.execute(
            """SELECT kind, location, range_start, range_end, record_count, rejected_count FROM ledger_unit
               WHERE kind <> 'file' ORDER BY location, range_start"""
        ).fetchall()


def ends_of(broker: FakeBroker) -> dict[str, int]:
    return {f"{where.topic}/{where.partition}": end for where, end in broker.end.items() if end}


def large_landings(root: Path) -> Path:
    toml = root / "touchloop.toml"
    toml.write_text(toml.read_text().replace("max_records_per_increment = 7", "max_records_per_increment = 500"))
    return root


def test_topics_give_the_tables_that_files_give(tmp_path: Path, broker: FakeBroker) -> None:
    """The same payloads as messages: every table but the ledger and the arrival is equal, in a run and in a stream of small increments."""
    files = example(tmp_path / "files")
    put(files, payloads())
    run(files)
    produce(broker, payloads())
    once = with_topics(tmp_path / "once")
    summary = run(once)
    assert summary.lag
    assert set(summary.lag.values()) == {0}
    streamed = with_topics(tmp_path / "streamed")
    caught_up(streamed)
    with snapshot(files) as expected, snapshot(once) as run_once, snapshot(streamed) as in_a_stream:
        conservation(run_once)
        conservation(in_a_stream)
        assert contents(run_once) == contents(expected)
        assert contents(in_a_stream) == contents(expected)


@pytest.mark.usefixtures("unaudited")
def test_offsets_are_landed_once_and_without_a_hole(tmp_path: Path, broker: FakeBroker) -> None:
    """What arrives later is a further range behind the last one; the group is told, and never asked."""
    root = with_topics(tmp_path)
    produce(broker, payloads())
    caught_up(root)
    broker.committed.clear()
    produce(broker, payloads())
    _, _, (second,) = caught_up(root)
    assert second.duplicate == second.records - second.ignored - second.rejected
    with snapshot(root, published=False) as connection:
        holes = connection.execute(
            """SELECT * FROM (SELECT location, range_start, lag(range_end, 1, 0) OVER (PARTITION BY location ORDER BY range_start) AS ended
               FROM ledger_unit WHERE kind = 'kafka') WHERE range_start <> ended"""
        ).fetchall()
        assert holes == []
        assert dict(
            connection.execute(
                "SELECT location, max(range_end) FROM ledger_unit WHERE kind = 'kafka' GROUP BY 1"
            ).fetchall()
        ) == ends_of(broker)
    assert broker.committed == {w: e for w, e in broker.end.items() if e}


class Meanwhile:
    """A stream that reads ahead in this process, for the broker is in its memory; some messages come before it does, some after.

    ``taken``: the ranges that each increment found read, and those that it read itself.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, broker: FakeBroker, arriving: list[tuple[str, bytes]], portion: int = 4
    ) -> None:
        self.taken: list[tuple[list[KafkaUnit], list[KafkaUnit]]] = []
        begin, settle, take = Ahead.begin, Ahead.settle, Ahead.take

        def arrive() -> None:
            produce(broker, arriving[:portion], partitions=1)
            del arriving[:portion]

        def begun(ahead: Ahead, *given: Any) -> None:
            arrive()
            begin(ahead, *given)

        def settled(ahead: Ahead) -> None:
            settle(ahead)
            arrive()

        def took(ahead: Ahead, ranges: list[KafkaUnit]) -> tuple[Found, list[KafkaUnit]]:
            found, rest = take(ahead, ranges)
            self.taken.append((found.units, rest))
            return found, rest

        for name, what in (("begin", begun), ("settle", settled), ("take", took)):
            monkeypatch.setattr(Ahead, name, what)
        monkeypatch.setattr("pipelines.ahead.WORTH_IT", 1)
        monkeypatch.setattr(Workers, "run", lambda _, function, jobs, **__: [function(job) for job in jobs])


def test_what_comes_in_meanwhile_is_read_ahead(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges read while the marts were built are landed by the next increment, with what came behind them: the tables are those of files."""
    files = example(tmp_path / "files")
    put(files, payloads())
    run(files)
    root = large_landings(with_topics(tmp_path / "streamed"))
    produce(broker, payloads()[:3])
    meanwhile = Meanwhile(monkeypatch, broker, payloads()[3:])
    caught_up(root)
    assert any(
        read.end == left.start for found, rest in meanwhile.taken for read in found for left in rest
        if read.location == left.location
    )  # fmt: skip
    with snapshot(files) as expected, snapshot(root) as streamed:
        conservation(streamed)
        assert contents(streamed) == contents(expected)
    ends: dict[str, int] = {}
    for _, location, start, end, *_ in ledger(root):
        assert start == ends.get(location, 0)
        ends[location] = end
    assert ends == ends_of(broker)
    assert not (root / "state" / "ahead").exists()


def test_reading_ahead_waits_for_its_time_and_keeps_nobody(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the last increment took an hour more than reading does, it is not yet begun when this one ends at once; else it is."""
    monkeypatch.setattr("pipelines.ahead.WORTH_IT", 1)
    monkeypatch.setattr(Workers, "run", lambda _, function, jobs, **__: [function(job) for job in jobs])
    produce(broker, payloads()[:6])
    with Session(Workspace(with_topics(tmp_path)), str, clock=lambda: NOW) as session:
        ahead = session.ahead
        assert ahead is not None
        for span, is_read in ((3600.0, False), (0.0, True)):
            ahead._span = span
            ahead.begin({})
            reading = ahead._reading
            assert reading is not None
            if is_read:
                reading.result()
            ahead.settle()
            assert ahead._span < 60
            assert bool(ahead._found.units) == is_read


@pytest.mark.usefixtures("unaudited")
def test_a_unit_was_seen_when_it_was_read(tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read ahead of its increment was received then, and landed when the ledger says."""
    root = with_topics(tmp_path)
    produce(broker, payloads()[:3])
    meanwhile = Meanwhile(monkeypatch, broker, payloads()[3:], portion=6)
    moments = iter(range(NOW, NOW + 1000))
    with Workspace(root).writer():
        stream(Workspace(root), every=0.01, until_caught_up=True, clock=lambda: next(moments), fixed=True, say=str)
    assert any(found for found, _ in meanwhile.taken)
    with snapshot(root, published=False) as connection:
        seen_before_it_landed = connection.execute(
            """SELECT count(*) FROM fact_event JOIN ledger_unit USING (unit_id) WHERE received_at < landed_at AND kind = 'kafka'"""
        ).fetchone()
        assert seen_before_it_landed is not None
        assert seen_before_it_landed[0] > 0
        assert connection.execute(
            "SELECT count(*) FROM fact_event JOIN ledger_unit USING (unit_id) WHERE received_at > landed_at"
        ).fetchone() == (0,)


def test_no_landing_is_larger_for_what_was_read_ahead() -> None:
    """What was read comes first, with the rest if it fits; nothing is left out or cut where it was read."""

    def unit(partition: int, start: int, end: int) -> KafkaUnit:
        return KafkaUnit.of("t", partition, start, end, "slack")

    read, rest = [unit(0, 0, 3), unit(1, 5, 7)], [unit(0, 3, 4), unit(2, 0, 1)]
    assert list(turns(read, rest, 7)) == [[*read, *rest]]
    assert list(turns(read, rest, 6)) == [read, rest]
    assert list(turns([], rest, 2)) == [rest]
    assert list(turns(read, [], 5)) == [read]
    large = [unit(0, 3, 30)]
    first, *others = turns(read, large, 6)
    assert first == read
    assert [(one.start, one.end) for (one,) in others] == [(3, 9), (9, 15), (15, 21), (21, 27), (27, 30)]


@pytest.mark.usefixtures("unaudited")
def test_a_range_that_was_refused_is_not_read_ahead(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream stops on it with everything before it landed, and what came behind it is left to the next start."""
    root = large_landings(with_topics(tmp_path))
    produce(broker, payloads()[:3])
    bad = [("slack/x", b"junk")] * 250
    meanwhile = Meanwhile(monkeypatch, broker, bad, portion=125)
    with pytest.raises(TooManyRejects, match=r"native\.slack"):
        caught_up(root)
    assert all(rejected == 0 for *_, rejected in ledger(root))
    assert meanwhile.taken


@pytest.mark.usefixtures("unaudited")
def test_a_broker_that_goes_away_while_it_is_read_ahead_stops_nothing(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The increment at work is published; the next one finds the broker away, and says so."""
    root = with_topics(tmp_path)
    monkeypatch.setattr(streaming, "FIRST_WAIT", 0.01)
    produce(broker, payloads()[:9])
    Meanwhile(monkeypatch, broker, payloads()[9:], portion=9)
    begin = Ahead.begin

    def begun(ahead: Ahead, *given: Any) -> None:
        broker.down = not said_so
        begin(ahead, *given)

    def show(progress: Progress) -> None:
        if progress.broker_away_since is not None:
            said_so.append(True)
            broker.down = False

    said_so: list[bool] = []
    monkeypatch.setattr(Ahead, "begin", begun)
    _, said, made = caught_up(root, show=show)
    assert any("does not answer" in text for text in said)
    assert len(made) > 1
    assert {location: end for _, location, _, end, *_ in ledger(root)} == ends_of(broker)


@pytest.mark.usefixtures("unaudited")
def test_nothing_new_is_no_increment(tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet stream looks at file entries and broker ends, and opens nothing; a new file and a new message wake it."""
    root = with_topics(tmp_path)
    produce(broker, payloads()[:3])
    stopping = Stopping()
    turns: list[int] = []

    def show(progress: Progress) -> None:
        turns.append(progress.increments)
        if len(turns) == 4:
            put(root, payloads()[5:6])
        elif len(turns) == 7:
            produce(broker, payloads()[6:7])
        elif len(turns) == 10:
            stopping.ask()

    caught_up(root, until_caught_up=False, show=show, stopping=stopping)
    assert turns == [1, 1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.usefixtures("unaudited")
def test_a_topic_that_goes_while_nothing_comes_in_is_told_once(tmp_path: Path, broker: FakeBroker) -> None:
    """Of a broker that came back with empty disks, too: without a word it would look like a quiet night."""
    root = with_topics(tmp_path)
    for topic in TOPICS.values():
        broker.produce(topic, *[b"{}"] * 3)
    stopping = Stopping()
    turns: list[int] = []

    def show(progress: Progress) -> None:
        turns.append(progress.increments)
        if len(turns) == 2:
            broker.log.clear()
        elif len(turns) == 5:
            stopping.ask()

    _, said, _ = caught_up(root, until_caught_up=False, show=show, stopping=stopping)
    assert turns == [1] * 5
    told = [text for text in said if "native.slack" in text]
    assert len(told) == 1
    assert told[0].startswith("kafka.topics: not at memory:9092 yet: native.slack, ")


@pytest.mark.usefixtures("unaudited")
def test_retention_that_was_faster_is_told_and_recorded(tmp_path: Path, broker: FakeBroker) -> None:
    """A gap is a ledger row with no records, a loud line, and reading goes on behind it."""
    root = with_topics(tmp_path)
    item = payloads()[0]
    topic = TOPICS[item[0].split("/")[0]]
    broker.produce(topic, item[1])
    caught_up(root)
    broker.produce(topic, *[item[1]] * 5)
    broker.delete_before(topic, 4)
    _, said, _ = caught_up(root)
    assert ledger(root)[-3:] == [
        ("kafka", f"{topic}/0", 0, 1, 1, 0),
        ("kafka_gap", f"{topic}/0", 1, 4, 0, 0),
        ("kafka", f"{topic}/0", 4, 6, 2, 0),
    ]
    assert any(f"DATA LOST: Kafka's retention removed offsets 1 to 3 of {topic}/0" in text for text in said)


@pytest.mark.usefixtures("unaudited")
def test_a_topic_made_anew_stops_the_stream(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its offsets are not those that the ledger knows; files still land."""
    monkeypatch.setattr("pipelines.kafka.broker.PAUSE_SECONDS", 0)
    root = with_topics(tmp_path)
    broker.produce("native.slack", b"{}", b"{}")
    caught_up(root)
    broker.end.clear()
    broker.log.clear()
    broker.produce("native.slack", b"{}")
    put(root, payloads()[:1])
    with pytest.raises(KafkaRefused, match=r"native\.slack/0: the ledger ends at offset 2, but the broker at 1"):
        caught_up(root)
    with snapshot(root, published=False) as connection:
        assert connection.execute(
            "SELECT count(*) FROM ledger_unit WHERE kind = 'file' AND source <> 'crm'"
        ).fetchone() == (1,)


@pytest.mark.usefixtures("unaudited")
def test_poison_blocks_nothing(tmp_path: Path, broker: FakeBroker) -> None:
    """Junk, an unknown system, an oversized message, a payload of another source, a tombstone: each in its place, the others land."""
    root = with_topics(tmp_path)
    toml = root / "touchloop.toml"
    toml.write_text(toml.read_text().replace("[kafka]\n", "[kafka]\nmax_message_bytes = 100000\n"))
    good = next(data for name, data in payloads() if name.startswith("slack/"))
    broker.produce("native.slack", b"\x01\xff junk", good, b"x" * 200_000, None, b"")
    broker.produce("native.slack", b"{}", ce_source="/teams/1")
    broker.produce("by.header", good, ce_source="/slack/T0001")
    broker.produce("by.header", good)
    broker.produce("native.intercom", good)
    caught_up(root)
    with snapshot(root, published=False) as connection:
        conservation(connection)
        rejects = connection.execute(
            "SELECT source, position, reason_code FROM rejected_record ORDER BY ALL"
        ).fetchall()
        ignored = connection.execute("SELECT source, reason, n FROM ignored_record_count ORDER BY ALL").fetchall()
        counts = connection.execute(
            "SELECT location, sum(record_count), sum(accepted_count) FROM ledger_unit WHERE kind = 'kafka' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert [(s, p, r) for s, p, r in rejects if s != "intercom"] == [
        ("slack", 0, "malformed_json"),
        ("slack", 2, "too_large"),
        ("teams", 5, "unknown_system"),
        ("unmapped", 1, "unknown_system"),
    ]
    assert len([r for r in rejects if r[0] == "intercom"]) == 1
    assert ignored == [("slack", "empty_message", 1), ("slack", "tombstone", 1)]
    # by.header's copy is found by its smaller payload hash, unit or position, whichever partition lands first
    assert [(where, records) for where, records, _ in counts] == [
        ("by.header/0", 2),
        ("native.intercom/0", 1),
        ("native.slack/0", 6),
    ]
    assert sum(accepted for *_, accepted in counts) == 1


@pytest.mark.usefixtures("unaudited")
def test_a_replay_takes_the_mapping_of_today(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reject of an unknown system stays one when it is tried again, and does not stop the others."""
    root = with_topics(tmp_path)
    broker.produce("native.slack", b"{}", ce_source="/teams/1")
    broker.produce("native.slack", b"junk")
    run(root)
    assert touchloop(monkeypatch, "rejects", "replay", "--workspace", str(root), "--as-of", AS_OF) == 0
    with snapshot(root, published=False) as connection:
        conservation(connection)
        assert connection.execute("SELECT source, outcome FROM rejected_record ORDER BY 1").fetchall() == [
            ("slack", "rejected"),
            ("teams", "rejected"),
        ]


@pytest.mark.usefixtures("unaudited")
def test_too_many_rejects_hold_one_partition_only(tmp_path: Path, broker: FakeBroker) -> None:
    """The range is left out, and nothing of its partition behind it lands; the ranges before, and the other partitions, have."""
    root = with_topics(tmp_path)
    toml = root / "touchloop.toml"
    toml.write_text(
        toml.read_text().replace("max_records_per_increment = 7", "max_records_per_increment = 20")
        + "\n[rejects]\nmin_records = 5\n"
    )
    good = [data for name, data in payloads() if name.startswith("slack/")]
    broker.produce("native.slack", *(good * 10)[:10], partition=0)
    broker.produce("native.slack", *[b"junk"] * 12, partition=0)
    broker.produce("native.slack", *(good * 10)[:35], partition=1)
    with pytest.raises(
        TooManyRejects, match=r"native.slack/0, offsets 10 to 19: 10 of 10 records were rejected by the slack adapter"
    ):
        caught_up(root)
    assert [(location, start, end) for _, location, start, end, *_ in ledger(root)] == [
        ("native.slack/0", 0, 10), ("native.slack/1", 0, 10), ("native.slack/1", 10, 20), ("native.slack/1", 20, 30), ("native.slack/1", 30, 35)
    ]  # fmt: skip
    with snapshot(root, published=False) as connection:
        conservation(connection)


@pytest.mark.usefixtures("unaudited")
def test_a_stream_waits_for_the_broker_and_says_so(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that the broker is away, then at each doubling of its wait, then that it is back; files land meanwhile."""
    monkeypatch.setattr(streaming, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(streaming, "LONGEST_WAIT", 0.2)
    root = with_topics(tmp_path)
    put(root, payloads()[:2])
    produce(broker, payloads()[2:5])
    broker.down = True
    turns: list[float | None] = []

    def show(progress: Progress) -> None:
        turns.append(progress.broker_away_since)
        broker.down = len(turns) < 20

    _, said, made = caught_up(root, show=show)
    away = [text for text in said if "does not answer" in text]
    assert [text.rsplit("next try in ", 1)[1] for text in away] == ["0.05 s", "0.1 s", "0.2 s"]
    assert sum("Kafka is back after" in text for text in said) == 1
    assert made[0].units == 2
    assert {where[1] for where in ledger(root)} == {f"{w.topic}/{w.partition}" for w, end in broker.end.items() if end}


def test_a_run_without_its_broker_lands_the_files_and_fails(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 and one sentence; what is in the inbox is published."""
    root = with_topics(tmp_path)
    put(root, payloads()[:2])
    broker.down = True
    assert touchloop(monkeypatch, "run", "--workspace", str(root), "--as-of", AS_OF) == 1
    assert "Kafka at memory:9092 does not answer" in " ".join(capsys.readouterr().err.split())
    with snapshot(root) as connection:
        assert connection.execute("SELECT count(*) FROM ledger_unit WHERE source <> 'crm'").fetchone() == (2,)
    with pytest.raises(BrokerUnavailable):
        run(root)


def rows_in_parquet(snapshot: Path, table: str) -> int:
    """Of a table, in the files of one snapshot; the manifest says the same."""
    manifest = json.loads((snapshot / "parquet" / "manifest.json").read_text())["tables"][table]
    rows = sum(pq.read_metadata(snapshot / "parquet" / file["path"]).num_rows for file in manifest["files"])
    assert rows == manifest["rows"]
    return rows


def rows_in_database(snapshot: Path, table: str) -> int:
    with duckdb.connect(str(snapshot / "touchloop.duckdb"), read_only=True) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def paced(root: Path, seconds: float) -> Path:
    toml = root / "touchloop.toml"
    toml.write_text(f"{toml.read_text()}\n[publish]\nparquet_every_seconds = {seconds}\n")
    return root


@pytest.mark.parametrize("seconds", [3600, 0])
def test_parquet_files_follow_the_database_at_their_own_pace(
    tmp_path: Path, broker: FakeBroker, seconds: float
) -> None:
    """While a stream has no pause, a snapshot may keep whole files of an earlier one; once there is nothing new they are the database's."""
    root = paced(with_topics(tmp_path), seconds)
    arriving = payloads()
    seen = []

    def clock() -> int:
        now = root / "published" / "current"
        if now.exists():
            now = now.resolve()
            rows = rows_in_database(now, "fact_event"), rows_in_parquet(now, "fact_event")
            seen.append((*rows, (now / "report" / "index.html").exists()))
        produce(broker, arriving[:8])
        del arriving[:8]
        return NOW

    with Workspace(root).writer():
        stream(Workspace(root), every=0.01, until_caught_up=True, clock=clock, fixed=True, say=str)
    assert len(seen) > 2
    assert all(report for *_, report in seen)
    assert any(files < database for database, files, _ in seen) == bool(seconds)
    last = (root / "published" / "current").resolve()
    assert rows_in_database(last, "fact_event") == rows_in_parquet(last, "fact_event") > seen[0][0]
    with snapshot(root) as connection:
        conservation(connection)


def test_files_that_take_long_are_made_less_often(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An increment a second, and files that take three: every 30 seconds, though the settings say 5."""
    elapsed, made = [0.0], []

    class Slow(Unaudited):
        def carry_out(self, *, files: bool = True) -> None:
            super().carry_out()
            self.has_files = files

        def add_files(self, *, beside: bool) -> None:
            made.append(elapsed[0])
            elapsed[0] += 3

    monkeypatch.setattr("pipelines.run.Publication", Slow)
    monkeypatch.setattr("pipelines.run.time.monotonic", lambda: elapsed[0])
    workspace = Workspace(paced(with_topics(tmp_path), 5))
    with workspace.writer(), Session(workspace, str, beside=True) as session:
        for _ in range(70):
            session._carry_out(Slow(workspace, object(), "run"))  # type: ignore[arg-type]
            elapsed[0] += 1
    assert made == [0, 30, 60]


def test_files_that_a_killed_stream_owes_come_with_the_next_run(tmp_path: Path, broker: FakeBroker) -> None:
    """The database of its last snapshot has the files of one before; a run with nothing new makes it whole."""
    root = paced(with_topics(tmp_path), 3600)
    workspace = Workspace(root)
    with workspace.writer(), Session(workspace, str, beside=True) as session:
        for part in (payloads()[:4], payloads()[4:8], payloads()[8:]):
            produce(broker, part)
            session.once(NOW, fixed=True)
        session.settle()  # and no rest
    killed = (root / "published" / "current").resolve()
    assert rows_in_parquet(killed, "fact_event") < rows_in_database(killed, "fact_event")
    run(root)
    after = (root / "published" / "current").resolve()
    assert rows_in_parquet(after, "fact_event") == rows_in_database(after, "fact_event")
    assert rows_in_database(after, "fact_event") == rows_in_database(killed, "fact_event")
    assert run(root).snapshot
    assert (root / "published" / "current").resolve() == after


@pytest.mark.usefixtures("unaudited")
def test_a_stream_prints_a_line_of_json_per_increment(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = with_topics(tmp_path)
    produce(broker, payloads())
    assert (
        touchloop(monkeypatch, "stream", "--until-caught-up", "--json", "--workspace", str(root), "--as-of", AS_OF) == 0
    )
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (
        told["records"] == told["accepted"] + told["duplicate"] + told["ignored"] + told["rejected"] >= len(payloads())
    )


@pytest.mark.parametrize(
    ("kafka", "message"),
    [
        ('bootstrap_servers = "a:1"\nsasl_password = "hunter2"', "kafka.sasl_password: user names, passwords and tokens are not settings"),
        ('bootstrap_servers = "a:1"\n[kafka.topics]\nt = "teams"', "kafka.topics.t: 'teams' is no source"),
        ('bootstrap_servers = "a"\n[kafka.topics]\nt = "slack"', "kafka.bootstrap_servers: 'a' is no host:port"),
        ('bootstrap_servers = "a:65536"\n[kafka.topics]\nt = "slack"', "kafka.bootstrap_servers: 'a:65536' is no host:port"),
        ('bootstrap_servers = "hunter2\\u0000"\n[kafka.topics]\nt = "slack"', "kafka.bootstrap_servers: there is a NUL character in it"),
        ('bootstrap_servers = "a:1"\n[kafka.topics]\n"sales.*" = 3', "kafka.topics.sales.*: 3: Expected `str`, got `int`"),
        ('bootstrap_servers = "me:hunter2@a:1"\n[kafka.topics]\nt = "slack"', "kafka.bootstrap_servers: an entry is no host:port"),
        ('bootstrap_servers = "a:1"\nsecurity_protocol = "SASL_SSL"\n[kafka.topics]\nt = "slack"', "SASL_SSL needs one"),
        ('bootstrap_servers = "a:1"\nsasl_mechanism = "PLAIN"\n[kafka.topics]\nt = "slack"', "PLAINTEXT has none"),
        ('bootstrap_servers = "a:1"\nmax_message_bytes = 0\n[kafka.topics]\nt = "slack"', "kafka.max_message_bytes: 0: Expected `int` >= 1"),
        ('bootstrap_servers = "a:1"\n[kafka.topics]\n', "kafka.topics: maps no topic"),
        ('bootstrap_servers = "a:1"\n[kafka.topics]\n"" = "slack"\n', "kafka.topics: '' is no topic's name"),
    ],
)  # fmt: skip
def test_bad_kafka_settings_name_the_key_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kafka: str, message: str
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "touchloop.toml").write_text(f"[kafka]\n{kafka}\n")
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path)) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "hunter2" not in error


def test_a_missing_secret_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which variable of the environment it belongs in."""
    monkeypatch.delenv("TOUCHLOOP_KAFKA_USERNAME", raising=False)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "touchloop.toml").write_text(
        '[kafka]\nbootstrap_servers = "127.0.0.1:1"\nsecurity_protocol = "SASL_PLAINTEXT"\nsasl_mechanism = "PLAIN"\n[kafka.topics]\nt = "slack"'
    )
    assert touchloop(monkeypatch, "run", "--workspace", str(tmp_path)) == 2
    assert "set TOUCHLOOP_KAFKA_USERNAME in the environment" in " ".join(capsys.readouterr().err.split())
