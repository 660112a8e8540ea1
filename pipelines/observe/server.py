"""One small HTTP server for ``/metrics`` and ``/healthz``."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST

from pipelines.errors import SettingsError
from pipelines.observe.health import Health
from pipelines.observe.metrics import Metrics
from pipelines.observe.observer import Observer


class Server(Observer):
    """Serves from a thread until closed. Port 0 takes a free one; ``port`` tells which."""

    def __init__(self, host: str, port: int, metrics: Metrics, health: Health) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.partition("?")[0] == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, metrics.text())
                elif self.path.partition("?")[0] == "/healthz":
                    healthy, said = health.verdict()
                    body = json.dumps(said, indent=1).encode() + b"\n"
                    self._answer(200 if healthy else 503, "application/json", body)
                else:
                    self._answer(404, "text/plain", b"there are /metrics and /healthz\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """A scrape every few seconds is no news."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise SettingsError(f"observe.port: cannot listen on {host}:{port}: {error.strerror or error}") from None
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="observe", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
