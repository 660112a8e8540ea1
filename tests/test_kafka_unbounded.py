"""The source without an end: every offset once while nothing fails, checkpoints that are resumed from, gaps that are told of."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from fake_kafka import FakeBroker, connected, connection

from pipelines.errors import KafkaRefused
from pipelines.kafka.unbounded import KafkaSource, Positions, Start
from pipelines.reading.label import Label

VALUE = b'{"type": "event_callback"}'


def source(broker: FakeBroker, *starts: Start) -> KafkaSource:
    return KafkaSource(connection(broker, chat="slack"), starts)


def read(reader: Any, looks: int = 20) -> list[Any]:
    """Batches until a few looks in a row gave nothing."""
    found = []
    idle = 0
    more = reader.start()
    while idle < 3 and looks:
        if more:
            found.append(reader.get_current())
            idle = 0
        else:
            idle += 1
        looks -= 1
        more = reader.advance()
    return found


def spans(batches: list[Any]) -> list[tuple[int, int, int, bool]]:
    labels = [Label.of(batch.schema) for batch in batches]
    return [(one.partition, one.start, one.end, one.is_gap) for one in labels]


def positions(batches: list[Any]) -> list[int]:
    return [position for batch in batches for position in batch.column("position").to_pylist()]


def test_every_poll_is_one_batch_that_says_its_offsets() -> None:
    broker = FakeBroker()
    broker.produce("chat", VALUE, VALUE, VALUE)
    with connected(broker):
        reader = source(broker, Start("chat", 0, "slack")).create_reader(None, None)
        first = read(reader)
        broker.produce("chat", VALUE)
        second = read(reader)
    assert spans(first) == [(0, 0, 3, False)]
    assert spans(second) == [(0, 3, 4, False)]
    assert positions(first + second) == [0, 1, 2, 3]


def test_a_reader_goes_on_after_what_had_been_given_when_the_checkpoint_was_made() -> None:
    """What was read ahead and not given is read again."""
    broker = FakeBroker()
    for number in range(2):
        broker.produce("chat", VALUE, VALUE, partition=number)
    made = source(broker, Start("chat", 0, "slack"), Start("chat", 1, "slack"))
    coder = made.get_checkpoint_mark_coder()
    with connected(broker):
        reader = made.create_reader(None, None)
        assert reader.start()
        mark = coder.decode(coder.encode(reader.get_checkpoint_mark()))
        assert mark.following == {"chat/0": 2}
        assert spans(read(made.create_reader(None, mark))) == [(1, 0, 2, False)]


def test_a_start_behind_retention_tells_of_the_gap() -> None:
    broker = FakeBroker()
    broker.produce("chat", *[VALUE] * 6)
    broker.delete_before("chat", 4)
    with connected(broker):
        found = read(source(broker, Start("chat", 0, "slack", ledger=1)).create_reader(None, None))
    assert spans(found) == [(0, 1, 4, True), (0, 4, 6, False)]
    assert found[0].num_rows == 0


def test_a_checkpoint_behind_retention_tells_of_the_gap() -> None:
    broker = FakeBroker()
    broker.produce("chat", *[VALUE] * 6)
    broker.delete_before("chat", 5)
    with connected(broker):
        found = read(source(broker, Start("chat", 0, "slack")).create_reader(None, Positions({"chat/0": 3})))
    assert spans(found) == [(0, 3, 5, True), (0, 5, 6, False)]


def test_offsets_left_out_by_wish_are_told_of() -> None:
    broker = FakeBroker()
    broker.produce("chat", *[VALUE] * 6)
    with connected(broker):
        found = read(source(broker, Start("chat", 0, "slack", ledger=1, wanted=5)).create_reader(None, None))
    assert spans(found) == [(0, 1, 5, True), (0, 5, 6, False)]


def test_markers_alone_are_a_batch_without_rows() -> None:
    """Else the ledger would never reach the broker's end, and the next range would not follow on."""
    broker = FakeBroker()
    broker.produce("chat", VALUE)
    with connected(broker):
        reader = source(broker, Start("chat", 0, "slack")).create_reader(None, None)
        read(reader)
        broker.markers("chat", 2)
        found = read(reader)
    assert spans(found) == [(0, 1, 3, False)]
    assert found[0].num_rows == 0


def test_a_broker_that_is_away_is_waited_for() -> None:
    """An outage is no fault of the job: nothing is lost, and nothing given twice."""
    broker = FakeBroker()
    broker.produce("chat", VALUE)
    with connected(broker):
        reader = source(broker, Start("chat", 0, "slack")).create_reader(None, None)
        first = read(reader)
        broker.down = True
        assert not reader.advance()
        assert not reader.advance()
        broker.down = False
        broker.produce("chat", VALUE)
        assert positions(first + read(reader)) == [0, 1]


def test_a_refusal_stops_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = FakeBroker()
    broker.produce("chat", VALUE)
    with connected(broker):
        reader = source(broker, Start("chat", 0, "slack")).create_reader(None, None)

        def refuse(*_: object, **__: object) -> None:
            raise KafkaRefused("no rights")

        monkeypatch.setattr("pipelines.kafka.reader.PartitionReader.poll", refuse)
        with pytest.raises(KafkaRefused):
            reader.start()


def test_a_topic_made_anew_stops_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it holds now would be skipped. A broker that has less for a moment, having just come back, stops nothing."""
    broker, again = FakeBroker(), FakeBroker()
    broker.produce("chat", *[VALUE] * 6)
    again.produce("chat", VALUE, VALUE)
    made = source(broker, Start("chat", 0, "slack"))
    with connected(broker):
        reader = made.create_reader(None, None)
        read(reader)
        mark = reader.get_checkpoint_mark()
    monkeypatch.setattr("pipelines.kafka.broker.time.sleep", lambda _: None)
    with connected(again):
        with pytest.raises(KafkaRefused, match="chat/0: this job goes on at offset 6, but the broker at 2"):
            made.create_reader(None, mark).start()
        monkeypatch.setattr("pipelines.kafka.broker.time.sleep", lambda _: again.produce("chat", *[VALUE] * 5))
        assert spans(read(made.create_reader(None, mark))) == [(0, 6, 7, False)]


def test_partitions_are_dealt_out_once() -> None:
    made = source(FakeBroker(), *(Start("chat", n, "slack") for n in range(7)))
    split = made.split(3)
    assert [len(one.starts) for one in split] == [3, 2, 2]
    assert sorted(s.number for one in split for s in one.starts) == list(range(7))
    assert pickle.loads(pickle.dumps(split[0])).starts == split[0].starts
