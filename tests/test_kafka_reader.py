"""From messages to raw records, and ranges read to their end."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from fake_kafka import FakeBroker, Message, connected, connection
from hypothesis import given
from hypothesis import strategies as st
from kafka import errors as faults

from pipelines.errors import BrokerUnavailable, OffsetsGone, SettingsError
from pipelines.kafka import reader
from pipelines.kafka.broker import look
from pipelines.kafka.connection import Connection
from pipelines.kafka.plan import ITEM_STRIDE, KafkaUnit, plan_ranges
from pipelines.kafka.reader import PartitionReader, read_ranges
from pipelines.kafka.records import Messages
from pipelines.kafka.topics import UnknownSystem, source_of_topic, system_of
from pipelines.settings import Kafka
from transforms.records import records, records_in
from transforms.sources import Context, all_sources

SETTINGS = Kafka(bootstrap_servers="memory:9092", topics={"t": "segment"}, max_message_bytes=10_000)


def rows(value: bytes | None, *, mapped: str = "segment", **headers: str) -> list[tuple[Any, ...]]:
    """(system, position, payload, reason) of one message at offset 7."""
    message = Message(7, value, tuple((key, text.encode()) for key, text in headers.items()))
    return [(r[1], r[3], r[4], r[5]) for r in Messages(SETTINGS).rows("u", mapped, "t/0", message)]


def test_a_message_is_a_record_at_its_offset() -> None:
    assert rows(b'{"type":"track"}') == [("segment", 7, b'{"type":"track"}', None)]


def test_items_of_a_message_have_positions_of_their_own() -> None:
    """An array, lines and a batch fall into their items; the first keeps the offset as its position."""
    two = [("segment", 7, b'{"a":1}', None), ("segment", 7 + ITEM_STRIDE, b'{"a":2}', None)]
    assert rows(b'[{"a":1},{"a":2}]') == two
    assert rows(b'{"a":1}\n{"a":2}\n') == two
    batch = rows(json.dumps({"batch": [{"type": "track", "n": 1}, {"type": "track", "n": 2}]}).encode())
    assert [r[1] for r in batch] == [7, 7 + ITEM_STRIDE]


def test_a_compressed_value_is_read_as_a_compressed_file_is() -> None:
    assert rows(gzip.compress(b'{"a":1}')) == [("segment", 7, b'{"a":1}', None)]
    damaged = rows(gzip.compress(b'{"a":1}\n' * 1000)[:-10])
    assert damaged[-1][3] == "corrupt_compression"
    lines = gzip.compress(b"a\tb\nc\td\n", 0)[:-10]
    assert [r[2:] for r in rows(lines, mapped="snowplow")] == [(b"a\tb", None), (b"c\t", "corrupt_compression")]
    assert rows(lines[:12], mapped="snowplow") == [("snowplow", 7, lines[:12], "corrupt_compression")]


def test_what_holds_nothing_is_still_one_record() -> None:
    """Conservation counts messages: a tombstone and blanks are rows that will be ignored."""
    assert rows(None) == [("segment", 7, b"", "tombstone")]
    assert rows(b" \n") == [("segment", 7, b"", "empty_message")]


def test_too_large_a_message_keeps_its_beginning() -> None:
    assert rows(b"x" * 100_000) == [("segment", 7, b"x" * 65_536, "too_large")]


@pytest.mark.parametrize(
    ("headers", "system"),
    [
        ({}, "segment"),
        ({"content-type": "application/json"}, "segment"),
        ({"ce_source": "/slack/T0001"}, "slack"),
        ({"ce_source": "//bus.example.com/zoom/meetings"}, "zoom"),
        ({"ce_source": "urn:source:Intercom"}, "intercom"),
        ({"ce_source": "https://example.com/crm", "ce_type": "com.zoom.meeting.started"}, "zoom"),
        ({"ce_type": "com.slack.message"}, "slack"),
    ],
)
def test_headers_win_over_the_topic(headers: dict[str, str], system: str) -> None:
    """ce_source, then ce_type, then what the settings say of the topic."""
    assert system_of([(k, v.encode()) for k, v in headers.items()], "segment") == system


@pytest.mark.parametrize(
    ("headers", "mapped", "name"),
    [
        ({"ce_source": "/teams/x"}, "slack", "teams"),
        ({"ce_source": "/Ünknown System/"}, "slack", "unmapped"),
        ({"ce_type": "com.example.thing"}, "slack", "unmapped"),
        ({"ce_source": "http://[broken"}, "slack", "unmapped"),
        ({}, "headers", "unmapped"),
    ],
)
def test_an_unknown_system_is_a_reject(headers: dict[str, str], mapped: str, name: str) -> None:
    """It is not taken for what the topic says, and the partition goes on."""
    found = system_of([(k, v.encode()) for k, v in headers.items()], mapped)
    assert isinstance(found, UnknownSystem)
    assert found.name == name
    assert rows(b"{}", mapped=mapped, **headers) == [(name, 7, b"{}", "unknown_system")]


def test_an_exact_topic_wins_and_two_patterns_are_refused() -> None:
    topics = {"crm.*": "slack", "crm.zoom": "zoom", "*.mail": "email"}
    assert source_of_topic("crm.zoom", topics) == "zoom"
    assert source_of_topic("crm.eu", topics) == "slack"
    assert source_of_topic("other", topics) is None
    with pytest.raises(SettingsError, match=r"the topic crm.mail fits 'crm.\*' = 'slack', '\*.mail' = 'email'"):
        source_of_topic("crm.mail", topics)


@given(
    st.sampled_from(sorted(all_sources())),
    st.one_of(
        st.binary(max_size=200),
        st.text(alphabet='{}[]",:\n\r\t a1\ufeff', max_size=40).map(str.encode),
        st.recursive(
            st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_a_message_frames_as_a_file_of_the_same_bytes(source: str, value: bytes) -> None:
    """The quick way of a single object or line gives what the framing of a file gives."""
    spec, context = all_sources()[source], Context(name="t/0")
    assert list(records_in(spec, value, context)) == list(records(spec, io.BytesIO(value), context))


def read(broker: FakeBroker, landed: dict[str, int] | None = None) -> list[tuple[int, bytes]]:
    with connected(broker):
        where = connection(broker, t="segment")
        plan = plan_ranges(look(where), landed or {})
        batches = list(read_ranges(where, plan.ranges, 3))
    return [row for b in batches for row in zip(b["position"].to_pylist(), b["payload"].to_pylist(), strict=True)]


def test_a_range_is_read_whole_in_batches() -> None:
    broker = FakeBroker()
    broker.produce("t", *(b'{"n":%d}' % n for n in range(10)))
    broker.produce("t", b'{"n":10}', partition=1)
    assert sorted(payload for _, payload in read(broker)) == sorted(b'{"n":%d}' % n for n in range(11))
    assert [position for position, _ in read(broker, {"t/0": 8, "t/1": 1})] == [8, 9]


def test_several_ranges_of_one_partition_are_all_read() -> None:
    """Not only the last of them, whatever lies between."""
    broker = FakeBroker()
    broker.produce("t", *(b'{"n":%d}' % n for n in range(9)))
    units = [KafkaUnit.of("t", 0, start, end, "segment") for start, end in ((0, 2), (2, 4), (7, 9))]
    with connected(broker):
        batches = list(read_ranges(connection(broker, t="segment"), units, 100))
    assert [p for b in batches for p in b["position"].to_pylist()] == [0, 1, 2, 3, 7, 8]
    assert {u for b in batches for u in b["unit_id"].to_pylist()} == {unit.unit_id for unit in units}


def test_a_range_that_ends_in_a_gap_ends() -> None:
    """Transaction markers and compacted records at the end have offsets and no messages; reading does not wait for them."""
    broker = FakeBroker()
    broker.produce("t", b"{}", b"{}", b"{}")
    broker.compact("t", keep={1})
    broker.markers("t", 2)
    assert [position for position, _ in read(broker)] == [1]
    broker = FakeBroker()
    broker.topic("t")
    broker.markers("t", 4)
    assert read(broker) == []


def test_records_behind_the_range_are_left() -> None:
    """What arrives while a range is read belongs to the next."""
    broker = FakeBroker()
    broker.produce("t", b"{}", b"{}")
    with connected(broker):
        where = connection(broker, t="segment")
        plan = plan_ranges(look(where), {})
        broker.produce("t", b"{}", b"{}")
        assert sum(b.num_rows for b in read_ranges(where, plan.ranges, 100)) == 2
        assert sum(b.num_rows for b in read_ranges(where, plan_ranges(look(where), {"t/0": 2}).ranges, 100)) == 2


def test_offsets_that_vanish_between_plan_and_reading_are_told() -> None:
    broker = FakeBroker()
    broker.produce("t", b"{}", b"{}", b"{}")
    with connected(broker):
        where = connection(broker, t="segment")
        plan = plan_ranges(look(where), {})
        broker.delete_before("t", 2)
        with pytest.raises(OffsetsGone):
            list(read_ranges(where, plan.ranges, 100))


def test_a_broker_that_is_away_is_an_outage() -> None:
    broker = FakeBroker()
    broker.down = True
    with connected(broker), pytest.raises(BrokerUnavailable, match="Kafka at memory:9092 does not answer"):
        look(connection(broker, t="segment"))


def test_a_broker_that_answers_first_and_then_does_not_may_name_a_wrong_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Told of a consumer that has just been opened; one that was at work before has met an outage."""
    broker = FakeBroker()
    broker.produce("t", b"{}")
    where = connection(broker, t="segment")

    def refuse(consumer: Any) -> set[str]:
        raise faults.KafkaConnectionError("111 ECONNREFUSED")

    with connected(broker), monkeypatch.context() as patched:
        look(where)
        patched.setattr("fake_kafka.FakeConsumer.topics", refuse)
        with pytest.raises(BrokerUnavailable) as outage:
            look(where)
        with pytest.raises(BrokerUnavailable) as misled:
            look(where)
    assert "advertised.listeners" not in str(outage.value)
    assert "ECONNREFUSED. It did a moment ago" in str(misled.value)
    assert "advertised.listeners" in str(misled.value)


@pytest.mark.parametrize("key", ["ssl_cafile", "ssl_certfile"])
def test_a_file_that_is_no_certificate_is_named_and_not_waited_for(tmp_path: Path, key: str) -> None:
    (tmp_path / "some.pem").write_text("no certificate")
    given: dict[str, Any] = {key: "some.pem"}
    kafka = Kafka(bootstrap_servers="memory:9092", topics={}, security_protocol="SSL", **given)
    with pytest.raises(SettingsError, match=rf"kafka\.{key}: .*some\.pem is no certificate in PEM"):
        Connection(tmp_path, kafka).options()


def test_a_range_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that answers and sends nothing does not hold the increment for ever."""
    monkeypatch.setattr(reader, "STALL_SECONDS", -1)
    broker = FakeBroker()
    broker.produce("t", b"{}")
    with connected(broker):
        where = connection(broker, t="segment")
        plan = plan_ranges(look(where), {})
        monkeypatch.setattr("fake_kafka.FakeConsumer.poll", lambda *_, **__: {})
        monkeypatch.setattr("fake_kafka.FakeConsumer.position", lambda *_, **__: 0)
        with pytest.raises(BrokerUnavailable, match="t/0 at 0 of 1"):
            list(read_ranges(where, plan.ranges, 100))


def test_a_missing_topic_is_told_and_an_internal_one_never_ours() -> None:
    broker = FakeBroker()
    broker.produce("__consumer_offsets", b"x")
    said: list[str] = []
    with connected(broker):
        assert look(connection(broker, **{"*": "segment", "t": "zoom"}), said.append) == []
    assert said == ["kafka.topics: not at memory:9092 yet: t"]


def test_a_reader_without_an_end_moves_on_with_every_poll() -> None:
    """Each chunk is the range that it covers, gaps included, and carries that range's unit id."""
    broker = FakeBroker()
    broker.produce("t", b"{}", b"{}")
    with connected(broker):
        endless = PartitionReader(connection(broker, t="segment"), "t", 0, 0, "segment")
        first = endless.poll()
        assert first is not None
        assert (first.start, first.end, first.batch.num_rows) == (0, 2, 2)
        assert endless.poll() is None
        broker.markers("t", 3)
        gap = endless.poll()
        assert gap is not None
        assert (gap.start, gap.end, gap.batch) == (2, 5, None)
        endless.close()
