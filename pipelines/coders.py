"""Beam, imported quietly and made to end promptly, and how a RecordBatch crosses from one of its stages to the next."""

from __future__ import annotations

import logging
import os
from typing import Any

import pyarrow as pa

from pipelines.collector import collector_paused

# while it is imported, Beam warns of cloud clients that nobody here asked for: hence the late imports
logging.disable(logging.WARNING)
with collector_paused():
    import apache_beam as beam
    from apache_beam import coders
    from apache_beam.coders.typecoders import registry
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.worker import statesampler
logging.disable(logging.NOTSET)
if not os.environ.get("TOUCHLOOP_DEBUG"):
    logging.getLogger("apache_beam.runners.common").setLevel(
        logging.CRITICAL
    )  # it logs what it then raises, traceback and all


SAMPLING_MS = 10
"""Between two looks of Beam at which step is at work."""


class PromptSampler(statesampler.StateSampler):
    """Beam waits for its sampler to wake before a pipeline has ended, and lets it sleep longer each time, up to 200 ms, which no
    option changes: 0.11 s for a pipeline of half a second, and 0.07 s with this."""

    def __init__(self, prefix: str, counter_factory: Any, sampling_period_ms: int = SAMPLING_MS) -> None:
        super().__init__(prefix, counter_factory, sampling_period_ms)


statesampler.StateSampler = PromptSampler  # type: ignore[misc]  # in the place of a class


class ArrowIpcCoder(coders.Coder):
    """One RecordBatch as an Arrow IPC stream, its schema included.

    The default coder is pickle: a slice of five rows carries its whole parent with it (117,789 bytes against 1,624).
    """

    def encode(self, value: Any) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_batch(value)
        data: bytes = sink.getvalue().to_pybytes()
        return data

    def decode(self, encoded: bytes) -> Any:
        with pa.ipc.open_stream(pa.py_buffer(encoded)) as reader:
            return reader.read_next_batch()

    def estimate_size(self, value: Any) -> int:
        """Beam samples sizes for its counters; the default would encode the batch to tell."""
        size: int = value.nbytes
        return size

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> Any:
        return pa.RecordBatch


def register() -> None:
    """Make it the coder of every RecordBatch in this process. Idempotent."""
    registry.register_coder(pa.RecordBatch, ArrowIpcCoder)


register()

__all__ = ["ArrowIpcCoder", "PipelineOptions", "beam", "register"]
