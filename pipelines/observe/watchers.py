"""The watchers that the settings ask for."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import told_of_system
from pipelines.observe.observer import Observer, Observers
from pipelines.summary import Say
from pipelines.workspace import Workspace
from warehouse.ledger import Totals, totals
from warehouse.store import Store

if TYPE_CHECKING:  # structlog is for those who want a log for machines
    from pipelines.observe.logs import Logs

LINEAGE_URL = "OPENLINEAGE_URL"
LOG_FORMAT = "TOUCHLOOP_LOG_FORMAT"


def watchers(
    workspace: Workspace,
    *,
    job: str,
    say: Say,
    logs: Logs | None = None,
    serve: bool = False,
    port: int | None = None,
    reads: bool = True,
) -> Observer:
    """Everything that ``[observe]``, the environment and the arguments ask for. ``serve``: a process that stays, with a port.
    ``reads``: one that has increments."""
    settings = workspace.settings.observe
    found: list[Observer] = [logs] if logs else []
    url = os.environ.get(LINEAGE_URL) or settings.openlineage_url
    if url:
        from pipelines.observe.lineage import Lineage  # half a second to import

        kafka = workspace.settings.kafka
        broker = kafka.servers()[0] if kafka else None  # OpenLineage names a cluster by one of its brokers
        found.append(
            Lineage(
                url, namespace=settings.openlineage_namespace, job=job, workspace=workspace.root, broker=broker, say=say
            )
        )
    port = settings.port if port is None else port
    if (serve and port is not None) or settings.textfile:
        found += _metrics(workspace, say, settings, port if serve else None, reads)
    return Observers(found)


def _metrics(workspace: Workspace, say: Say, settings: Any, port: int | None, reads: bool) -> list[Observer]:
    from pipelines.observe.health import Health
    from pipelines.observe.metrics import Metrics
    from pipelines.observe.server import Server
    from pipelines.summary import version

    metrics, health = Metrics(version(), reads=reads), Health(settings.stale_after_seconds)
    totals_now, published_at, unpublished = standing(workspace)
    metrics.found(
        totals_now,
        published_at=published_at,
        unpublished=unpublished,
        written_at=changed_at(workspace.published / "parquet" / "manifest.json"),
    )
    found: list[Observer] = [metrics, health]
    if port is not None:
        server = Server(settings.host, port, metrics, health)
        say(f"metrics on http://{settings.host}:{server.port}/metrics, health on /healthz")
        found.append(server)
    if settings.textfile:
        textfile = workspace.root / settings.textfile
        with suppress(OSError, UnicodeDecodeError):  # the first process, or something else under this name
            metrics.remember(textfile.read_text(encoding="utf-8"))
        found.append(Textfile(metrics, textfile, say))
    return found


def standing(workspace: Workspace) -> tuple[Totals, float | None, bool]:
    """The ledger's totals, when a snapshot was last published (epoch seconds), and whether one is due: before this process did anything."""
    at = changed_at(workspace.snapshot)
    if not workspace.warehouse.exists():
        return Totals(), at, False
    with Store(workspace.warehouse, workspace.vault, workspace.scratch) as store:
        return totals(store), at, store.mark("unpublished") is not None


def changed_at(path: Path) -> float | None:
    """In epoch seconds, behind links; None if it is not there."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


class Textfile(Observer):
    """Writes the metrics where the node exporter looks, after every increment and at the end. That it cannot is said once and stops nothing."""

    def __init__(self, metrics: Any, path: Path, say: Say) -> None:
        self.metrics, self.path, self.say = metrics, path, say
        self._said = False

    def finished(self, increment: Any) -> None:
        self._write()

    def failed(self, run_id: str, error: BaseException) -> None:
        self._write()

    def close(self) -> None:
        self._write()

    def _write(self) -> None:
        try:
            self.metrics.write(self.path)
        except OSError as error:
            if not self._said:
                self._said = True
                self.say(
                    f"observe.textfile: the metrics cannot be written, and the work goes on without: {told_of_system(error)}"
                )
