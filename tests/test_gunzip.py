"""Gzip files, whole and damaged."""

from __future__ import annotations

import gzip
import io

from hypothesis import given
from hypothesis import strategies as st

from pipelines.gunzip import Gunzip


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
