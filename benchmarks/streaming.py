"""From produce to queryable: a load through real Kafka while ``touchloop stream`` runs, and how long each record took.

``python -m benchmarks.streaming --records 200000 --rate 2000``: starts a broker, generates a workspace, produces its payloads
into one topic of 8 partitions (lz4 and zstd, random keys), and looks at the published snapshot's ledger all the while. A record
is queryable once its offset is in the ledger of the snapshot that readers open. Records are sent in the order in which they
happened, but for some that are late, or at random: then every increment touches every account and all of its months.
``--records 1000000 --rate 500`` is half an hour: the memory of all processes, by tenths of the time. Needs Java and Maven.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.throughput import family, memory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from clusters.kafka import Broker
from loads import TOPIC, as_they_happened, messages, produce, settings

from pipelines.simulate import Plan, generate_workspace

LOOK_SECONDS = 0.1
PARTITIONS = 8
Memory = tuple[int, int, int, int]
"""Bytes at a moment: resident in all processes (shared pages count in each), in the largest; the same of pages that lie in no file,
which the machine cannot take back as it can those of a file that is mapped."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=2_000, help="records a second")
    parser.add_argument("--order", choices=["time", "random"], default="time", help="in which they are sent")
    parser.add_argument("--every", type=float, default=1, help="of stream, in seconds")
    parser.add_argument(
        "--workspace", type=Path, help="a generated workspace to take the payloads from; else one is made"
    )
    parser.add_argument("--settings", default="", help="TOML to add to the workspace's settings")
    given = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="touchloop-streaming-"))
    try:
        measure(base, given)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def measure(base: Path, given: Any) -> None:
    source = given.workspace or base / "source"
    if given.workspace is None:
        generate_workspace(source, Plan(records=given.records))
    load = messages(source / "inbox")
    if given.order == "time":
        load = as_they_happened(load)
    print(f"{len(load):,} messages at {given.rate:,.0f}/s, order: {given.order}", flush=True)
    broker = Broker(base / "broker").start()
    try:
        broker.topic(TOPIC, PARTITIONS)
        root = base / "streamed"
        (root / "inbox").mkdir(parents=True)
        shutil.copytree(source / "inbox" / "crm", root / "inbox" / "crm")
        toml = (source / "touchloop.toml").read_text() + settings(broker.address) + given.settings
        (root / "touchloop.toml").write_text(toml)
        latencies, increments, resident = run(root, broker, load, given.rate, given.every)
        report(latencies, increments)
        report_memory(resident)
    finally:
        broker.stop()


def run(
    root: Path, broker: Broker, load: list[tuple[str, bytes]], rate: float, every: float
) -> tuple[list[float], list[dict[str, Any]], list[Memory]]:
    """Seconds from produce to queryable of every message, what each increment said, and memory once a second."""
    command = [sys.executable, "-m", "pipelines", "stream", "--workspace", str(root), "--every", str(every), "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    lines: list[bytes] = []
    assert running.stdout is not None
    listening = threading.Thread(target=lambda: lines.extend(running.stdout or ()))
    listening.start()
    producers = [broker.producer(compression_type=c) for c in ("lz4", "zstd")]
    feeding = threading.Thread(target=produce, args=(producers, load), kwargs={"rate": rate})
    seen: list[tuple[float, dict[int, int]]] = []
    current = root / "published" / "current"
    while not current.exists():  # the first snapshot, with the directory alone: what starts once is not a latency
        time.sleep(LOOK_SECONDS)
    feeding.start()
    last = None
    resident: list[Memory] = []
    looked = 0.0
    while sum(seen[-1][1].values()) < len(load) if seen else True:
        snapshot = current.resolve()
        if snapshot != last:
            ends = landed(snapshot / "touchloop.duckdb")
            seen.append((time.time(), ends))
            last = snapshot
        if time.monotonic() - looked >= 1:
            looked = time.monotonic()
            now = [memory(pid, ("VmRSS", "RssAnon")) for pid, _ in family(running.pid)] or [(0, 0)]
            every, own = zip(*now, strict=True)
            resident.append((sum(every), max(every), sum(own), max(own)))
        time.sleep(LOOK_SECONDS)
        assert running.poll() is None, "stream ended"
    feeding.join()
    running.send_signal(signal.SIGTERM)
    running.wait()
    listening.join()
    produced = times_of_messages(broker, len(load))
    latencies = []
    for partition, stamps in produced.items():
        upto = 0
        for moment, ends in seen:
            latencies += [moment - stamp for stamp in stamps[upto : ends.get(partition, 0)]]
            upto = max(upto, ends.get(partition, 0))
    return latencies, [json.loads(line) for line in lines], resident


def landed(database: Path) -> dict[int, int]:
    connection = duckdb.connect(str(database), read_only=True)
    try:
        rows = connection.execute(
            "SELECT split_part(location, '/', 2)::INT, max(range_end) FROM ledger_unit WHERE kind = 'kafka' GROUP BY 1"
        ).fetchall()
    finally:
        connection.close()
    return dict(rows)


def times_of_messages(broker: Broker, count: int) -> dict[int, list[float]]:
    """When each message was handed to its producer, in epoch seconds, by partition and offset."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(TOPIC, n) for n in range(PARTITIONS)])
    found: dict[int, list[float]] = {n: [] for n in range(PARTITIONS)}
    while sum(map(len, found.values())) < count:
        for where, records in consumer.poll(timeout_ms=1000).items():
            found[where.partition] += [record.timestamp / 1000 for record in records]
    consumer.close()
    return found


def report_memory(resident: list[Memory]) -> None:
    print(
        "memory in MB by tenths of the time, most and least at once: of all processes, of the largest; without pages of files"
    )
    tenth = max(1, len(resident) // 10)
    for start in range(0, tenth * 10, tenth):
        part = resident[start : start + tenth]
        if part:
            figures = [end(column) / 1e6 for column in zip(*part, strict=True) for end in (max, min)]
            print("  " + " ".join(f"{figure:8,.0f}" for figure in figures))


def report(latencies: list[float], increments: list[dict[str, Any]]) -> None:
    cuts = statistics.quantiles(latencies, n=100)
    print(
        f"produce to queryable: p50 {cuts[49]:.1f} s, p95 {cuts[94]:.1f} s, max {max(latencies):.1f} s ({len(latencies):,} records)"
    )
    busy = [i for i in increments if i["records"]]
    print(
        f"{len(busy)} increments of {statistics.mean(i['records'] for i in busy):,.0f} records on average; seconds by phase, mean and last:"
    )
    phases: dict[str, list[float]] = {}
    for one in busy:
        for name, taken in one["seconds"].items():
            phases.setdefault(name, []).append(taken)
    for name, taken in phases.items():
        print(f"  {name:20} {sum(taken) / len(busy):6.2f} {taken[-1]:6.2f}")
    print(f"  {'together':20} {sum(map(sum, phases.values())) / len(busy):6.2f}")


if __name__ == "__main__":
    main()
