"""What real parts have in common: where their artifacts are kept, how they are fetched, and how their processes live and end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import filelock

HERE = Path(__file__).resolve().parent


class Missing(RuntimeError):
    """Something that this machine does not have; the message names it. A test that meets it fails."""


def cache() -> Path:
    """Downloaded artifacts: ``$TOUCHLOOP_CACHE``, or a folder of the user's cache. Outside of the repository, and kept."""
    folder = Path(os.environ.get("TOUCHLOOP_CACHE") or Path.home() / ".cache" / "touchloop")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def need(program: str, purpose: str) -> str:
    """Path of a program. Raises ``Missing``."""
    found = shutil.which(program)
    if found is None:
        raise Missing(f"{program} is missing on this machine: {purpose} needs it (a Java 17 runtime, and Maven)")
    return found


def fetched(name: str, fetch: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache; filled by ``fetch`` if it is not there. It appears whole, also with two fetching at once."""
    folder = cache() / name
    with filelock.FileLock(cache() / f".{name}.lock"):
        if not folder.exists():
            partial = folder.with_name(f".{name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            fetch(partial)
            partial.rename(folder)
    return folder


def jars(pom: Path, name: str, below: str = ".") -> Path:
    """The folder of the jars that a pom depends on, fetched by Maven; ``below`` the folder ``name`` of the cache."""

    def copy(folder: Path) -> None:
        need("java", name)
        command = [need("mvn", name), "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={folder / below}"], capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            raise Missing(f"Maven could not fetch the jars of {pom.name}:\n{(done.stdout + done.stderr)[-2000:]}")

    return fetched(name, copy) / below


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def spawn(
    command: Sequence[str], log: Path, folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process in a session of its own, so that it ends with all that it starts."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
    """End a process that ``spawn`` started, with everything in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def until(what: str, ready: Callable[[], bool], seconds: float, log: Path | None = None) -> None:
    """Wait. Raises ``TimeoutError`` that says what for, with the end of the log."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            tail = "\n" + log.read_text(errors="replace")[-3000:] if log and log.exists() else ""
            raise TimeoutError(f"{what}: not after {seconds:g} s{tail}")
        time.sleep(0.2)


def answers(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
