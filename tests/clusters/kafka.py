"""A real Kafka broker, for tests and for people.

``python -m clusters.kafka up`` starts one and prints its address; ``down`` ends it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from clusters.parts import HERE, cache, end, free_port, jars, need, spawn, until

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL
log.dirs={data}
num.partitions=8
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
message.max.bytes=33554432
socket.request.max.bytes=104857600
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=4194304
log.retention.check.interval.ms=1000
group.initial.rebalance.delay.ms=0
"""
UP_SECONDS = 90


class Broker:
    """One KRaft node on free loopback ports, with its data in ``folder``; may be killed and started again.

    ``extra`` is appended to its properties; ``listeners`` are further ones, ``NAME`` to be given a port of its own.
    """

    def __init__(self, folder: Path, extra: str = "", listeners: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.jars = jars(HERE / "kafka-pom.xml", "kafka-4.3.1")
        self.java = need("java", "the Kafka broker")
        self.ports = {name: free_port() for name in ("PLAINTEXT", *listeners)}
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server.properties").write_text(
            PROPERTIES.format(
                controller=free_port(),
                listeners=",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()),
                data=folder / "data",
            )
            + extra
        )
        (folder / "log4j2.properties").write_text(
            "rootLogger.level=WARN\nrootLogger.appenderRef.c.ref=C\nappender.c.type=Console\nappender.c.name=C\n"
            "appender.c.layout.type=PatternLayout\nappender.c.layout.pattern=%d %p %c %m%n\n"
        )

    @property
    def address(self) -> str:
        return self.at("PLAINTEXT")

    def at(self, listener: str) -> str:
        return f"127.0.0.1:{self.ports[listener]}"

    def start(self, formatting: tuple[str, ...] = ()) -> Broker:
        """Format the storage the first time, start, and wait until it answers."""
        if not (self.folder / "data").exists():
            done = subprocess.run(
                self._java(
                    "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", "server.properties", *formatting
                ),
                cwd=self.folder, capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
        self._process = spawn(self._java("kafka.Kafka", "server.properties"), self.log, self.folder)
        until("the Kafka broker", self._answers, UP_SECONDS, self.log)
        return self

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it with -9, as an outage does."""
        assert self._process is not None
        end(self._process)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process, signal.SIGKILL)

    def admin(self) -> Any:
        return KafkaAdminClient(bootstrap_servers=self.address)

    def topic(self, name: str, partitions: int = 1, **configs: str) -> str:
        admin = self.admin()
        try:
            admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
        finally:
            admin.close()
        return name

    def producer(self, **options: Any) -> Any:
        return KafkaProducer(bootstrap_servers=self.address, **{"max_request_size": 32 << 20, "linger_ms": 5} | options)

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [
            self.java, "-Xmx512m", "-Xms128m", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}",
            "-cp", f"{self.jars}/*", main, *arguments,
        ]  # fmt: skip

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the Kafka broker ended:\n{self.log.read_text(errors='replace')[-3000:]}")
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=1000, request_timeout_ms=2000)
            admin.close()
        except Exception:  # whatever a broker that is half up does
            return False
        return True


def _noted() -> Path:
    return cache() / "kafka-up.json"


def up() -> None:
    """Start a broker that outlives this process, and say where it is."""
    if _noted().exists():
        sys.exit(f"a broker was started before: {_noted().read_text()} (make kafka-down ends it)")
    broker = Broker(Path(tempfile.mkdtemp(prefix="touchloop-kafka-"))).start()
    _noted().write_text(json.dumps({"pid": broker.pid, "folder": str(broker.folder), "address": broker.address}))
    print(f'Kafka is at {broker.address}; in touchloop.toml:\n\n[kafka]\nbootstrap_servers = "{broker.address}"\n')


def down() -> None:
    """End the broker of ``up`` and remove its data."""
    if not _noted().exists():
        sys.exit("no broker was started by make kafka-up")
    noted = json.loads(_noted().read_text())
    try:
        os.killpg(noted["pid"], signal.SIGKILL)  # its data goes with it
    except ProcessLookupError:
        print("it had ended already")
    shutil.rmtree(noted["folder"], ignore_errors=True)
    _noted().unlink()


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]]()
