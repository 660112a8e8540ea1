"""``stream`` on a real broker: equal tables, kills of both, and readers that never see half of anything."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from clusters.kafka import Broker
from loads import AS_OF, TOPIC, finish, messages, produce, settings, touchloop
from workspaces import conservation, contents, snapshot

pytestmark = [pytest.mark.integration, pytest.mark.timeout(7200)]

KILLS = int(os.environ.get("TOUCHLOOP_STREAM_KILLS", "12"))
"""How often ``stream`` is killed; 100 for the whole of it."""
RATE = float(os.environ.get("TOUCHLOOP_RATE", "2000"))


def without_inbox(world: Path, root: Path, kafka: str) -> Path:
    """A workspace with the same settings and directory, whose payloads come from topics."""
    (root / "inbox").mkdir(parents=True)
    (root / "inbox" / "crm").symlink_to(world / "inbox" / "crm")
    (root / "touchloop.toml").write_text((world / "touchloop.toml").read_text() + kafka)
    return root


def fresh_topic(broker: Broker) -> None:
    """The load's topic, empty, with eight partitions."""
    admin = broker.admin()
    try:
        if TOPIC in admin.list_topics():
            admin.delete_topics([TOPIC])
            deadline = time.monotonic() + 30
            while TOPIC in admin.list_topics():
                assert time.monotonic() < deadline
                time.sleep(0.2)
    finally:
        admin.close()
    broker.topic(TOPIC, 8)


def producers(broker: Broker) -> list[Any]:
    """One that packs with lz4 and one with zstd; both outlast a broker that is away."""
    return [broker.producer(compression_type=c, acks="all", delivery_timeout_ms=300_000) for c in ("lz4", "zstd")]


def equal_tables(world: Path, root: Path) -> None:
    """Every table but the ledger and what tells of the arrival, and the records that were offered."""
    with snapshot(world) as expected, snapshot(root) as found:
        conservation(found)
        assert contents(found) == contents(expected)
        for sql in (
            """SELECT sum(record_count), sum(accepted_count), sum(duplicate_count), sum(ignored_count), sum(rejected_count)
               FROM ledger_unit WHERE source <> 'crm'""",
            "SELECT source, reason_code, count(*) FROM rejected_record GROUP BY ALL ORDER BY ALL",
            "SELECT source, reason, sum(n) FROM ignored_record_count GROUP BY ALL ORDER BY ALL",
        ):
            assert found.execute(sql).fetchall() == expected.execute(sql).fetchall()


def offsets_are_whole(broker: Broker, root: Path) -> None:
    """The ledger has every offset of the broker exactly once."""
    consumer_ends = ends_of(broker)
    with snapshot(root) as connection:
        found = connection.execute(
            "SELECT location, min(range_start), max(range_end), sum(range_end - range_start) FROM ledger_unit WHERE kind = 'kafka' GROUP BY 1"
        ).fetchall()
    assert {where: (first, last, total) for where, first, last, total in found} == {
        where: (0, end, end) for where, end in consumer_ends.items() if end
    }


def ends_of(broker: Broker) -> dict[str, int]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    try:
        asked = [TopicPartition(TOPIC, n) for n in range(8)]
        return {f"{where.topic}/{where.partition}": end for where, end in consumer.end_offsets(asked).items()}
    finally:
        consumer.close()


def test_a_load_streamed_gives_the_tables_of_its_files(broker: Broker, world: Path, tmp_path: Path) -> None:
    """Produced while ``stream`` runs (8 partitions, lz4 and zstd, random keys): every record is in the ledger, the tables are equal."""
    fresh_topic(broker)
    root = without_inbox(world, tmp_path / "streamed", settings(broker.address, group_id="told"))
    running = touchloop("stream", "--workspace", str(root), "--as-of", AS_OF, "--every", "2")
    load = messages(world / "inbox")
    made = producers(broker)
    produce(made, load, rate=RATE)
    for producer in made:
        producer.close()
    running.send_signal(signal.SIGTERM)
    said = finish(running)
    assert "stopping: the increment in hand is finished first" in said
    finish(touchloop("stream", "--workspace", str(root), "--as-of", AS_OF, "--until-caught-up"))
    offsets_are_whole(broker, root)
    equal_tables(world, root)


def hears(told: Path, words: str, seconds: float = 60) -> None:
    """Wait until a process has written these words."""
    deadline = time.monotonic() + seconds
    while words not in told.read_text():
        assert time.monotonic() < deadline, told.read_text()[-3000:]
        time.sleep(0.1)


READER = Path(__file__).resolve().parent.parent / "readers.py"


def test_kills_of_stream_and_broker_lose_and_double_nothing(broker: Broker, world: Path, tmp_path: Path) -> None:
    """kill -9 of ``stream`` at random instants, the broker killed three times meanwhile, and readers in a loop: equal tables, no
    reader's error, no reader that saw half of anything."""
    fresh_topic(broker)
    dice = random.Random(7)
    root = without_inbox(world, tmp_path / "killed", settings(broker.address, max_records_per_increment=3000))
    load = messages(world / "inbox", seed=2)
    made = producers(broker)
    rate = max(200.0, len(load) / (6.0 * KILLS))  # the load lasts about as long as the kills
    feeding = threading.Thread(target=produce, args=(made, load), kwargs={"rate": rate, "seed": 2})
    feeding.start()
    readers = [
        subprocess.Popen([sys.executable, str(READER), kind, str(root / "published")], stdout=subprocess.PIPE)
        for kind in ("database", "parquet")
    ]
    outages = {round(KILLS * share) for share in (0.25, 0.5, 0.75)}
    try:
        for number in range(KILLS):
            if number in outages:
                broker.kill()
            said = tmp_path / f"said-{number}"
            with said.open("wb") as told:
                running = touchloop("stream", "--workspace", str(root), "--as-of", AS_OF, "--every", "1", stderr=told)
            if number in outages:
                hears(said, "does not answer")
                broker.start()
            time.sleep(dice.uniform(1.0, 20.0 if number % 3 == 0 else 7.0))  # one in three has the time to publish
            if number % 2:
                os.killpg(running.pid, signal.SIGKILL)  # the workers too
            else:
                running.kill()  # the workers find themselves alone
            running.wait()
        feeding.join()
        finish(touchloop("stream", "--workspace", str(root), "--as-of", AS_OF, "--until-caught-up"))
    finally:
        for reader in readers:
            reader.terminate()
    offsets_are_whole(broker, root)
    equal_tables(world, root)
    for reader in readers:
        out, _ = reader.communicate(timeout=60)
        looks, faults = out.decode().split("\n", 1)
        assert faults.strip() == ""
        assert int(looks) > 0
