"""Archives and binary files in an inbox: one reject that says what to do, and nothing else is lost."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_kafka import Message
from hypothesis import given
from hypothesis import strategies as st
from workspaces import AS_OF, example, increment, put

from pipelines.kafka.records import Messages
from pipelines.reading.plan import FileUnit
from pipelines.reading.read import unit_rows
from pipelines.rejects import list_rejects, replay
from pipelines.settings import Kafka
from pipelines.workspace import Workspace
from transforms.frames.containers import HEAD, container
from transforms.sources import all_sources
from transforms.times import parse_iso

RECORD = b'{"type":"track"}\n'
MESSAGES = Messages(Kafka(bootstrap_servers="memory:9092", topics={"t": "segment"}))


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("general/2026-01-02.json", RECORD)
    return made.getvalue()


def tarred() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo("Takeout/Mail/All mail.mbox")
        member.size = len(RECORD)
        archive.addfile(member, io.BytesIO(RECORD))
    return made.getvalue()


def parquet() -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), made)
    return made.getvalue()


def sqlite() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE a (b)")
    return connection.serialize()


CONTAINERS = [
    (zipped(), "a ZIP archive: unpack it"),
    (tarred(), "a tar archive: unpack it"),
    (gzip.compress(tarred()), "a tar archive: unpack it"),
    (parquet(), "a Parquet file: deliver the native payloads"),
    (sqlite(), "a SQLite database: deliver the native payloads"),
    (bz2.compress(RECORD), "compressed with bzip2, and of compressed files only gzip is read"),
    (lzma.compress(RECORD), "compressed with xz, and of compressed files only gzip is read"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\n{" * 5_000, "an Outlook message (.msg)"),
    (b"%PDF-1.7\n" * 100, "a PDF document"),
]


@pytest.mark.parametrize("source", sorted(all_sources()))
@pytest.mark.parametrize(("made", "told"), CONTAINERS)
def test_a_container_is_one_fault(tmp_path: Path, source: str, made: bytes, told: str) -> None:
    """Whatever the source: a file's, or a message's with all of its bytes."""
    (tmp_path / "export").write_bytes(made)
    unit = FileUnit("u", source, "export", "export", len(made), 0)
    ((*_, position, kept, reason, detail),) = unit_rows(tmp_path, unit)
    assert (position, reason) == (0, "unsupported_format")
    assert detail is not None
    assert detail.startswith(f"export: {told}")
    opened = gzip.decompress(made) if made.startswith(b"\x1f\x8b") else made
    assert kept == opened[: 64 << 10]
    message = Message(7, made, ())
    ((*_, position, kept, reason, detail),) = MESSAGES.rows("u", source, "t/0", message)
    assert (position, kept, reason) == (7, opened, "unsupported_format")


def test_what_stands_beside_a_container_lands(tmp_path: Path) -> None:
    """It is told of, and stays a reject when rejects are replayed: what is in it is still to be delivered."""
    root = example(tmp_path)
    letter = b"Message-ID: <1@example.com>\nDate: Thu, 5 Mar 2026 10:00:00 +0000\nFrom: a@example.com\nTo: sam@vendor.example\n\nHello\n"
    put(root, [("email/takeout.zip", zipped()), ("email/letter.eml", letter)])
    summary = increment(root)
    assert (summary.records, summary.accepted, summary.rejected) == (2, 1, 1)
    workspace = Workspace(root)
    groups, _ = list_rejects(workspace, None, 5)
    assert groups[0]["example"] == "takeout.zip: a ZIP archive: unpack it, and deliver the files in it"
    with workspace.writer():
        assert replay(workspace, None, parse_iso(AS_OF, "as_of"), fixed=True, say=lambda text: None) == {"rejected": 1}


@given(st.text(min_size=1))
def test_text_is_no_container(text: str) -> None:
    """But for the few words by which a format is known."""
    told = container(text.encode("utf-8", "surrogatepass")[:HEAD])
    assert (
        told is None
        or text.startswith(("%PDF-", "!BDN", "PK", "Rar!", "SQLite", "Obj", "PAR1", "7z"))
        or "ustar" in text
    )
