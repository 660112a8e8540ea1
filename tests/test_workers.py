"""The pool of worker processes: who works, what is told when one of them fails, and when others take their places."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from pipelines import workers as pools
from pipelines.errors import UserError
from pipelines.workers import Workers


@pytest.fixture
def two() -> Iterator[Workers]:
    with Workers(2) as workers:
        yield workers


def twice(job: int) -> int:
    return 2 * job


def process_of(job: int) -> int:
    return os.getpid()


def end_at_once(job: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_into_a_full_disk(job: int) -> None:
    raise OSError(28, "No space left on device")


def hears_ctrl_c(job: int) -> tuple[object, bool]:
    return signal.getsignal(signal.SIGINT), signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_results_come_in_the_order_of_the_jobs(two: Workers) -> None:
    """Whoever is done first."""
    assert two.run(twice, range(20)) == [2 * n for n in range(20)]


def test_a_single_share_stays_here(two: Workers) -> None:
    """Another process would cost more than it saves; so would several for shares that are small."""
    assert two.run(process_of, [1]) == [os.getpid()]
    assert set(two.run(process_of, [1, 2, 3], here=True)) == {os.getpid()}
    assert os.getpid() not in two.run(process_of, [1, 2, 3])


def test_a_worker_that_is_killed_is_a_sentence(two: Workers) -> None:
    """It says what may help, and the next run has workers again."""
    with pytest.raises(UserError, match="a worker process ended unexpectedly"):
        two.run(end_at_once, [1, 2])
    assert two.run(twice, [1, 2]) == [2, 4]


def test_a_fault_of_the_machine_is_told_as_one(two: Workers) -> None:
    """As a sentence, without the traceback of Beam around it."""
    with pytest.raises(UserError, match="No space left on device; what was not committed is done again"):
        two.run(run_into_a_full_disk, [1, 2])


def test_others_take_their_places(two: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many runs, and after they were released; not before."""
    monkeypatch.setattr(pools, "RUNS_OF_A_POOL", 2)
    first, second, third = (set(two.run(process_of, range(50))) for _ in range(3))
    assert first | second
    assert len(first | second) <= 2
    assert not third & (first | second)
    two.release()
    assert not set(two.run(process_of, range(50))) & third


@pytest.mark.parametrize("deaf", [False, True])
def test_a_worker_tells_nothing_of_a_ctrl_c(deaf: bool) -> None:
    """It ends of it without a traceback, or does not hear it; before it can say which, the signal waits."""
    is_ignored = deaf or signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as a shell has it for its background jobs
    handler = signal.SIG_IGN if is_ignored else signal.SIG_DFL
    with Workers(2, deaf=deaf) as workers:
        assert set(workers.run(hears_ctrl_c, range(4))) == {(handler, False)}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_the_server_is_started_where_no_ctrl_c_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor the workers that are forked from it, while they come to themselves."""
    kept = []
    monkeypatch.setattr(
        pools.forkserver, "ensure_running", lambda: kept.extend(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    )
    pools._start_server()
    assert signal.SIGINT in kept
