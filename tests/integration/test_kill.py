"""kill -9 at random instants of a run.

How far a run has come is told by the processor time of its processes, for other tests are at work beside it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from workspaces import conservation, contents, run, snapshot

from benchmarks.throughput import family

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3000)]

KILLS = int(os.environ.get("TOUCHLOOP_KILLS", "50"))
AS_OF = "2026-12-31T00:00:00Z"


def touchloop(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()[-2000:]


def until(process: subprocess.Popen[bytes], seconds: float) -> float:
    """Wait until a command's processes have had so much processor time, or it has ended. Returns how much that was."""
    spent: dict[int, float] = {}
    while process.poll() is None and sum(spent.values()) < seconds:
        spent |= dict(family(process.pid))  # those that have ended stay
        time.sleep(0.05)
    return sum(spent.values())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float, object]:
    """A generated workspace, the processor time (seconds) of an undisturbed run of it, and the tables that the run gives."""
    root = tmp_path_factory.mktemp("kill") / "world"
    finish(touchloop("generate", "--workspace", str(root), "--records", "3000", "--malformed", "0.01"))
    # small increments, so that there are several of each phase to be killed in
    (root / "touchloop.toml").write_text(
        (root / "touchloop.toml").read_text() + "\n[ingest]\nincrement_bytes = 1100000\nshard_events = 2000\n"
    )
    calm = root.with_name("calm")
    shutil.copytree(root, calm)
    process = touchloop("run", "--workspace", str(calm), "--as-of", AS_OF)
    took = until(process, float("inf"))
    finish(process)
    with snapshot(calm) as connection:
        conservation(connection)
        return root, took, contents(connection)


@pytest.mark.parametrize("number", range(KILLS))
def test_nothing_is_lost_or_doubled_by_a_kill(world: tuple[Path, float, object], tmp_path: Path, number: int) -> None:
    """Killed somewhere, run again: conservation holds, and the tables equal an undisturbed run's.

    Every fifth second run is a command too; the others spare the seconds in which its libraries are imported.
    """
    root, took, undisturbed = world
    dice = random.Random(number)
    work = tmp_path / "work"
    shutil.copytree(root, work)
    process = touchloop("run", "--workspace", str(work), "--as-of", AS_OF)
    # the instants are spread over the whole run, one in each of so many slices
    until(process, took * (number + dice.random()) / KILLS)
    if number % 2:
        with suppress(ProcessLookupError):  # a run may take a little less than the calm one, and have ended
            os.killpg(process.pid, signal.SIGKILL)  # the workers too
    else:
        process.kill()  # the workers find themselves alone
    process.wait()
    if number % 5:
        run(work, AS_OF)
    else:
        finish(touchloop("run", "--workspace", str(work), "--as-of", AS_OF))
    with snapshot(work) as connection:
        conservation(connection)
        assert contents(connection) == undisturbed
    shutil.rmtree(work)
