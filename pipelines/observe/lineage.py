"""OpenLineage: for each increment, what it read (with offsets) and which tables came of it (with rows).

Events leave from a thread of their own: a lineage service that is slow or away never holds an increment up.
"""

from __future__ import annotations

import os
import queue
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attr
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    error_message_run,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
)
from openlineage.client.generated.base import InputDatasetFacet
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

from pipelines.errors import SettingsError
from pipelines.observe.observer import Increment, Observer
from pipelines.observe.redact import without_addresses
from pipelines.summary import Say
from warehouse.ledger import Input

PRODUCER = "urn:touchloop"
API_KEY = "OPENLINEAGE_API_KEY"
"""Environment variable of a bearer token, as the library's own configuration has it; never a setting."""
WAITING = 1000
"""Events kept while the service does not answer; beyond it new ones are lost, and that is said."""
LAST_WORDS = 5.0
"""Seconds that the end of the process waits for the last events to leave."""


@attr.define
class OffsetsFacet(InputDatasetFacet):
    """Offsets that were read of each partition: where a stretch of them begins, and one past its end; then the next, if some between were lost."""

    partitions: dict[str, list[int]] = attr.field(factory=dict)

    @staticmethod
    def _get_schema() -> str:
        return f"{PRODUCER}:offsets-facet:1-0-0"


class Lineage(Observer):
    """Tells a lineage service of each increment that had something to do."""

    def __init__(
        self, url: str, *, namespace: str, job: str, workspace: Path, broker: str | None, say: Say, timeout: float = 5.0
    ) -> None:
        """Raises ``SettingsError`` for what is no URL of a service. ``timeout`` is in seconds."""
        auth = ApiKeyTokenProvider({"apiKey": key}) if (key := os.environ.get(API_KEY)) else TokenProvider({})
        try:
            transport = HttpTransport(HttpConfig(url=url, timeout=timeout, retry={"total": 0}, auth=auth))
            self._client = OpenLineageClient(transport=transport)
        except ValueError:
            raise SettingsError(
                "OPENLINEAGE_URL, or observe.openlineage_url: it is no URL such as http://lineage.example.com:5000"
            ) from None
        self._job = Job(namespace=namespace, name=job)
        self._workspace, self._broker, self._say = workspace, broker, say
        self._began: dict[str, tuple[str, float]] = {}
        self._rows: dict[str, int] = {}
        self._unanswered = False
        self._waiting: queue.Queue[RunEvent | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._send, name="lineage", daemon=True)
        self._thread.start()

    def started(self, run_id: str, began: float) -> None:
        lineage_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}/{run_id}/{began}"))
        self._began[run_id] = (lineage_id, began)
        self._rows = {}
        self._emit(RunState.START, lineage_id, began)

    def published(self, run_id: str, at: float, rows: dict[str, int]) -> None:
        self._rows = rows

    def finished(self, increment: Increment) -> None:
        known = self._began.pop(increment.run_id, None)
        if known is not None:
            ended = increment.began + increment.seconds
            facets = _message("; ".join(increment.faults)) if increment.faults else None
            self._emit(
                RunState.COMPLETE,
                known[0],
                ended,
                facets=facets,
                inputs=self._inputs(increment),
                outputs=self._outputs(),
            )

    def failed(self, run_id: str, error: BaseException) -> None:
        known = self._began.pop(run_id, None)
        if known is not None:
            self._emit(RunState.FAIL, known[0], datetime.now(UTC).timestamp(), facets=_message(str(error)))

    def close(self) -> None:
        try:
            self._waiting.put(None, timeout=LAST_WORDS)
        except queue.Full:
            return
        self._thread.join(LAST_WORDS)

    def _inputs(self, increment: Increment) -> list[InputDataset]:
        """A folder of files for each source, a topic for all of its partitions."""
        topics: dict[str, list[Input]] = {}
        found = []
        for one in increment.inputs:
            if one.kind == "file":
                count = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                    rowCount=one.records, size=one.bytes, fileCount=one.units
                )
                name = (self._workspace / one.location).as_posix()
                found.append(InputDataset(namespace="file", name=name, inputFacets={"inputStatistics": count}))
            elif one.kind == "kafka":  # what retention took away was not read
                topics.setdefault(one.location.rpartition("/")[0], []).append(one)
        for topic, parts in topics.items():
            offsets: dict[str, list[int]] = {}
            for one in parts:
                assert one.start is not None
                assert one.end is not None
                offsets.setdefault(one.location.rpartition("/")[2], []).extend((one.start, one.end))
            count = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                rowCount=sum(p.records for p in parts)
            )
            facets: dict[str, Any] = {"inputStatistics": count, "touchloop_offsets": OffsetsFacet(partitions=offsets)}
            found.append(InputDataset(namespace=f"kafka://{self._broker}", name=topic, inputFacets=facets))
        return found

    def _outputs(self) -> list[OutputDataset]:
        database = (self._workspace / "published" / "touchloop.duckdb").as_posix()
        statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
        return [
            OutputDataset(
                namespace=f"duckdb://{database}",
                name=f"main.{table}",
                outputFacets={"outputStatistics": statistics(rowCount=rows)},
            )
            for table, rows in sorted(self._rows.items())
        ]

    def _emit(self, state: RunState, lineage_id: str, at: float, *, facets: Any = None, **datasets: Any) -> None:
        event = RunEvent(
            eventType=state,
            eventTime=datetime.fromtimestamp(at, UTC).isoformat(),
            run=Run(runId=lineage_id, facets=facets or {}),
            job=self._job,
            producer=PRODUCER,
            **datasets,
        )
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._trouble("its queue is full, and events are lost")

    def _send(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._client.emit(event)
                if self._unanswered:
                    self._unanswered = False
                    self._say("the lineage service answers again")
            except Exception as error:  # whatever it is: lineage is told, never waited for
                self._trouble(f"{type(error).__name__}: {error}")

    def _trouble(self, why: str) -> None:
        if not self._unanswered:
            self._unanswered = True
            self._say(f"the lineage service does not take events, and the work goes on without it: {why[:300]}")


def _message(text: str) -> dict[str, Any]:
    facet = error_message_run.ErrorMessageRunFacet(message=without_addresses(text)[:2000], programmingLanguage="python")
    return {"errorMessage": facet}
