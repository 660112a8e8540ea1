"""A real Flink cluster between a real broker and the warehouse: crashes of every part, and equal tables."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from clusters.flink import FlinkCluster
from clusters.kafka import Broker
from clusters.parts import until
from loads import AS_OF, finish, messages, produce, settings, touchloop
from test_kafka_stream import (
    ends_of,
    equal_tables,
    fresh_topic,
    offsets_are_whole,
    producers,
    without_inbox,
)
from workspaces import conservation, contents, snapshot

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

FOLLOW_KILLS = 5
WAIT = 180
"""Seconds for what a crash interrupted to come back, on a busy machine."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FlinkCluster]:
    made = FlinkCluster(tmp_path / "flink")
    try:
        yield made.start()
    finally:
        made.stop()


def start_job(cluster: FlinkCluster, root: Path, landing: Path) -> str:
    """Submit the endless job. Its submitter has ended when this returns; Flink's id of the job."""
    before = set(cluster.running())
    finish(
        touchloop(
            "ingest", "--streaming", "--workspace", str(root), "--landing", str(landing), "--as-of", AS_OF,
            "--runner", "FlinkRunner", *cluster.options, "--parallelism=2", "--checkpointing_interval=6000",
        )
    )  # fmt: skip
    until("Flink runs the job", lambda: len(set(cluster.running()) - before) == 1, WAIT)
    return (set(cluster.running()) - before).pop()


def beyond_checkpoints(cluster: FlinkCluster, job: str, landing: Path) -> bool:
    """Whether a parcel landed after the job's last checkpoint was complete: killed now, before another is, it is read twice."""
    last = cluster.last_checkpoint(job)
    with suppress(FileNotFoundError):  # ``follow`` took it meanwhile
        return last is not None and any(path.stat().st_mtime > last for path in landing.rglob("*.arrow"))
    return False


class Follow:
    """``follow`` in processes of its own, and what each of its increments said."""

    def __init__(self, root: Path, landing: Path, log: Path) -> None:
        self.command = ["follow", "--workspace", str(root), "--landing", str(landing), "--as-of", AS_OF, "--json"]
        self.log = log

    def killed_again_and_again(self, times: int, dice: random.Random) -> None:
        """Started, and killed -9 somewhere, with its workers."""
        for _ in range(times):
            with self.log.open("ab") as sink:
                running = touchloop(*self.command, "--every", "0.5", stdout=sink)
            time.sleep(dice.uniform(2, 8))
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()

    def caught_up(self) -> None:
        with self.log.open("ab") as sink:
            finish(touchloop(*self.command, "--until-caught-up", stdout=sink))

    def reread(self) -> int:
        """Offsets that were read twice and trimmed, over all increments that said so."""
        said = [line for line in self.log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        return sum(json.loads(line)["reread"] for line in said)


def followed_to_the_end(broker: Broker, root: Path, follow: Follow) -> None:
    """Wait until the job has landed everything and ``follow`` has committed it."""

    def there() -> bool:
        follow.caught_up()
        with snapshot(root) as connection:
            ends = dict(
                connection.execute(
                    "SELECT location, max(range_end) FROM ledger_unit WHERE kind LIKE 'kafka%' GROUP BY 1"
                ).fetchall()
            )
        return ends == {where: end for where, end in ends_of(broker).items() if end}

    until("the job has read all offsets", there, WAIT)


def test_a_streaming_job_survives_every_crash_and_the_loss_of_its_cluster(
    broker: Broker, world: Path, tmp_path: Path, cluster: FlinkCluster
) -> None:
    """The submitter is gone, a TaskManager and a worker are killed twice each, ``follow`` five times: equal tables, with what was
    read twice counted and trimmed. Then the cluster is thrown away, and a new one goes on from the ledger: equal again."""
    dice = random.Random(5)
    fresh_topic(broker)
    root = without_inbox(world, tmp_path / "w", settings(broker.address))
    landing = tmp_path / "landing"
    job = start_job(cluster, root, landing)
    until("the job has a checkpoint", lambda: cluster.completed_checkpoints(job) > 0, WAIT)
    follow = Follow(root, landing, tmp_path / "follow.jsonl")
    killing = threading.Thread(target=follow.killed_again_and_again, args=(FOLLOW_KILLS, dice))
    killing.start()
    load = messages(world / "inbox")
    made = producers(broker)
    part = len(load) // 5 + 1
    for number in range(5):
        if number == 2:
            killing.join()  # what is read twice from here on is told by a follow that lives to tell it
        until("the job is well", lambda: cluster.healthy(job), WAIT)
        sent = load[number * part : (number + 1) * part]
        sending = threading.Thread(target=produce, args=(made, sent), kwargs={"rate": part / 20, "seed": number})
        sending.start()
        if number == 4:
            break
        until("something landed that no checkpoint holds", lambda: beyond_checkpoints(cluster, job, landing), WAIT)
        if number % 2:
            assert cluster.kill_worker()
        else:
            cluster.kill_taskmanager()
            until("the loss was noticed", lambda: not cluster.healthy(job), WAIT)
        sending.join()
    sending.join()
    followed_to_the_end(broker, root, follow)
    assert cluster.restored(job) >= 2
    equal_tables(world, root)
    offsets_are_whole(broker, root)
    assert follow.reread() > 0

    cluster.stop()
    again = FlinkCluster(tmp_path / "another").start()
    try:
        start_job(again, root, landing)
        produce(made, load[::4], rate=2000, seed=9)  # all of it said before
        followed_to_the_end(broker, root, follow)
        with snapshot(world) as expected, snapshot(root) as found:
            conservation(found)
            assert contents(found) == contents(expected)
        offsets_are_whole(broker, root)
    finally:
        again.stop()


def test_a_backfill_and_its_journeys_on_the_cluster_give_equal_tables(
    world: Path, tmp_path: Path, cluster: FlinkCluster
) -> None:
    """Ingest as a bounded job, folding and journeys as bounded jobs of ``follow``; and a whole ``run`` with its work on the cluster."""
    on = ["--runner", "FlinkRunner", *cluster.options, "--parallelism=2"]
    landed, whole = tmp_path / "landed", tmp_path / "whole"
    for root in (landed, whole):
        root.mkdir()
        (root / "inbox").symlink_to(world / "inbox")
        (root / "touchloop.toml").write_text((world / "touchloop.toml").read_text())
    landing = tmp_path / "landing"
    finish(touchloop("ingest", "--workspace", str(landed), "--landing", str(landing), "--as-of", AS_OF, *on))
    assert list(landing.rglob("*.arrow"))
    finish(
        touchloop(
            "follow", "--workspace", str(landed), "--landing", str(landing), "--as-of", AS_OF, "--until-caught-up", *on
        )
    )
    finish(touchloop("run", "--workspace", str(whole), "--as-of", AS_OF, *on))
    equal_tables(world, landed)
    equal_tables(world, whole)
    assert list(landing.rglob("*.arrow")) == []
