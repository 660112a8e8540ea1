"""The auditor's process: it serves many audits, is replaced before it grows, and its death is told and mended."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from lent_auditor import own
from workspaces import example, increment, payloads, put

from pipelines.auditor import Auditor
from pipelines.errors import UserError
from pipelines.workspace import Workspace
from warehouse.publish import Candidate


@pytest.fixture(scope="module", autouse=True)
def own_processes() -> Iterator[None]:
    with own():
        yield


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = example(tmp_path_factory.mktemp("auditor"))
    put(root, payloads())
    increment(root)
    return Workspace(root)


@pytest.fixture(scope="module")
def database(workspace: Workspace) -> Path:
    """A candidate, as it is audited before it is published."""
    candidate = Candidate(workspace.published, "candidate")
    candidate.copy(workspace.warehouse, seller_level=True)
    return candidate.database


def process_of(auditor: Auditor) -> int:
    assert auditor._process is not None
    return auditor._process.pid


def test_one_process_serves_many_audits_until_it_is_replaced(
    workspace: Workspace, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docs are written meanwhile; what nobody asked for is not taken for the next verdict."""
    monkeypatch.setattr("pipelines.auditor.AUDITS_OF_A_PROCESS", 2)
    seen = []
    with Auditor(workspace) as auditor:
        for together in (False, True, False):
            auditor.begin(database, docs=together)
            assert auditor.verdict()["success"] is True
            if not together:
                auditor.write_docs()
            seen.append(process_of(auditor))
    assert seen[0] == seen[1] != seen[2]
    index = (workspace.published / "data-docs" / "index.html").read_text(encoding="utf-8")
    assert index.count(">passed<") == 3, "the docs of the last audit are complete when the auditor is closed"


def test_one_that_nothing_was_asked_of_is_not_waited_for(workspace: Workspace) -> None:
    with Auditor(workspace) as auditor:
        auditor.start()
        process = auditor._process
    assert process is not None
    assert process.returncode == -signal.SIGKILL  # and not 0, seconds later, when its library is imported


def test_a_dead_auditor_publishes_nothing_and_the_next_question_starts_another(
    workspace: Workspace, database: Path
) -> None:
    """An audit without a verdict is a failure in words, not a hang and not a pass."""
    with Auditor(workspace) as auditor:
        auditor.start()
        assert auditor._process is not None
        auditor._process.kill()
        auditor._process.wait()
        auditor.begin(database)
        with pytest.raises(UserError, match="the audit ended without a verdict, so nothing was published"):
            auditor.verdict()
        auditor.begin(database)
        assert auditor.verdict()["success"] is True
