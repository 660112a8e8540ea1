"""What the outside sees: metrics as the ledger has them, health, logs that machines read, lineage with offsets and rows."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from typer.testing import CliRunner
from workspaces import AS_OF, ROOT, example, payloads, put

from pipelines.cli.app import app
from pipelines.errors import AuditFailed, SettingsError, TooManyRejects
from pipelines.observe import names
from pipelines.observe.health import Health
from pipelines.observe.lineage import Lineage
from pipelines.observe.metrics import Metrics
from pipelines.observe.observer import Increment
from pipelines.observe.redact import without_addresses
from pipelines.observe.server import Server
from pipelines.observe.watchers import standing
from pipelines.workspace import Workspace
from warehouse.commit import load_rows
from warehouse.ledger import Input, inputs
from warehouse.store import Store

BROKEN = ("slack/broken.json", b'{"type": "event_callback"')


@contextmanager
def lineage_service() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(its address, the events that it was sent)."""
    events: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            events.append({**event, "authorization": self.headers.get("Authorization")})
            self.send_response(201)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", events
    finally:
        server.shutdown()
        server.server_close()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def invoke(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(app, [*arguments], env=environment)


def test_a_run_tells_its_metrics_logs_and_lineage(tmp_path: Path) -> None:
    """One run with a broken record, seen from outside by all three; a second run adds to the ledger's counters and resets none."""
    root = example(tmp_path)
    items = payloads()
    put(root, [*items[:-3], BROKEN])
    toml = root / "touchloop.toml"
    toml.write_text(toml.read_text() + '\n[observe]\ntextfile = "metrics/touchloop.prom"\n')
    with lineage_service() as (url, events):
        first = invoke(
            "run", "--workspace", str(root), "--as-of", AS_OF, "--log-format", "json", "--json", OPENLINEAGE_URL=url
        )
        assert first.exit_code == 0, first.output
    summary = json.loads(first.stdout)

    metrics = samples((root / "metrics" / "touchloop.prom").read_text())
    by_outcome = {
        outcome: sum(
            v for (name, labels), v in metrics.items()
            if name == "touchloop_records_total" and ("outcome", outcome) in labels and ("source", "crm") not in labels
        )
        for outcome in ("accepted", "duplicate", "ignored", "rejected")
    }  # fmt: skip
    assert by_outcome == {outcome: summary[outcome] for outcome in by_outcome}
    assert metrics["touchloop_rejects_total", (("reason", "malformed_json"), ("source", "slack"))] == 1
    assert metrics["touchloop_audits_total", (("result", "ok"),)] == 1
    assert metrics["touchloop_audits_total", (("result", "failed"),)] == 0
    assert metrics["touchloop_rebuilt_total", (("what", "accounts"),)] == summary["accounts_rebuilt"]
    assert abs(metrics["touchloop_last_publish_timestamp_seconds", ()] - time.time()) < 120
    assert metrics["touchloop_unpublished", ()] == metrics["touchloop_failing", ()] == 0
    assert metrics["touchloop_last_audit_passed", ()] == 1
    assert not {name for name, _ in metrics} & {"touchloop_broker_up", "touchloop_last_look_timestamp_seconds"}

    lines = [json.loads(line) for line in first.stderr.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "message"] == [
        "increment_started", "audited", "published", "increment_finished",
    ]  # fmt: skip
    assert {line["run_id"] for line in lines if line["event"] != "message"} == {summary["run_id"]}
    assert "@" not in first.stderr

    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in events}) == 1
    for event in events:
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event["run"]["runId"])
        assert {"eventTime", "producer", "schemaURL"} <= event.keys()
        assert event["job"] == {"facets": {}, "name": "run", "namespace": "touchloop"}
    read = {one["name"].rpartition("/")[2]: one["inputFacets"]["inputStatistics"] for one in events[1]["inputs"]}
    assert sum(one["rowCount"] for name, one in read.items() if name != "crm") == summary["records"]
    written = {one["name"]: one["outputFacets"]["outputStatistics"]["rowCount"] for one in events[1]["outputs"]}
    manifest = json.loads((root / "published" / "parquet" / "manifest.json").read_text())
    assert written == {f"main.{name}": table["rows"] for name, table in manifest["tables"].items()}

    put(root, items[-3:])
    second = invoke("run", "--workspace", str(root), "--as-of", AS_OF, "--json")
    assert second.exit_code == 0, second.output
    more = samples((root / "metrics" / "touchloop.prom").read_text())
    counters = [key for key in metrics if key[0] in ("touchloop_records_total", "touchloop_rejects_total")]
    assert all(more[key] >= metrics[key] for key in counters)
    assert (
        sum(more[k] - metrics[k] for k in counters if k[0].startswith("touchloop_records"))
        == json.loads(second.stdout)["records"]
    )


def test_lineage_tells_what_was_landed_since_readers_had_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that came no further than landing, and one whose audit failed, have read nothing that shows: the run that shows it tells of it."""
    root = example(tmp_path)
    items = payloads()

    def read(event: dict[str, Any]) -> dict[str, int]:
        return {
            one["name"].rpartition("/")[2]: one["inputFacets"]["inputStatistics"]["fileCount"]
            for one in event.get("inputs", [])
        }

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    refused = {"success": False, "failures": ["a sum is off"], "expectations": 1, "tables": 1}
    with lineage_service() as (url, events):
        for target, broken, some in (
            ("pipelines.deriving.derive.Derivation.run", fail, items[:-6]),
            ("pipelines.auditor.Auditor.verdict", lambda self: refused, items[-6:-4]),
            (None, None, items[-4:-2]),
            (None, None, items[-2:]),
        ):
            put(root, some)
            with monkeypatch.context() as patched:
                if target:
                    patched.setattr(target, broken)
                result = invoke("run", "--workspace", str(root), "--as-of", AS_OF, OPENLINEAGE_URL=url)
            assert (result.exit_code == 0) is (target is None)
    ends = [event for event in events if event["eventType"] != "START"]
    assert [(event["eventType"], bool(read(event))) for event in ends] == [
        ("FAIL", False), ("FAIL", False), ("COMPLETE", True), ("COMPLETE", True),
    ]  # fmt: skip
    assert "crm" in read(ends[2])
    told = [sum(count for name, count in read(event).items() if name != "crm") for event in ends[2:]]
    assert told == [len(items) - 2, 2]


def watched_example(root: Path, textfile: str = "touchloop.prom") -> Path:
    root = example(root)
    toml = root / "touchloop.toml"
    toml.write_text(toml.read_text() + f'\n[observe]\ntextfile = "{textfile}"\n')
    return root


def test_a_failed_audit_shows_until_it_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gauges tell of it, since each run from cron counts from nothing; the next process knows at its start what is unpublished."""
    root = watched_example(tmp_path)
    put(root, payloads()[:5])
    refused = {"success": False, "failures": ["a sum is off"], "expectations": 1, "tables": 1}
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.auditor.Auditor.verdict", lambda self: refused)
        failed = invoke("run", "--workspace", str(root), "--as-of", AS_OF)
    assert isinstance(failed.exception, AuditFailed)
    before = samples((root / "touchloop.prom").read_text())
    names_of_state = ("touchloop_unpublished", "touchloop_failing", "touchloop_last_audit_passed")
    assert [before[name, ()] for name in names_of_state] == [1, 1, 0]
    assert before["touchloop_last_publish_timestamp_seconds", ()] == 0
    assert standing(Workspace(root))[2]
    assert invoke("run", "--workspace", str(root), "--as-of", AS_OF).exit_code == 0
    after = samples((root / "touchloop.prom").read_text())
    assert [after[name, ()] for name in names_of_state] == [0, 0, 1]


def test_a_refused_file_shows_though_the_rest_lands(tmp_path: Path) -> None:
    root = watched_example(tmp_path)
    put(root, [*payloads()[:5], ("slack/broken.jsonl", b"{\n" * 200)])
    with lineage_service() as (url, events):
        result = invoke("run", "--workspace", str(root), "--as-of", AS_OF, OPENLINEAGE_URL=url)
    assert isinstance(result.exception, TooManyRejects)
    metrics = samples((root / "touchloop.prom").read_text())
    assert metrics["touchloop_failing", ()] == 1
    assert metrics["touchloop_increments_total", (("result", "failed"),)] == 1
    assert sum(value for (name, _), value in metrics.items() if name == "touchloop_records_total") > 0
    assert "slack/broken.jsonl" in events[-1]["run"]["facets"]["errorMessage"]["message"]


def test_counters_do_not_fall_when_a_replay_accepts(tmp_path: Path) -> None:
    """The ledger moves a record from rejected to accepted; a counter that fell would be taken for one that began anew."""
    root = example(tmp_path)
    entry = (ROOT / "examples" / "worked-example" / "inbox" / "ics" / "sam.ics").read_text()
    put(root, [("ics/sam.ics", entry.replace("00Z", "00").encode())])
    assert invoke("run", "--workspace", str(root), "--as-of", AS_OF).exit_code == 0
    workspace = Workspace(root)
    before = standing(workspace)[0].records
    assert before["ics", "rejected"] > 0
    toml = root / "touchloop.toml"
    toml.write_text(toml.read_text() + '\n[sources.ics]\ntimezone = "UTC"\n')
    assert invoke("rejects", "replay", "--workspace", str(root), "--as-of", AS_OF).exit_code == 0
    after = standing(Workspace(root))[0].records
    assert after["ics", "rejected"] == before["ics", "rejected"]
    assert after["ics", "accepted"] == before["ics", "accepted"] + before["ics", "rejected"]


REFUSED = {"success": False, "failures": ["a sum is off"], "expectations": 1, "tables": 1}


def told(event: dict[str, Any]) -> tuple[str, str, bool, bool]:
    """(job, state, whether it names what was read, and rows that were written)."""
    return event["job"]["name"], event["eventType"], bool(event.get("inputs")), bool(event.get("outputs"))


def test_a_publishing_by_hand_tells_what_the_run_could_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lineage gets what a run with a failed audit had landed, once; whether increments fail is not for it to say."""
    root = watched_example(tmp_path)
    put(root, payloads()[:5])
    with lineage_service() as (url, events):
        with monkeypatch.context() as patched:
            patched.setattr("pipelines.auditor.Auditor.verdict", lambda self: REFUSED)
            assert invoke("run", "--workspace", str(root), "--as-of", AS_OF, OPENLINEAGE_URL=url).exit_code != 0
            assert invoke("publish", "--workspace", str(root), OPENLINEAGE_URL=url).exit_code != 0
        failed = samples((root / "touchloop.prom").read_text())
        for _ in range(2):
            done = invoke("publish", "--workspace", str(root), "--log-format", "json", OPENLINEAGE_URL=url)
            assert done.exit_code == 0, done.output
    assert [told(event) for event in events if event["eventType"] != "START"] == [
        ("run", "FAIL", False, False), ("publish", "FAIL", False, False), ("publish", "COMPLETE", True, True), ("publish", "COMPLETE", False, True),
    ]  # fmt: skip
    assert events[3]["run"]["facets"]["errorMessage"]["message"].endswith("a sum is off")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "message"] == [
        "increment_started", "audited", "published", "increment_finished",
    ]  # fmt: skip
    metrics = samples((root / "touchloop.prom").read_text())
    state = ("touchloop_last_audit_passed", "touchloop_unpublished", "touchloop_failing")
    assert [failed[name, ()] for name in state] == [0, 1, 1]
    assert [metrics[name, ()] for name in state] == [1, 0, 1]
    assert failed["touchloop_last_publish_timestamp_seconds", ()] == 0
    assert abs(metrics["touchloop_last_publish_timestamp_seconds", ()] - time.time()) < 120
    assert sum(value for (name, _), value in metrics.items() if name == "touchloop_increments_total") == 0


def test_an_audit_tells_its_verdict_and_leaves_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = watched_example(tmp_path)
    put(root, payloads()[:5])
    assert invoke("run", "--workspace", str(root), "--as-of", AS_OF).exit_code == 0
    before = samples((root / "touchloop.prom").read_text())
    with lineage_service() as (url, events):
        with monkeypatch.context() as patched:
            patched.setattr("pipelines.auditor.Auditor.verdict", lambda self: REFUSED)
            assert isinstance(invoke("audit", "--workspace", str(root)).exception, AuditFailed)
        failed = samples((root / "touchloop.prom").read_text())
        assert invoke("audit", "--workspace", str(root), OPENLINEAGE_URL=url).exit_code == 0
    passed = samples((root / "touchloop.prom").read_text())
    assert [one["touchloop_last_audit_passed", ()] for one in (before, failed, passed)] == [1, 0, 1]
    for name in ("touchloop_failing", "touchloop_last_increment_timestamp_seconds", "touchloop_unpublished"):
        assert before[name, ()] == failed[name, ()] == passed[name, ()]
    assert events == []


def test_replays_and_an_erasure_tell_what_became_of_it(tmp_path: Path) -> None:
    """Each is a job of its own; a unit that is read again is an input once more, and one that is refused fails the replay."""
    root = watched_example(tmp_path)
    entry = (ROOT / "examples" / "worked-example" / "inbox" / "ics" / "sam.ics").read_text()
    put(root, [("ics/sam.ics", entry.replace("00Z", "00").encode()), ("slack/some.jsonl", b"{}\n" * 10)])
    assert invoke("run", "--workspace", str(root), "--as-of", AS_OF).exit_code == 0
    toml = root / "touchloop.toml"
    toml.write_text(f'[sources.ics]\ntimezone = "UTC"\n{toml.read_text()}')
    found = {}
    with lineage_service() as (url, events):
        for command in (("rejects", "replay"), ("replay", "inbox/ics/*"), ("erase", "bea.winter@northfield.example")):
            done = invoke(*command, "--workspace", str(root), "--as-of", AS_OF, OPENLINEAGE_URL=url)
            assert done.exit_code == 0, done.output
            found[command[0]] = samples((root / "touchloop.prom").read_text())
        assert [told(event) for event in events if event["eventType"] != "START"] == [
            ("rejects_replay", "COMPLETE", False, True), ("replay", "COMPLETE", True, True), ("erase", "COMPLETE", False, True),
        ]  # fmt: skip
        (read,) = events[3]["inputs"]
        assert read["name"] == str(root / "inbox" / "ics")
        toml.write_text(f"{toml.read_text()}\n[rejects]\nmin_records = 5\n")
        refused = invoke("replay", "inbox/slack/*", "--workspace", str(root), "--as-of", AS_OF, OPENLINEAGE_URL=url)
        assert isinstance(refused.exception, TooManyRejects)
        assert "slack/some.jsonl" in events[-1]["run"]["facets"]["errorMessage"]["message"]
    replayed = {
        command: {
            labels[0][1]: value for (name, labels), value in metrics.items() if name == "touchloop_replayed_total"
        }
        for command, metrics in found.items()
    }
    assert replayed["rejects"]["accepted"] > 0
    assert replayed["rejects"]["rejected"] == 10
    assert replayed["replay"] == {"new": 0, "changed": 0, "gone": 0}
    assert replayed["erase"] == {}
    assert [one["touchloop_failing", ()] for one in found.values()] == [0, 0, 0]
    assert samples((root / "touchloop.prom").read_text())["touchloop_failing", ()] == 1


@pytest.mark.parametrize("there", [b"touchloop_failing one\n", b"\xff\xfe"])
def test_what_is_no_text_of_metrics_is_written_over(tmp_path: Path, there: bytes) -> None:
    root = watched_example(tmp_path)
    put(root, payloads()[:5])
    (root / "touchloop.prom").write_bytes(there)
    assert invoke("run", "--workspace", str(root), "--as-of", AS_OF).exit_code == 0
    assert samples((root / "touchloop.prom").read_text())["touchloop_failing", ()] == 0


@pytest.mark.parametrize("textfile", ["touchloop.toml/metrics.prom", "inbox"])
def test_metrics_that_cannot_be_written_stop_nothing(tmp_path: Path, textfile: str) -> None:
    root = watched_example(tmp_path, textfile)
    put(root, payloads()[:5])
    result = invoke("run", "--workspace", str(root), "--as-of", AS_OF)
    assert result.exit_code == 0, result.output
    assert (root / "published" / "touchloop.duckdb").exists()
    assert result.stderr.count("the metrics cannot be written") == 1
    assert "Errno" not in result.stderr
    assert not list(root.glob(".*.partial"))


def test_what_is_no_address_of_a_service_is_a_settings_error(tmp_path: Path) -> None:
    result = invoke("run", "--workspace", str(example(tmp_path)), "--as-of", AS_OF, OPENLINEAGE_URL="nonsense")
    assert isinstance(result.exception, SettingsError)
    assert "observe.openlineage_url" in str(result.exception)


def test_addresses_do_not_leave_in_messages() -> None:
    assert without_addresses("from 'Ann <ann.b+c@mail.example.com>': no date") == "from 'Ann <<address>>': no date"
    health = Health(stale_after=60)
    health.failed("r", ValueError("ann@example.com is nobody"))
    assert "ann@" not in json.dumps(health.verdict()[1])


def test_a_lineage_service_that_is_away_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    lineage = Lineage(
        "http://127.0.0.1:9", namespace="n", job="run", workspace=tmp_path, broker=None, say=said.append, timeout=1
    )
    for number in range(3):
        lineage.started(str(number), time.time())
        lineage.finished(Increment(run_id=str(number), began=time.time()))
    lineage.close()
    assert len(said) == 1
    assert "goes on without it" in said[0]


def test_offsets_of_a_topic_are_told_by_partition(tmp_path: Path) -> None:
    """Each stretch that was read; offsets that retention took away are none, and a topic that lost all of them was not read."""
    with lineage_service() as (url, events):
        lineage = Lineage(url, namespace="n", job="stream", workspace=tmp_path, broker="b:9092", say=print)
        lineage.started("r", 0.0)
        parts = [
            Input(kind="kafka", source="slack", location=f"chat.v1/{p}", units=1, records=5, bytes=None, start=p, end=p + 5)
            for p in (0, 1)
        ]  # fmt: skip
        lost = Input(
            kind="kafka_gap", source="slack", location="chat.v1/0", units=1, records=0, bytes=None, start=5, end=7
        )
        behind = Input(
            kind="kafka", source="slack", location="chat.v1/0", units=1, records=2, bytes=None, start=7, end=9
        )
        elsewhere = Input(
            kind="kafka_gap", source="slack", location="chat.v2/0", units=1, records=0, bytes=None, start=0, end=7
        )
        parts += [lost, behind, elsewhere]
        lineage.finished(Increment(run_id="r", began=0.0, inputs=parts))
        lineage.close()
    (topic,) = events[1]["inputs"]
    assert (topic["namespace"], topic["name"]) == ("kafka://b:9092", "chat.v1")
    assert topic["inputFacets"]["touchloop_offsets"]["partitions"] == {"0": [0, 5, 7, 9], "1": [1, 6]}
    assert topic["inputFacets"]["inputStatistics"]["rowCount"] == 12


def test_a_partition_is_an_input_in_stretches(tmp_path: Path) -> None:
    """Ranges that follow each other are one; before and behind what was lost they are two, so that nobody takes it for read."""
    ranges = [("kafka", 0, 10), ("kafka", 10, 20), ("kafka_gap", 20, 30), ("kafka", 30, 35)]
    unit = {
        "source": "slack", "location": "chat.v1/0", "accepted_count": 5, "duplicate_count": 0, "ignored_count": 0, "rejected_count": 0,
        "event_count": 5, "record_count": 5, "adapter_version": "1", "landed_at": 0, "run_id": "r",
    }  # fmt: skip
    files = {"kind": "file", "location": "inbox/slack/x", "range_start": 0}
    with Store(tmp_path / "warehouse.duckdb", tmp_path / "vault.duckdb", tmp_path) as store:
        load_rows(
            store,
            "ledger_unit",
            [
                *(unit | {"unit_id": str(start), "kind": kind, "range_start": start, "range_end": end} for kind, start, end in ranges),
                *(unit | files | {"unit_id": f"f{size}", "range_end": size} for size in (3, 4)),
                unit | {"unit_id": "x", "kind": "kafka", "range_start": 35, "range_end": 40, "run_id": "another"},
            ],
        )  # fmt: skip
        found = inputs(store, "r", "another")
    assert [(one.kind, one.units, one.records, one.bytes, one.start, one.end) for one in found] == [
        ("file", 2, 10, 7, None, None), ("kafka", 2, 10, None, 0, 20), ("kafka", 1, 5, None, 30, 35), ("kafka_gap", 1, 5, None, 20, 30),
    ]  # fmt: skip


def test_a_failed_increment_fails_its_lineage_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "t0ken")
    with lineage_service() as (url, events):
        lineage = Lineage(url, namespace="n", job="run", workspace=tmp_path, broker=None, say=print)
        lineage.started("r", 0.0)
        lineage.failed("r", ValueError("the reason"))
        lineage.close()
    assert [event["eventType"] for event in events] == ["START", "FAIL"]
    assert events[1]["run"]["facets"]["errorMessage"]["message"] == "the reason"
    assert {event["authorization"] for event in events} == {"Bearer t0ken"}


def test_offsets_that_were_landed_twice_add_up() -> None:
    metrics = Metrics("1")
    for _ in range(2):
        metrics.finished(Increment(run_id="r", began=0, summary={"reread": 21}))
    assert samples(metrics.text().decode())["touchloop_reread_offsets_total", ()] == 42


def test_health_turns_with_failure_and_silence() -> None:
    health = Health(stale_after=60)
    metrics = Metrics("1")
    server = Server("127.0.0.1", 0, metrics, health)
    base = f"http://127.0.0.1:{server.port}"
    try:
        status, body = get(f"{base}/healthz")
        assert (status, json.loads(body)["broker"]) == (200, None)
        health.failed("r", ValueError("no space left"))
        status, body = get(f"{base}/healthz")
        assert status == 503
        assert "no space left" in json.loads(body)["reasons"][0]
        health.finished(Increment(run_id="r", began=0))
        health.broker(up=False, detail="refused")
        status, body = get(f"{base}/healthz")
        assert (status, json.loads(body)["broker"]) == (200, "away: refused")
        health.broker(up=True)
        assert json.loads(get(f"{base}/healthz")[1])["broker"] == "up"
        health.looked(time.time() - 61)
        assert get(f"{base}/healthz")[0] == 503
        status, body = get(f"{base}/metrics")
        assert status == 200
        assert samples(body)["touchloop_build_info", (("version", "1"),)] == 1
        assert get(f"{base}/other")[0] == 404
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{server.port}"):
            Server("127.0.0.1", server.port, metrics, health)
    finally:
        server.close()


def test_a_stream_serves_while_it_runs(tmp_path: Path) -> None:
    root = example(tmp_path)
    put(root, payloads())
    done = invoke(
        "stream", "--workspace", str(root), "--as-of", AS_OF, "--until-caught-up", "--metrics-port", "0", "--log-format", "json"
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert any("/healthz" in line.get("text", "") for line in said)
    assert any(line["event"] == "published" for line in said)


def test_dashboard_and_alerts_speak_of_metrics_that_exist() -> None:
    """And every metric is on the dashboard."""
    known = {name for metric in names.ALL for name in names.sample_names(metric)}
    board = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"touchloop_\w+", target["expr"])
    }
    rules = YAML(typ="safe").load((ROOT / "docs" / "prometheus-alerts.yml").read_text())["groups"][0]["rules"]
    alerted = {name for rule in rules for name in re.findall(r"touchloop_\w+", rule["expr"])}
    assert asked | alerted <= known
    for metric in names.ALL:
        assert asked & set(names.sample_names(metric)), f"{metric.name} is not on the dashboard"


def test_beam_counts_under_the_same_name(tmp_path: Path) -> None:
    import pyarrow as pa

    from pipelines.ingest import tally
    from pipelines.reading.landed import LANDED
    from pipelines.reading.read import RAW

    raw = pa.RecordBatch.from_pylist(
        [{"unit_id": "u", "system": s, "name": "n", "position": p, "payload": b""} for p, s in enumerate("aab")], RAW
    )
    landed = pa.RecordBatch.from_pylist(
        [
            {"unit_id": "u", "position": 0, "outcome": "event", "system": "a"},
            {"unit_id": "u", "position": 0, "outcome": "event", "system": "a"},
            {"unit_id": "u", "position": 1, "outcome": "rejected", "system": "a"},
            {"unit_id": "u", "position": 2, "outcome": "ignored", "system": "b"},
        ],
        LANDED,
    )
    assert tally(raw, landed) == {("a", "event"): 1, ("a", "rejected"): 1, ("b", "ignored"): 1}
