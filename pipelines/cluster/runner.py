"""Which runner a job goes to, and faults of a cluster in our words."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import msgspec

from pipelines.coders import PipelineOptions, beam, register
from pipelines.errors import SettingsError, UserError

HERE = "FnApiRunner"
"""One process of this machine."""
ONLY_BOUNDED = ("FnApiRunner", "DirectRunner", "BundleBasedDirectRunner", "SwitchingDirectRunner", "InteractiveRunner")
ENDLESS = ("--streaming", "--checkpointing_interval=10000", "--finish_bundle_before_checkpointing")
"""Flink keeps no checkpoints unless it is told how often (milliseconds). And what a step gives while a checkpoint is made is held
back until the step is given more: the first step of a source is never given more, and one start in three stood still."""
ACCEPT_SECONDS = 120


class ClusterFault(UserError):
    """The cluster could not be reached, or the job failed on it."""


class Runner(msgspec.Struct, frozen=True):
    """A Beam runner by name, and its own options, which are passed on as they are (``--job_endpoint=…``)."""

    name: str = HERE
    options: tuple[str, ...] = ()

    def check(self, *, endless: bool) -> None:
        """Raises ``SettingsError`` for a runner that would not do: told at the start, not after hours."""
        if endless and self.name in ONLY_BOUNDED:
            raise SettingsError(
                f"--streaming needs a runner with checkpoints, such as FlinkRunner: on {self.name} a source without an end starves "
                "what follows it, and would be read again from the start after a crash. On one machine, use touchloop stream"
            )
        with _told(self):
            self._is_one()
            self.pipeline_options(endless=endless).get_all_options()
        if self.name == "PortableRunner" and not any(o.startswith("--job_endpoint") for o in self.options):
            raise SettingsError("--runner PortableRunner: say where its job server is: --job_endpoint=HOST:PORT")

    def _is_one(self) -> None:
        """Raises ``SettingsError`` for a name of none, which Beam would look up with the first job only."""
        from apache_beam.runners.runner import PipelineRunner, create_runner  # once Beam was imported quietly

        try:
            made = create_runner(self.name)
        except (ImportError, AttributeError, TypeError, ValueError) as error:  # also of a dotted name of something else
            raise SettingsError(f"--runner {self.name}: {error}") from None
        if not isinstance(made, PipelineRunner):
            raise SettingsError(f"--runner {self.name}: it is no runner of Beam")

    def pipeline_options(self, *, endless: bool) -> Any:
        given = list(self.options)
        defaults = ["--job_server_timeout=20", *(ENDLESS if endless else ())]
        named = {option.partition("=")[0] for option in given}
        given += [option for option in defaults if option.partition("=")[0] not in named]
        # it warns of options that only the job server knows, which is asked later
        logging.getLogger("apache_beam.options.pipeline_options").setLevel(logging.ERROR)
        return PipelineOptions(given)

    @contextmanager
    def bounded(self) -> Iterator[Any]:
        """A pipeline that has run when the block ends. Raises ``ClusterFault``."""
        register()
        with _told(self):
            pipeline = self._pipeline(endless=False)
            yield pipeline
            pipeline.run().wait_until_finish()

    def submit(self, pipeline: Any) -> str:
        """Start an endless pipeline made by ``endless`` and leave it to the cluster. Returns the job's id there."""
        with _told(self):
            result = pipeline.run()
            deadline = time.monotonic() + ACCEPT_SECONDS
            while (state := result.state) != "RUNNING":
                if state in ("FAILED", "CANCELLED", "DONE", "UPDATED", "DRAINED"):
                    raise ClusterFault(f"{self.name} took the job, but it is {state}: the job server's log says why")
                if time.monotonic() > deadline:
                    raise ClusterFault(f"{self.name} took the job, but {ACCEPT_SECONDS} s later it is still {state}")
                time.sleep(0.5)
            return str(getattr(result, "_job_id", ""))

    def endless(self) -> Any:
        register()
        with _told(self):
            return self._pipeline(endless=True)

    def _pipeline(self, *, endless: bool) -> Any:
        return beam.Pipeline(self.name, options=self.pipeline_options(endless=endless))


def runner_of(name: str | None, options: Sequence[str]) -> Runner:
    """From the command line. Raises ``SettingsError``."""
    stray = [option for option in options if not option.startswith("--")]
    if options and name is None:
        raise SettingsError(f"no such option: {options[0]} (options of a Beam runner go with --runner)")
    if stray:
        raise SettingsError(f"{stray[0]!r} is no option; options of the runner are written --name=value")
    if name is not None and not name.strip():
        raise SettingsError("--runner: the name of a Beam runner, such as FlinkRunner")
    return Runner(name or HERE, tuple(options))


@contextmanager
def _told(runner: Runner) -> Iterator[None]:
    try:
        yield
    except SystemExit:  # argparse has told on standard error what it does not like
        raise SettingsError(f"--runner {runner.name}: its options are not right: {' '.join(runner.options)}") from None
    except grpc.FutureTimeoutError:
        raise ClusterFault(f"{runner.name}: the job server does not answer ({' '.join(runner.options)})") from None
    except grpc.RpcError as error:
        detail = error.details() if isinstance(error, grpc.Call) else error
        raise ClusterFault(f"{runner.name}: the job server broke off: {detail}") from None
    except RuntimeError as error:
        if runner.name in ONLY_BOUNDED or "failed in state" not in str(error):
            raise
        raise ClusterFault(f"{runner.name}: {str(error).strip().splitlines()[-1]}") from None
    except ValueError as error:
        if "runner" not in str(error).lower():
            raise
        raise SettingsError(f"--runner {runner.name}: {error}") from None
