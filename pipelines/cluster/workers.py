"""An increment's Beam parts on a cluster: the same shares of work, dealt out to its workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from pipelines.cluster.runner import Runner
from pipelines.coders import beam
from pipelines.deriving.journeys import ShardJob, account_steps, fold_steps, run_accounts, run_fold
from pipelines.ingest import IngestJob, ingest_steps, run_ingest
from pipelines.workers import tell_of_the_machine


class ClusterWorkers:
    """Takes the place of ``pipelines.workers.Workers``. The workspace must be a folder that the cluster's workers see under the same path."""

    worth_groups = 5_000

    def __init__(self, runner: Runner, count: int) -> None:
        """``count`` is how many shares of work are made; the runner's own options say how many are worked on at once."""
        self.runner, self.count = runner, count

    def warm(self) -> None:
        """Its workers are there."""

    def run(self, function: Callable[[Any], Any], jobs: Iterable[Any], *, here: bool = False) -> list[Any]:
        """``function(job)`` for every job. What is too little to be sent runs in this process."""
        given = list(jobs)
        if here or not given:
            return [tell_of_the_machine(function, job) for job in given]
        shares, steps = _STEPS[function]
        with self.runner.bounded() as pipeline:
            dealt = pipeline | "shares" >> beam.Create(shares(given)) | "deal" >> beam.Reshuffle()
            steps(dealt, given[0])
        return []

    def release(self) -> None:
        """The cluster's processes are not ours to end."""

    def close(self) -> None:
        """The cluster is not ours to stop."""

    def __enter__(self) -> ClusterWorkers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _shards(jobs: list[ShardJob]) -> list[Any]:
    return [shard for job in jobs for shard in job.shards]


def _units(jobs: list[IngestJob]) -> list[Any]:
    return [job.units for job in jobs]


_STEPS: dict[Any, tuple[Callable[[list[Any]], list[Any]], Callable[[Any, Any], Any]]] = {
    run_ingest: (_units, ingest_steps),
    run_fold: (_shards, lambda shards, job: fold_steps(shards, job.out, job.world)),
    run_accounts: (_shards, lambda shards, job: account_steps(shards, job.out, job.world)),
}
"""Of each share's function: what is dealt out, and the steps that it goes through."""
