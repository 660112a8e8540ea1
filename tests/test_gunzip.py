"""Gzip files, whole and damaged."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reading.gunzip import Gunzip
from pipelines.reading.read import gunzipped
from transforms.records import BadFrame, records
from transforms.sources import Context, all_sources

LETTER = b"From a@example.com Thu Mar  5 10:00:0%d 2026\nFrom: Ann <a@example.com>\nSubject: A reply\n\nHello\n\n"
ENTRY = b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART:20260305T100000Z\r\nEND:VEVENT\r\n"
FILES = {
    "slack": b'[{"type": "message", "ts": "1"},\n {"type": "message", "ts": "2"},\n {"type": "message", "ts": "3"}]\n',
    "snowplow": b"".join(b"site\tweb\t2026-03-05 10:00:0%d\n" % n for n in range(3)),
    "email": b"".join(LETTER % n for n in range(3)),
    "ics": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + b"".join(ENTRY % n for n in range(3)) + b"END:VCALENDAR\r\n",
}


def read(data: bytes) -> tuple[bytes, str | None]:
    reader = Gunzip(io.BytesIO(data))
    return io.BufferedReader(reader, 4096).read(), reader.fault


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=4))
def test_whole_files_read_as_the_standard_library_reads_them(members: list[bytes]) -> None:
    """One member or several, and nothing is called damaged."""
    assert read(b"".join(map(gzip.compress, members))) == (b"".join(members), None)


def test_large_members_come_whole() -> None:
    """More than one buffer's worth, highly compressible."""
    data = b"touchloop " * 1_000_000
    assert read(gzip.compress(data)) == (data, None)


@given(st.binary(min_size=200, max_size=3000), st.data())
def test_a_cut_file_gives_a_prefix_and_its_fault(content: bytes, data: st.DataObject) -> None:
    """Whatever the place of the cut: what is read is right as far as it goes, and the fault is told."""
    packed = gzip.compress(content)
    cut = data.draw(st.integers(1, len(packed) - 1))
    got, fault = read(packed[:cut])
    assert content.startswith(got)
    assert fault


def test_damage_in_the_middle_is_told() -> None:
    """A flipped byte is a fault, not an exception."""
    packed = bytearray(gzip.compress(bytes(range(256)) * 50))
    packed[len(packed) // 2] ^= 0xFF
    _, fault = read(bytes(packed))
    assert fault


@pytest.mark.parametrize("system", FILES)
def test_a_record_that_a_cut_goes_through_is_one_fault(system: str) -> None:
    """Wherever a file is cut: what came before is read as in the whole file, and the last record is the fault, with what is left of it."""
    spec, context, data = all_sources()[system], Context(name="cut.gz"), FILES[system]
    whole = list(records(spec, io.BytesIO(data), context))
    assert len(whole) == 3
    packed = gzip.compress(data, 0)  # nothing is compressed, so that each byte may be the last
    assert list(gunzipped(spec, io.BytesIO(packed), context)) == whole
    for cut in range(1, len(packed)):
        *before, fault = gunzipped(spec, io.BytesIO(packed[:cut]), context)
        assert before == whole[: len(before)]
        assert isinstance(fault, BadFrame)
        assert fault.reason_code == "corrupt_compression"
        assert f"after record {len(before)}:" in fault.detail
        if spec.framing in ("lines", "mail") and before:
            assert fault.data
        assert fault.data.strip() in data
