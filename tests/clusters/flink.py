"""A real Flink cluster with Beam's job server and a pool of Python workers, for tests and for people.

``python -m clusters.flink up`` starts one and prints how to submit to it; ``down`` ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from clusters.parts import HERE, Missing, answers, end, fetched, free_port, jars, need, spawn, until

FLINK = "1.19.3"
OPENS = [
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    *(
        f"--add-opens=java.base/java.{package}=ALL-UNNAMED"
        for package in (
            "lang", "net", "io", "nio", "lang.reflect", "text", "time", "util", "util.concurrent", "util.concurrent.atomic",
            "util.concurrent.locks",
        )
    ),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
]  # fmt: skip
LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
"""


def flink_home() -> Path:
    """The unpacked source archive of ``apache-flink-libraries``: it holds the jars of a Flink distribution."""

    def fetch(folder: Path) -> None:
        name = "apache-flink-libraries"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name, f"{name}=={FLINK}"]
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            done = subprocess.run([*command, "-d", scratch], capture_output=True, text=True, timeout=900)
            archive = next(Path(scratch).glob("*.tar.gz"), None)
            if archive is None:
                raise Missing(f"pip could not fetch the source archive of {name} {FLINK}:\n{done.stderr[-2000:]}")
            with tarfile.open(archive) as tar:
                tar.extractall(scratch, filter="data")
            for wanted in ("lib/flink-dist*", "lib/log4j*", "bin/bash-java-utils.jar"):
                for jar in Path(scratch).glob(f"*/deps/{wanted}"):
                    shutil.move(jar, folder / jar.name)

    return fetched(f"flink-{FLINK}", fetch)


def settings(folder: Path, rest: int, rpc: int, slots: int) -> str:
    values = {
        "jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": rpc, "jobmanager.bind-host": "127.0.0.1",
        "jobmanager.memory.process.size": "1024m", "taskmanager.memory.process.size": "1728m",
        "taskmanager.memory.task.heap.size": "384m", "taskmanager.memory.managed.size": "256m",
        "taskmanager.bind-host": "127.0.0.1", "taskmanager.host": "127.0.0.1", "taskmanager.numberOfTaskSlots": slots,
        "rest.port": rest, "rest.address": "127.0.0.1", "rest.bind-address": "127.0.0.1",
        "state.backend.type": "hashmap", "state.checkpoints.dir": f"file://{folder}/checkpoints", "io.tmp.dirs": f"{folder}/tmp",
        "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": 100, "restart-strategy.fixed-delay.delay": "1s",
        "heartbeat.interval": 1000, "heartbeat.timeout": 5000,
    }  # fmt: skip
    return "".join(f"{key}: {value}\n" for key, value in values.items())


class FlinkCluster:
    """One JobManager, one TaskManager, a job server, and a pool whose workers outlive the submitter. Data and logs lie in ``folder``."""

    def __init__(self, folder: Path, slots: int = 2) -> None:
        self.folder, self.slots = folder, slots
        self.rest, self.rpc, self.jobs, self.pool = free_port(), free_port(), free_port(), free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> FlinkCluster:
        """Everything up and answering. Raises ``Missing`` where Java, Maven or an artifact is."""
        java = need("java", "Flink")
        # The job server sends its own class path along with every job, 154 MB and a quarter of a minute, except what lies below a
        # folder gradle/wrapper. So its jars lie there, and the cluster has them in its own class path.
        home, runner = flink_home(), jars(HERE / "flink-pom.xml", "beam-flink-runner-2.62.0", below="gradle/wrapper")
        conf = self.folder / "conf"
        for made in (conf, self.folder / "tmp", self.folder / "artifacts"):
            made.mkdir(parents=True, exist_ok=True)
        (conf / "flink-conf.yaml").write_text(settings(self.folder, self.rest, self.rpc, self.slots))
        (conf / "log4j.properties").write_text(LOG4J)
        self._java = [java, "-XX:TieredStopAtLevel=1", *OPENS, f"-Dlog4j.configurationFile={conf}/log4j.properties"]
        beam = [jar for jar in sorted(runner.glob("*.jar")) if not jar.name.startswith(("flink-", "log4j", "slf4j"))]
        self._class_path = ":".join(
            map(str, [*sorted(home.glob("flink-dist*.jar")), *sorted(home.glob("log4j*.jar")), *beam])
        )
        self._home = home
        self.start_jobmanager()
        self.start_taskmanager()
        self._spawn(
            "jobserver",
            [
                *self._java, "-Xmx512m", "-cp", f"{runner}/*", "org.apache.beam.runners.flink.FlinkJobServerDriver",
                f"--job-port={self.jobs}", "--artifact-port=0", "--expansion-port=0",
                f"--artifacts-dir={self.folder}/artifacts", f"--flink-master=127.0.0.1:{self.rest}",
            ],
        )  # fmt: skip
        # the pool runs "python" of its PATH
        self._spawn(
            "pool",
            [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={self.pool}"],
            {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        until("the job server answers", lambda: answers(self.jobs), 60, self.log("jobserver"))
        until("the worker pool answers", lambda: answers(self.pool), 60, self.log("pool"))
        until("the TaskManager has registered", lambda: self._slots() >= self.slots, 60, self.log("taskmanager"))
        return self

    def start_jobmanager(self) -> None:
        main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        self._spawn(
            "jobmanager",
            [*self._java, "-Xmx512m", "-cp", self._class_path, main, "--configDir", str(self.folder / "conf")],
        )
        until("the JobManager answers", lambda: answers(self.rest), 60, self.log("jobmanager"))

    def start_taskmanager(self) -> None:
        tool = [
            self._java[0], "-Xmx128m", "-cp", f"{self._class_path}:{self._home}/bash-java-utils.jar",
            "org.apache.flink.runtime.util.bash.BashJavaUtils", "GET_TM_RESOURCE_PARAMS", "--configDir", str(self.folder / "conf"),
        ]  # fmt: skip
        said = subprocess.run(tool, capture_output=True, text=True, timeout=60).stdout
        found = [line.partition("EXEC_RESULT:")[2].split() for line in said.splitlines() if "EXEC_RESULT:" in line]
        if len(found) != 2:
            raise RuntimeError(f"Flink did not say what memory a TaskManager takes:\n{said[-2000:]}")
        main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        self._spawn(
            "taskmanager",
            [
                *self._java,
                *found[0],
                "-cp",
                self._class_path,
                main,
                "--configDir",
                str(self.folder / "conf"),
                *found[1],
            ],
        )

    def kill_taskmanager(self) -> None:
        """As ``kill -9`` does, and another one started in its place."""
        end(self.processes.pop("taskmanager"))
        self.start_taskmanager()

    def kill_worker(self) -> bool:
        """``kill -9`` of one Python worker of the pool; the runner asks the pool for another. False if there is none just now.

        Not while the job is restarted: for a worker that died before it had answered, Beam's runner waits without end.
        """
        for worker in workers_of(self.processes["pool"].pid):
            os.kill(worker, signal.SIGKILL)
            return True
        return False

    @property
    def options(self) -> list[str]:
        """Runner options with which a job is submitted to it."""
        return [
            f"--job_endpoint=127.0.0.1:{self.jobs}",
            "--environment_type=EXTERNAL",
            f"--environment_config=127.0.0.1:{self.pool}",
        ]

    def running(self) -> list[str]:
        """Ids of the jobs that Flink says are running."""
        return [job["id"] for job in self._rest("/jobs")["jobs"] if job["status"] == "RUNNING"]

    def healthy(self, job: str) -> bool:
        """Whether every task of the job runs: its workers have started and answered."""
        found = self._rest(f"/jobs/{job}")
        return found["state"] == "RUNNING" and all(v["status"] == "RUNNING" for v in found["vertices"])

    def restored(self, job: str) -> int:
        """How often the job has been restored from a checkpoint."""
        return int(self._rest(f"/jobs/{job}/checkpoints")["counts"]["restored"])

    def completed_checkpoints(self, job: str) -> int:
        return int(self._rest(f"/jobs/{job}/checkpoints")["counts"]["completed"])

    def last_checkpoint(self, job: str) -> float | None:
        """When the last one was complete, in seconds since the epoch; ``None`` if there is none."""
        last = self._rest(f"/jobs/{job}/checkpoints")["latest"]["completed"]
        return None if last is None else float(last["latest_ack_timestamp"]) / 1000

    def cancel(self, job: str) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{self.rest}/jobs/{job}", method="PATCH")
        urllib.request.urlopen(request, timeout=10).close()

    def log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            end(process)
        self.processes.clear()

    def _spawn(self, name: str, command: list[str], env: dict[str, str] | None = None) -> None:
        self.processes[name] = spawn(command, self.log(name), self.folder, env)

    def _slots(self) -> int:
        return int(self._rest("/overview")["slots-total"])

    def _rest(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}{path}", timeout=10) as answer:
            return json.load(answer)


def workers_of(pool: int) -> list[int]:
    """Process ids of the SDK workers that a pool has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except (OSError, IndexError, ValueError):
            continue  # it ended while we looked
        if parent == pool and b"SdkHarness" in command:
            found.append(int(entry.name))
    return found


def main(arguments: list[str]) -> int:
    folder = Path("work/flink").resolve()
    note = folder / "running.json"
    if arguments == ["up"]:
        if note.exists():
            print(f"already up, says {note}: make flink-down ends it")
            return 1
        shutil.rmtree(folder, ignore_errors=True)
        try:
            cluster = FlinkCluster(folder, slots=4).start()
        except Missing as missing:
            print(missing)
            return 1
        note.write_text(json.dumps({name: process.pid for name, process in cluster.processes.items()}))
        print(f"Flink's web page: http://127.0.0.1:{cluster.rest}   logs: {folder}/log")
        print("runner options:   --runner FlinkRunner " + " ".join(cluster.options))
        return 0
    if arguments == ["down"]:
        if not note.exists():
            print("no cluster is up")
            return 0
        for process in json.loads(note.read_text()).values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        note.unlink()
        print("ended")
        return 0
    print("usage: python -m clusters.flink up|down")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
