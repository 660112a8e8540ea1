"""The registered landing: which copy of an event counts, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipelines.reading.landed import LANDED, land
from warehouse.commit import UnitRow, commit_increment
from warehouse.landed import forget_landed, leave_out, newest, register_landed, reject_shares, stage_candidates
from warehouse.store import VAULT_DDL, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "warehouse.duckdb", tmp_path / "vault.duckdb", tmp_path) as opened:
        yield opened


def event(unit: str, position: int, name: str, payload_hash: str, at: int = 1_000_000) -> dict[str, Any]:
    return {
        "unit_id": unit, "position": position, "outcome": "event", "system": "slack", "event_id": name, "source": "/slack",
        "source_event_id": name, "revision": 1, "channel": "chat", "family": "chat", "is_void": False, "occurred_at": at,
        "payload_hash": payload_hash, "fold_hash": 7, "detail": f"{name} by {payload_hash}".encode(),
    }  # fmt: skip


def rejected(unit: str, position: int) -> dict[str, Any]:
    return {
        "unit_id": unit, "position": position, "outcome": "rejected", "system": "slack", "reason": "malformed_json",
        "explanation": "not valid JSON", "payload": b"{",
    }  # fmt: skip


def registered(store: Store, folder: Path, *batches: list[dict[str, Any]], units: str = "uv") -> None:
    folder.mkdir()
    files = [land(pa.RecordBatch.from_pylist(rows, LANDED), folder) for rows in batches]
    register_landed(store, files, LANDED, dict.fromkeys(units, 5_000_000))


def committed(store: Store, units: str) -> None:
    rows = [UnitRow(unit, "slack", "file", unit, 0, 1, "1") for unit in units]
    commit_increment(store, rows, received_at=5_000_000, run_id="r", seen=[])


def told(store: Store) -> list[tuple[Any, ...]]:
    return store.connection.execute(
        """SELECT event_id, f.payload_hash, f.unit_id, d.detail FROM fact_event f JOIN vault.event_detail d USING (event_id) ORDER BY 1"""
    ).fetchall()


def test_the_copy_with_the_smallest_hash_counts(store: Store, tmp_path: Path) -> None:
    """Of three copies in two files one is landed, whichever file comes first."""
    registered(
        store, tmp_path / "l", [event("u", 0, "a", "3"), event("u", 1, "b", "9"), event("v", 0, "a", "1")], [event("v", 1, "a", "2")]
    )  # fmt: skip
    committed(store, "uv")
    assert told(store) == [("a", "1", "v", b"a by 1"), ("b", "9", "u", b"b by 9")]
    counts = store.connection.execute(
        "SELECT unit_id, record_count, accepted_count, duplicate_count, event_count FROM ledger_unit ORDER BY 1"
    ).fetchall()
    assert counts == [("u", 2, 1, 1, 1), ("v", 2, 1, 1, 1)]


def test_a_known_event_takes_the_content_of_a_smaller_hash(store: Store, tmp_path: Path) -> None:
    """Later copies are duplicates; the event stays where it was first told and says what the smallest hash says."""
    registered(store, tmp_path / "first", [event("u", 0, "a", "5"), event("u", 1, "b", "5")])
    committed(store, "u")
    registered(store, tmp_path / "second", [event("v", 0, "a", "4"), event("v", 1, "b", "6")])
    committed(store, "v")
    assert told(store) == [("a", "4", "u", b"a by 4"), ("b", "5", "u", b"b by 5")]


def test_a_unit_is_left_out_whole(store: Store, tmp_path: Path) -> None:
    """Records of a unit that is refused, and of one that is not asked for, are neither counted nor landed."""
    registered(
        store, tmp_path / "l",
        [rejected("v", 0), event("v", 1, "a", "1"), event("u", 0, "a", "2", at=9), event("w", 0, "c", "1")], [rejected("u", 1)],
    )  # fmt: skip
    assert sorted(reject_shares(store, [])) == [("u", 2, 1), ("v", 2, 1)]
    leave_out(store, "v")
    assert reject_shares(store, []) == [("u", 2, 1)]
    assert (newest(store, 10), newest(store, 8)) == (9, None)
    committed(store, "u")
    assert told(store) == [("a", "2", "u", b"a by 2")]


def test_rows_are_numbered_anew_when_a_unit_is_left_out(store: Store, tmp_path: Path) -> None:
    """What is decided of a row is decided of the row that has its number."""
    registered(store, tmp_path / "l", [event("v", 0, "a", "1"), event("u", 0, "b", "2"), event("u", 1, "b", "1")])
    leave_out(store, "v")
    stage_candidates(store)
    assert store.connection.execute("SELECT event_id, payload_hash FROM fresh").fetchall() == [("b", "1")]
    forget_landed(store)


def test_a_vault_of_the_form_before_goes_on(tmp_path: Path) -> None:
    """A vault that DuckDB keeps in an older form is written to as it is."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{tmp_path / 'vault.duckdb'}' AS vault (STORAGE_VERSION 'v1.0.0')")
        connection.execute(VAULT_DDL.replace(" USING COMPRESSION zstd", ""))
        connection.execute(f"ATTACH '{tmp_path / 'warehouse.duckdb'}' AS warehouse (STORAGE_VERSION 'v1.0.0')")
    with Store(tmp_path / "warehouse.duckdb", tmp_path / "vault.duckdb", tmp_path) as store:
        registered(store, tmp_path / "l", [event("u", 0, "a", "1")])
        committed(store, "u")
    with Store(tmp_path / "warehouse.duckdb", tmp_path / "vault.duckdb", tmp_path) as store:
        assert told(store) == [("a", "1", "u", b"a by 1")]


def test_a_landing_without_records_is_in_the_ledger(store: Store, tmp_path: Path) -> None:
    """A gap in a topic, or an empty file, is a unit with no records."""
    registered(store, tmp_path / "l")
    assert (reject_shares(store, []), newest(store, 1)) == ([], None)
    committed(store, "u")
    assert store.connection.execute("SELECT unit_id, record_count, event_count FROM ledger_unit").fetchall() == [
        ("u", 0, 0)
    ]


def test_a_landing_of_rejects_alone(store: Store, tmp_path: Path) -> None:
    """Nothing to tell copies of, and every record is counted."""
    registered(store, tmp_path / "l", [rejected("u", 0), rejected("u", 1)])
    committed(store, "u")
    assert store.connection.execute("SELECT record_count, rejected_count FROM ledger_unit").fetchall() == [(2, 2)]
    assert store.count("SELECT count(*) FROM vault.reject_payload") == 2
