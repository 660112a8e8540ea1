"""How RecordBatches cross stages."""

from __future__ import annotations

import pickle

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders import registry
from apache_beam.runners.worker.statesampler import get_current_tracker
from apache_beam.testing.util import assert_that, equal_to

from pipelines.coders import SAMPLING_MS, ArrowIpcCoder, PipelineOptions
from pipelines.ingest import RUNNER, Land, Normalize, Read

BATCH = pa.record_batch({"account": [f"A{i % 50:08d}" for i in range(1000)], "n": list(range(1000))})


def test_the_ipc_coder_is_the_one_chosen() -> None:
    """A RecordBatch, alone or in a pair, is coded as Arrow IPC and not pickled."""
    assert isinstance(registry.get_coder(pa.RecordBatch), ArrowIpcCoder)
    pair = registry.get_coder(beam.typehints.Tuple[int, pa.RecordBatch])
    assert any(isinstance(c, ArrowIpcCoder) for c in pair._coders)


def test_steps_declare_what_they_pass_on() -> None:
    """The coder follows from the type hints of the steps, so each has them."""
    assert Read(None, 1, None).get_type_hints().simple_output_type("read") == pa.RecordBatch
    assert Normalize(0, 0, {}).get_type_hints().simple_output_type("normalize") == pa.RecordBatch
    assert Land(None).get_type_hints().input_types[0][0] == pa.RecordBatch


def test_a_slice_does_not_carry_its_parent() -> None:
    """Five rows cost five rows."""
    part = BATCH.slice(10, 5)
    coded = ArrowIpcCoder().encode(part)
    assert ArrowIpcCoder().decode(coded).equals(part)
    assert len(coded) < 1000
    assert len(pickle.dumps(part)) > 10 * len(coded)


def test_a_pipeline_ends_promptly() -> None:
    """Beam's sampler, for which the end of a pipeline waits, wakes as often as we say."""
    with beam.Pipeline(RUNNER, options=PipelineOptions([])) as pipeline:
        periods = (
            pipeline | beam.Create([1], reshuffle=False) | beam.Map(lambda _: get_current_tracker().sampling_period_ms)
        )
        assert_that(periods, equal_to([SAMPLING_MS]))
