"""What lies in the inbox and nothing reads is said."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from workspaces import conservation, example, increment, payloads, put, snapshot

from pipelines.cli.doctor import examine
from pipelines.workspace import Workspace
from transforms.crm.files import CRM_FILES


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = example(tmp_path)
    assert increment(made).warnings == []
    return made


def put_all(root: Path) -> list[str]:
    """Names that look as if they were read."""
    inbox = root / "inbox"
    for name in ("crm/Accounts.csv", "crm/accounts.csv.gz", "crm/contacts.csv", "export.json"):
        (inbox / name).write_text("a,b\n")
    for name in ("crm/archive", "slak"):
        (inbox / name).mkdir()
        (inbox / name / "people.csv").write_text("a,b\n")
    crm = ("Accounts.csv", "accounts.csv.gz", "archive/", "contacts.csv")
    return [*(f"inbox/crm/{name}" for name in crm), "inbox/export.json", "inbox/slak/"]


def test_is_warned_of_once(root: Path) -> None:
    """By its name, with the names that are read; a file again when it has changed, or was away."""
    names = put_all(root)
    warnings = sorted(increment(root).warnings)
    assert [warning.split(" ")[0] for warning in warnings] == names
    assert all(file in warnings[0] for file in CRM_FILES)
    assert "slack" in warnings[5]
    assert increment(root).warnings == []
    contacts = root / "inbox" / "crm" / "contacts.csv"
    contacts.write_text("a,b\n1,2\n")
    (warning,) = increment(root).warnings
    assert warning.startswith("inbox/crm/contacts.csv is none of the directory's files")
    text = contacts.read_text()
    contacts.unlink()
    assert increment(root).warnings == []
    contacts.write_text(text)
    assert len(increment(root).warnings) == 1


def test_a_file_in_the_place_of_a_folder_is_told_as_one(root: Path) -> None:
    """Of a source, and of the directory, without which nobody is known."""
    shutil.rmtree(root / "inbox" / "crm")
    for name in ("crm", "zoom"):
        (root / "inbox" / name).write_text("{}")
    warnings = increment(root).warnings
    assert "inbox/zoom is no folder, and that of a source has this name: it is not read" in warnings
    assert "inbox/crm is no folder, and that of the directory has this name: it is not read" in warnings


def test_is_told_by_doctor_every_time(root: Path) -> None:
    """Whether a run has warned of it or not."""
    names = put_all(root)
    for _ in range(2):
        wrong = [finding.text.split(" ")[0] for finding in examine(Workspace(root)) if not finding.ok]
        assert sorted(name for name in wrong if name.startswith("inbox/")) == names
        increment(root)


def test_what_is_hidden_or_still_written_is_not_meant(root: Path) -> None:
    """As with files of the sources: an editor's file, and one that is about to be renamed."""
    for name in (".DS_Store", "accounts.csv.partial", "people.csv.tmp"):
        (root / "inbox" / "crm" / name).write_text("")
    (root / "inbox" / ".git").mkdir()
    assert increment(root).warnings == []
    assert all(finding.ok for finding in examine(Workspace(root)) if "inbox" in finding.text)


def test_a_file_under_the_right_name_at_last_is_read(root: Path) -> None:
    """Renamed as the warning says, it is the directory's, and nothing is left to say."""
    crm = root / "inbox" / "crm"
    (crm / "people.csv").rename(crm / "People.csv")
    gone, unread = increment(root).warnings
    assert gone.startswith("inbox/crm/people.csv is not there any more")
    assert unread.startswith("inbox/crm/People.csv is none of the directory's files")
    (crm / "People.csv").rename(crm / "people.csv")
    assert increment(root).warnings == []
    assert all(finding.ok for finding in examine(Workspace(root)) if "inbox/crm" in finding.text)


def test_what_is_no_readable_file_keeps_nothing_else_from_landing(root: Path) -> None:
    """A link to nothing, to itself or to a folder, a pipe and a name that is not UTF-8 are warned of once; the files beside them land."""
    put(root, payloads())
    folder = root / "inbox" / "segment"
    (folder / "gone.jsonl").symlink_to(root / "nowhere")
    (folder / "round.jsonl").symlink_to(folder / "round.jsonl")
    (folder / "long.jsonl").symlink_to("x" * 300)
    (folder / "elsewhere").symlink_to(root / "inbox" / "crm")
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"caf\xe9.jsonl")).write_text("{}")
    (root / "inbox" / "crm" / "aliases.csv").unlink(missing_ok=True)
    (root / "inbox" / "crm" / "aliases.csv").symlink_to(root / "nowhere")
    summary = increment(root)
    assert summary.rejected == 0
    assert summary.accepted > 0
    assert sorted(warning.split(" ")[0] for warning in summary.warnings) == [
        "inbox/crm/aliases.csv",
        *(
            f"inbox/segment/{name}"
            for name in ("caf\\xe9.jsonl", "elsewhere", "gone.jsonl", "long.jsonl", "pipe", "round.jsonl")
        ),
    ]
    with snapshot(root, published=False) as connection:
        conservation(connection)
    assert increment(root).warnings == []
    assert not any(finding.ok for finding in examine(Workspace(root)) if "pipe" in finding.text)


def test_a_link_into_a_closed_folder_stops_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not follow it is told so, and the others land; nothing is refused to root, so the system is played here."""
    put(root, payloads())
    closed = root / "closed"
    closed.mkdir()
    (closed / "some.jsonl").write_text("{}")
    (root / "inbox" / "segment" / "linked.jsonl").symlink_to(closed / "some.jsonl")
    ask = os.stat

    def refuse(path: Any, **how: Any) -> os.stat_result:
        if how.get("follow_symlinks", True) and str(path).endswith("linked.jsonl"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return ask(path, **how)

    monkeypatch.setattr(os, "stat", refuse)
    summary = increment(root)
    assert summary.accepted > 0
    assert summary.warnings == ["inbox/segment/linked.jsonl may not be read by this user: it is not read"]
    assert [finding.text for finding in examine(Workspace(root)) if "linked" in finding.text] == summary.warnings


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_waits(root: Path) -> None:
    """It lands once it may be read, and the others land before."""
    put(root, payloads())
    file = root / "inbox" / "segment" / "closed.jsonl"
    file.write_text("")
    file.chmod(0)
    (warning,) = increment(root).warnings
    assert warning.startswith("inbox/segment/closed.jsonl may not be read")
    file.chmod(0o600)
    assert increment(root).units == 1
