"""The two files of state as one connection: what it gives back while it waits, and how it commits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from warehouse import store as files
from warehouse.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "warehouse.duckdb", tmp_path / "vault.duckdb", tmp_path, memory_mb=300) as opened:
        yield opened


def setting(store: Store, name: str) -> str:
    row = store.connection.execute(f"SELECT current_setting('{name}')").fetchone()
    assert row is not None
    return str(row[0])


def test_a_transaction_goes_on_after_a_rest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot go back to the machine stays, what is open stays open, and the limit is the old one afterwards."""
    before = setting(store, "memory_limit")
    monkeypatch.setattr(files, "RESTING_MB", 1)
    con = store.connection
    con.execute("BEGIN")
    con.execute("CREATE TABLE many AS SELECT md5(i::VARCHAR) AS name FROM range(1000000) r(i)")
    con.execute("UPDATE many SET name = 'x' || name")  # what it was before is held until the commit
    with pytest.raises(duckdb.OutOfMemoryException), con.cursor() as beside:
        beside.execute("SET memory_limit='1MB'")
    with store.at_rest():
        pass
    assert setting(store, "memory_limit") == before
    con.execute("COMMIT")
    assert store.count("SELECT count(*) FROM many") == 1_000_000


def test_a_rest_frees_what_is_buffered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of a table that was read are not held while the connection rests."""
    monkeypatch.setattr(files, "RESTING_MB", 10)
    store.connection.execute("CREATE TABLE many AS SELECT md5(i::VARCHAR) AS name FROM range(2000000) r(i)")
    store.connection.execute("SELECT max(name) FROM many").fetchall()
    held = "SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()"
    before = store.count(held)
    with store.at_rest():
        assert store.count(held) <= files.RESTING_MB * 1_050_000 < before  # and what asking takes


def test_a_little_is_done_in_less_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows with the files, never beyond what the settings allow."""
    assert setting(store, "memory_limit") == "286.1 MiB"
    store.allow(little=True)
    assert setting(store, "memory_limit") == "238.4 MiB"  # the files have nothing in them
    store.allow(little=False)
    assert setting(store, "memory_limit") == "286.1 MiB"
    monkeypatch.setattr(files, "LITTLE_SHARE", 1e6)
    store.allow(little=True)
    assert setting(store, "memory_limit") == "286.1 MiB"


def test_a_large_commit_is_written_once(store: Store) -> None:
    """It goes into the file and leaves no log behind; a small one does not rewrite the file."""
    log = store.path.with_name("warehouse.duckdb.wal")
    before = setting(store, "checkpoint_threshold")
    store.connection.execute("BEGIN")
    store.connection.execute("CREATE TABLE few AS SELECT i FROM range(100000) r(i)")
    store.commit_to_file()
    assert not log.exists() or not log.stat().st_size
    assert setting(store, "checkpoint_threshold") == before
    store.connection.execute("INSERT INTO few VALUES (1)")
    assert log.stat().st_size


def test_a_log_that_was_left_behind_is_no_part_of_a_new_file(store: Store, tmp_path: Path) -> None:
    """Somebody removed both databases, and not what a run that was killed had still in its log."""
    store.connection.execute("CREATE TABLE few AS SELECT i FROM range(10) r(i)")
    left = store.path.with_name("warehouse.duckdb.wal").read_bytes()
    assert left
    root = tmp_path / "again"
    root.mkdir()
    for name in ("warehouse", "vault"):
        (root / f"{name}.duckdb.wal").write_bytes(left)
    with Store(root / "warehouse.duckdb", root / "vault.duckdb", root) as again:
        assert again.connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'few'").fetchall() == []


def test_comments_are_those_of_this_version(store: Store, tmp_path: Path) -> None:
    """Whoever opens a snapshot reads what this version says of a column, not what the one that made the workspace said."""
    said = "SELECT comment FROM duckdb_columns() WHERE table_name = 'fact_loop' AND column_name = 'loop_kind'"
    before = store.connection.execute(said).fetchone()
    store.connection.execute("COMMENT ON COLUMN fact_loop.loop_kind IS 'as an earlier version had it'")
    store.connection.close()
    with Store(store.path, store.vault, tmp_path, memory_mb=300) as again:
        assert again.connection.execute(said).fetchone() == before is not None
