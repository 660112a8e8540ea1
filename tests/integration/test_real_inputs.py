"""A run over thousands of payloads that nobody here wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from real_inputs import FOLDERS, build_workspace, tables
from workspaces import ROOT, conservation, snapshot

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
AS_OF = "2026-11-24T00:00:00Z"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, real_dir: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    root = tmp_path_factory.mktemp("real")
    build_workspace(root, real_dir)
    command = [sys.executable, "-m", "pipelines", "run", "--workspace", str(root), "--as-of", AS_OF]
    return root, subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_over_real_payloads_ends_well(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """Exit 0, no traceback, a published snapshot."""
    _, process = finished
    assert process.returncode == 0, process.stderr[-2000:]
    assert "Traceback" not in process.stderr


def test_conservation_holds_exactly(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """Every record ends in one of the four counts, and every file of every source is in the ledger."""
    root, _ = finished
    with snapshot(root) as connection:
        conservation(connection)
        landed = {row[0] for row in connection.execute("SELECT location FROM ledger_unit").fetchall()}
    files = {p.relative_to(root).as_posix() for s in FOLDERS for p in (root / "inbox" / s).rglob("*") if p.is_file()}
    assert landed == {f for f in files if not Path(f).name.startswith(".")}


def test_the_documented_table_is_the_one_seen(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """docs/real-inputs.md shows what this run gives."""
    root, _ = finished
    documented = (ROOT / "docs" / "real-inputs.md").read_text(encoding="utf-8")
    assert tables(root / "published" / "touchloop.duckdb") in documented
