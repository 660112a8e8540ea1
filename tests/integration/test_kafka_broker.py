"""What a real broker does to offsets, to payloads and to connections."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters.kafka import Broker
from clusters.parts import need
from kafka import TopicPartition
from loads import AS_OF, finish, settings, touchloop
from workspaces import conservation, example, snapshot

from pipelines.kafka.connection import Connection, close_shared
from pipelines.kafka.plan import KafkaUnit
from pipelines.kafka.reader import STALL_SECONDS, read_ranges
from pipelines.settings import Kafka

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

TOPIC = "native.segment"
USER, PASSWORD = "ann", "correct-horse"


@pytest.fixture
def topic(broker: Broker) -> Iterator[str]:
    """The topic, new and empty, with one partition; gone afterwards."""
    broker.topic(TOPIC, 1, **{"cleanup.policy": "delete"})
    yield TOPIC
    forget(broker, TOPIC)


def forget(broker: Broker, topic: str) -> None:
    admin = broker.admin()
    admin.delete_topics([topic])
    while topic in admin.list_topics():
        time.sleep(0.1)
    admin.close()


def page(number: int) -> bytes:
    return json.dumps(
        {
            "type": "page", "messageId": f"m{number}", "userId": "u1", "timestamp": "2026-03-02T10:00:00Z",
            "context": {"page": {"path": f"/p/{number}"}}, "properties": {"path": f"/p/{number}"},
        }
    ).encode()  # fmt: skip


def workspace(root: Path, kafka: str) -> Path:
    example(root)
    (root / "touchloop.toml").write_text((root / "touchloop.toml").read_text() + kafka)
    return root


def stream(root: Path) -> str:
    return finish(touchloop("stream", "--workspace", str(root), "--as-of", AS_OF, "--until-caught-up"))


def send(broker: Broker, *values: bytes | None, partition: int = 0, topic: str = TOPIC, **options: Any) -> None:
    producer = broker.producer(**options)
    for value in values:
        producer.send(topic, value=value, key=b"k", partition=partition)
    producer.flush()
    producer.close()


def ranges(root: Path) -> list[tuple[Any, ...]]:
    with snapshot(root) as connection:
        conservation(connection)
        return connection.execute(
            """SELECT kind, location, range_start, range_end, record_count FROM ledger_unit
               WHERE kind <> 'file' ORDER BY location, range_start"""
        ).fetchall()


def paths(root: Path) -> list[str]:
    """Native ids of the events that were landed."""
    with snapshot(root) as connection:
        return [
            r[0]
            for r in connection.execute(
                "SELECT source_event_id FROM fact_event WHERE system = 'segment' ORDER BY 1"
            ).fetchall()
        ]


def test_retention_and_new_partitions(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Deleted records are a gap of the ledger, and a partition that is added is read from its beginning."""
    root = workspace(tmp_path, settings(broker.address))
    send(broker, *map(page, range(4)))
    stream(root)
    send(broker, *map(page, range(4, 10)))
    admin = broker.admin()
    admin.delete_records({TopicPartition(topic, 0): 7})
    admin.create_partitions({topic: 2})
    admin.close()
    send(broker, page(100), partition=1)
    assert f"DATA LOST: Kafka's retention removed offsets 4 to 6 of {topic}/0" in " ".join(stream(root).split())
    assert ranges(root) == [
        ("kafka", f"{topic}/0", 0, 4, 4),
        ("kafka_gap", f"{topic}/0", 4, 7, 0),
        ("kafka", f"{topic}/0", 7, 10, 3),
        ("kafka", f"{topic}/1", 0, 1, 1),
    ]


def test_aborted_transactions_are_not_read(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Committed ones are, their markers take offsets, and a range that ends in markers ends. An open one is waited for."""
    root = workspace(tmp_path, settings(broker.address))
    producer = broker.producer(transactional_id="t1")
    producer.init_transactions()
    for numbers, commit in (((1, 2), True), ((3, 4), False), ((5,), True), ((6,), False)):
        producer.begin_transaction()
        for number in numbers:
            producer.send(topic, value=page(number), partition=0)
        producer.flush()
        (producer.commit_transaction if commit else producer.abort_transaction)()
    producer.begin_transaction()
    producer.send(topic, value=page(7), partition=0)
    producer.flush()
    stream(root)
    assert paths(root) == ["m1", "m2", "m5"]
    assert [(start, end, records) for _, _, start, end, records in ranges(root)] == [(0, 10, 3)]
    producer.commit_transaction()
    producer.close()
    stream(root)
    assert paths(root) == ["m1", "m2", "m5", "m7"]


def test_compacted_offsets_are_no_holes(broker: Broker, tmp_path: Path) -> None:
    """What compaction took leaves no record and no gap: the range covers it."""
    name = "native.zoom"
    compacting = {
        "cleanup.policy": "compact",
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "0",
    }
    broker.topic(name, 1, **compacting)
    send(broker, *[b"{}"] * 50, topic=name)
    time.sleep(1)
    send(broker, b"{}", topic=name)  # the active segment is never compacted
    deadline = time.monotonic() + 90
    left = 51
    while left > 10:
        assert time.monotonic() < deadline, "the broker has not compacted"
        time.sleep(1)
        left = count(broker, name)
    root = workspace(tmp_path, settings(broker.address))
    (root / "touchloop.toml").write_text((root / "touchloop.toml").read_text() + "\n[rejects]\nmin_records = 1000\n")
    stream(root)
    ((_, _, start, end, records),) = ranges(root)
    assert (start, end) == (0, 51)
    assert records == left
    forget(broker, name)


def count(broker: Broker, name: str) -> int:
    """Records that the topic still has."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(name, 0)])
    found, end = 0, consumer.end_offsets([TopicPartition(name, 0)])[TopicPartition(name, 0)]
    while consumer.position(TopicPartition(name, 0)) < end:
        found += sum(map(len, consumer.poll(timeout_ms=500).values()))
    consumer.close()
    return found


def test_one_consumer_reads_range_after_range(broker: Broker, tmp_path: Path) -> None:
    """What was fetched beyond the end of one range stands in the way of no later one: every offset, and no waiting."""
    name, dice = "native.snowplow", random.Random(3)
    broker.topic(name, 8)
    producer = broker.producer(compression_type="lz4")
    for number in range(16_000):
        producer.send(name, value=b"x" * 600, partition=number % 8)
    producer.flush()
    producer.close()
    connection = Connection(tmp_path, Kafka(bootstrap_servers=broker.address, topics={name: "snowplow"}))
    for _ in range(20):
        spans = [(where, dice.randrange(1500), dice.randrange(1, 500)) for where in dice.sample(range(8), 4)]
        units = [KafkaUnit.of(name, where, start, start + length, "snowplow") for where, start, length in spans]
        began = time.monotonic()
        read = [one for batch in read_ranges(connection, units, 500) for one in batch["unit_id"].to_pylist()]
        assert Counter(read) == {unit.unit_id: unit.records for unit in units}
        assert time.monotonic() - began < STALL_SECONDS / 2
    close_shared()
    forget(broker, name)


def test_poison_blocks_no_partition(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Junk, a message of 20 MB that is no payload, one that is too large by the settings, a tombstone: what follows them lands."""
    root = workspace(tmp_path, settings(broker.address, max_message_bytes=25_000_000))
    broker_limit = {"max_request_size": 32 << 20}
    send(broker, page(1), b"\x00 junk", page(2), **broker_limit)
    send(broker, b"[" + b"x" * 20_000_000, **broker_limit)
    send(broker, b"y" * 26_000_000, None, page(3), **broker_limit)
    stream(root)
    assert paths(root) == ["m1", "m2", "m3"]
    with snapshot(root) as connection:
        conservation(connection)
        rejects = connection.execute(
            "SELECT DISTINCT position % 17592186044416, reason_code FROM rejected_record ORDER BY 1"
        ).fetchall()
    assert [offset for offset, _ in rejects] == [1, 3, 4]
    assert rejects[-1][1] == "too_large"


def test_a_misrouted_topic_stops_with_everything_else_landed(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Exit 1 and a sentence that names topic, offsets, share and reason."""
    root = workspace(tmp_path, settings(broker.address))
    admin = broker.admin()
    admin.create_partitions({topic: 2})
    admin.close()
    send(broker, *map(page, range(5)))
    send(broker, *[b'{"order": 1}'] * 150, partition=1)
    running = touchloop("stream", "--workspace", str(root), "--as-of", AS_OF, "--until-caught-up")
    _, err = running.communicate(timeout=300)
    said = " ".join(err.decode().split())
    assert running.returncode == 1
    assert f"{topic}/1, offsets 0 to 149: 150 of 150 records were rejected by the segment adapter" in said
    assert "Traceback" not in said
    assert ranges(root) == [("kafka", f"{topic}/0", 0, 5, 5)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Path]]:
    """A broker with a TLS listener and one that asks who is there, and the certificate that it shows."""
    folder = tmp_path_factory.mktemp("guarded")
    keytool = need("keytool", "the TLS listener of the Kafka broker")
    store = folder / "broker.p12"
    common = ["-keystore", str(store), "-storepass", "changeit", "-alias", "broker"]
    subprocess.run(
        [keytool, "-genkeypair", "-storetype", "PKCS12", "-keyalg", "RSA", "-validity", "30", "-dname", "CN=127.0.0.1",
         "-ext", "SAN=ip:127.0.0.1", *common],
        check=True, capture_output=True,
    )  # fmt: skip
    exported = subprocess.run([keytool, "-exportcert", "-rfc", *common], check=True, capture_output=True)
    certificate = folder / "ca.pem"
    certificate.write_bytes(exported.stdout)
    modules = "org.apache.kafka.common.security"
    sasl = "listener.name.sasl_plaintext"
    extra = f"""
ssl.keystore.type=PKCS12
ssl.keystore.location={store}
ssl.keystore.password=changeit
{sasl}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,OAUTHBEARER
{sasl}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";
{sasl}.scram-sha-256.sasl.jaas.config={modules}.scram.ScramLoginModule required;
{sasl}.oauthbearer.sasl.jaas.config={modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
"""
    made = Broker(folder / "data", extra, ("SSL", "SASL_PLAINTEXT"))
    made.start(("--add-scram", f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]"))
    made.topic(TOPIC)
    send(made, page(1), page(2))
    yield made, certificate
    made.stop()


def token() -> str:
    """An unsecured one, as the broker's test validator takes it."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    now = int(time.time())
    return f"{part({'alg': 'none'})}.{part({'sub': USER, 'iat': now, 'exp': now + 600})}."


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"])
def test_who_we_are_comes_from_the_environment(
    guarded: tuple[Broker, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    """The right secret is let in, and shows nowhere."""
    monkeypatch.setenv("TOUCHLOOP_KAFKA_USERNAME", USER)
    monkeypatch.setenv("TOUCHLOOP_KAFKA_PASSWORD", PASSWORD)
    secret = token() if mechanism == "OAUTHBEARER" else PASSWORD
    monkeypatch.setenv("TOUCHLOOP_KAFKA_OAUTH_TOKEN", secret)
    kafka = settings(guarded[0].at("SASL_PLAINTEXT"), security_protocol="SASL_PLAINTEXT", sasl_mechanism=mechanism)
    root = workspace(tmp_path, kafka)
    said = stream(root)
    assert paths(root) == ["m1", "m2"]
    assert secret not in said
    assert not [p for p in root.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password_is_refused_and_not_waited_for(
    guarded: tuple[Broker, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    """Exit 1: no time mends it. The message does not repeat it."""
    monkeypatch.setenv("TOUCHLOOP_KAFKA_USERNAME", USER)
    monkeypatch.setenv("TOUCHLOOP_KAFKA_PASSWORD", "guessed-wrong")
    kafka = settings(guarded[0].at("SASL_PLAINTEXT"), security_protocol="SASL_PLAINTEXT", sasl_mechanism=mechanism)
    running = touchloop("stream", "--workspace", str(workspace(tmp_path, kafka)), "--as-of", AS_OF)
    _, err = running.communicate(timeout=120)
    said = " ".join(err.decode().split())
    assert running.returncode == 1
    assert "refused" in said
    assert "TOUCHLOOP_KAFKA_PASSWORD" in said
    assert "guessed-wrong" not in said
    assert "Traceback" not in said


def test_tls_is_spoken_with_the_certificate_that_is_given(guarded: tuple[Broker, Path], tmp_path: Path) -> None:
    """A path relative to the workspace, and the name is checked."""
    broker, certificate = guarded
    root = workspace(tmp_path, settings(broker.at("SSL"), security_protocol="SSL", ssl_cafile="ca.pem"))
    (root / "ca.pem").write_bytes(certificate.read_bytes())
    stream(root)
    assert paths(root) == ["m1", "m2"]
