"""The gate: what fails its audit is not published, and the last good snapshot stays."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import duckdb
import pytest
from workspaces import example, payloads, put, run, snapshot

from pipelines.cli import app as cli


def touchloop(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["touchloop", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_a_failed_audit_keeps_the_last_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1; the message names the expectation and the rows; readers see what they saw; a mended warehouse publishes again."""
    root = example(tmp_path)
    put(root, payloads())
    run(root)
    before = os.readlink(root / "published" / "current")
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as connection:
        row = connection.execute("SELECT min(touchpoint_id) FROM fact_touchpoint WHERE channel = 'chat'").fetchone()
        assert row is not None
        broken = row[0]
        connection.execute("UPDATE fact_touchpoint SET channel = 'fax' WHERE touchpoint_id = ?", [broken])
    for command in ("audit", "publish"):
        assert touchloop(monkeypatch, command, "--workspace", str(root)) == 1
        message = capsys.readouterr().err
        assert "fact_touchpoint" in message
        assert "channel" in message
        assert broken in message
        assert os.readlink(root / "published" / "current") == before
        # the failure can be read in the data docs at once
        assert ">failed<" in (root / "published" / "data-docs" / "index.html").read_text(encoding="utf-8")
        with snapshot(root) as connection:
            assert connection.execute("SELECT count(*) FROM fact_touchpoint WHERE channel = 'fax'").fetchone() == (0,)
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE fact_touchpoint SET channel = 'chat' WHERE channel = 'fax'")
    assert touchloop(monkeypatch, "publish", "--workspace", str(root)) == 0
    assert os.readlink(root / "published" / "current") != before
