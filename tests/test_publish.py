"""Snapshots: whole, swapped at once, linked where nothing changed."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from workspaces import EXAMPLE, candidate, example, files_hold, increment, payloads, put, run, snapshot

from pipelines.cli.doctor import examine
from pipelines.cli.explain import explained
from pipelines.cli.show import shown, write_page
from pipelines.errors import UserError
from pipelines.run import publish_now
from pipelines.workspace import Workspace
from schemas.ddl import create
from schemas.registry import TABLES
from warehouse.digests import digests_of
from warehouse.parquet import write_parquet
from warehouse.publish import Candidate, current, point

HOUR = 3600.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = example(tmp_path_factory.mktemp("publish"))
    put(made, payloads())
    increment(made)
    return made


def publish(
    root: Path, name: str, *, seller_level: bool = True, afresh: bool = False, keep: float = HOUR, most: int = 24
) -> Path:
    return candidate(root, name, seller_level=seller_level, afresh=afresh).swap(keep, time.time(), most)


def counts(path: Path) -> dict[str, int]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {t: connection.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for t in TABLES}  # type: ignore[index]


def test_parquet_has_the_rows_of_the_database(root: Path) -> None:
    """Every table, partition by partition, each file with run_id and schema_version."""
    folder = publish(root, "first")
    manifest = json.loads((folder / "parquet" / "manifest.json").read_text())
    for table, rows in counts(root / "published" / "touchloop.duckdb").items():
        files = manifest["tables"][table]["files"]
        assert files, f"{table} has no file that tells its columns"
        assert sum(f["rows"] for f in files) == rows, table
        for file in files:
            metadata = pq.ParquetFile(root / "published" / "parquet" / file["path"]).metadata
            assert metadata.num_rows == file["rows"]
            assert metadata.metadata[b"run_id"] == b"first"
            assert metadata.metadata[b"schema_version"] == TABLES[table].version.encode()


def test_folders_of_parquet_are_tables_by_their_files_alone(root: Path) -> None:
    """Readers that make columns of folders' names are told not to: every table is then there with its own columns, and no more."""
    publish(root, "folders")
    for table, rows in counts(root / "published" / "touchloop.duckdb").items():
        read = pq.read_table(root / "published" / "parquet" / table, partitioning=None)
        assert (read.num_rows, tuple(read.column_names)) == (rows, TABLES[table].names)


def test_files_follow_what_a_clock_alone_has_changed(tmp_path: Path) -> None:
    """Periods become final together: the last column of many rows changes in the same way."""
    root = example(tmp_path)
    put(root, payloads())
    for number, as_of in enumerate(("2026-03-31T00:00:00Z", "2026-04-10T00:00:00Z", "2026-07-05T00:00:00Z")):
        increment(root, as_of, fixed=False)
        files_hold(publish(root, f"s{number}"))


def test_facts_lie_by_month_and_sorted(root: Path) -> None:
    """A month's file holds that month, by account and time."""
    publish(root, "months")
    file = root / "published" / "parquet" / "fact_touchpoint" / "month=2026-03" / "data.parquet"
    rows = pq.ParquetFile(file).read(columns=["account_id", "occurred_at"]).to_pylist()
    assert {r["occurred_at"].month for r in rows} == {3}
    assert rows == sorted(rows, key=lambda r: (r["account_id"], r["occurred_at"]))


def test_what_belongs_to_touchpoints_lies_by_their_month(root: Path) -> None:
    """Rows without a time of their own lie in the month of their touchpoint, so that a new touchpoint rewrites one month."""
    publish(root, "bridges")
    with snapshot(root) as connection:
        for table in (t.name for t in TABLES.values() if t.by_touchpoint):
            folder = root / "published" / "parquet" / table
            found = {
                path.parent.name: {row["touchpoint_id"] for row in pq.ParquetFile(path).read().to_pylist()}
                for path in folder.glob("*/data.parquet")
            }
            expected: dict[str, set[str]] = {}
            for touchpoint, month in connection.execute(
                f"SELECT touchpoint_id, strftime(occurred_at, '%Y-%m') FROM {table} JOIN fact_touchpoint USING (touchpoint_id)"
            ).fetchall():
                expected.setdefault(f"month={month}", set()).add(touchpoint)
            assert found == expected, table


def test_a_large_month_lies_in_several_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut by days, each row in the file that names its day; a later row on one day leaves the other days' files as they are."""
    monkeypatch.setattr("warehouse.parquet.ROWS_OF_A_FILE", 1)
    folder = publish(root, "days")
    files = sorted((folder / "parquet" / "fact_touchpoint" / "month=2026-03").iterdir())
    assert len(files) > 2
    for file in files:
        first, last = (int(day) for day in file.stem.removeprefix("days-").split("-"))
        assert {row["occurred_at"].day for row in pq.ParquetFile(file).read().to_pylist()} <= set(
            range(first, last + 1)
        )
    rows = sum(
        pq.ParquetFile(path).metadata.num_rows for path in (folder / "parquet" / "fact_touchpoint").rglob("*.parquet")
    )
    assert rows == counts(root / "published" / "touchloop.duckdb")["fact_touchpoint"]
    before = {file.name: file.stat().st_ino for file in files}
    with duckdb.connect(str(root / "state" / "warehouse.duckdb")) as connection:
        connection.execute(
            "UPDATE fact_touchpoint SET subject_text = 'changed' WHERE touchpoint_id = "
            "(SELECT min(touchpoint_id) FROM fact_touchpoint WHERE strftime(occurred_at, '%Y-%m') = '2026-03')"
        )
    folder = publish(root, "later", afresh=True)
    after = {f.name: f.stat().st_ino for f in (folder / "parquet" / "fact_touchpoint" / "month=2026-03").iterdir()}
    assert sum(after[name] != before[name] for name in before) == 1


def test_a_row_without_its_touchpoint_is_not_lost(root: Path, tmp_path: Path) -> None:
    """The audit will refuse such a snapshot; until it does, Parquet has the rows of the database."""
    path = tmp_path / "touchloop.duckdb"
    with duckdb.connect(str(path)) as connection:
        for table in (TABLES["fact_touchpoint"], TABLES["bridge_touchpoint_account"]):
            connection.execute(create(table))
        connection.execute("INSERT INTO bridge_touchpoint_account VALUES ('T99', 'A1', true)")
        tables = write_parquet(connection, digests_of(connection), tmp_path / "parquet", None, {}, "orphan")
    (file,) = tables["bridge_touchpoint_account"]["files"]
    assert (file["path"], file["rows"]) == ("bridge_touchpoint_account/month=unknown/data.parquet", 1)
    assert pq.ParquetFile(tmp_path / "parquet" / file["path"]).metadata.num_rows == 1


def test_what_did_not_change_is_linked(root: Path) -> None:
    """A second snapshot of the same tables shares every Parquet file with the first."""
    publish(root, "one")
    before = {
        p.relative_to(root / "published" / "snapshots" / "one"): p.stat().st_ino
        for p in (root / "published" / "snapshots" / "one").rglob("*.parquet")
    }
    folder = publish(root, "two")
    assert {p.relative_to(folder): p.stat().st_ino for p in folder.rglob("*.parquet")} == before


def test_a_reader_keeps_the_snapshot_that_it_holds(root: Path) -> None:
    """An open connection goes on reading whole tables while others are published and its own is removed."""
    publish(root, "held")
    connection = duckdb.connect(str((root / "published" / "touchloop.duckdb").resolve()), read_only=True)
    count = connection.execute("SELECT count(*) FROM fact_touchpoint").fetchone()
    publish(root, "next", keep=0)
    publish(root, "after", keep=0)
    assert not (root / "published" / "snapshots" / "held").exists()
    assert connection.execute("SELECT count(*) FROM fact_touchpoint").fetchone() == count
    connection.close()


def test_replaced_snapshots_stay_for_the_grace_time(root: Path) -> None:
    """The one before the current always stays; older ones go when their time is over."""
    publish(root, "a")
    publish(root, "b")
    publish(root, "c")
    assert {"a", "b", "c"} <= {p.name for p in (root / "published" / "snapshots").iterdir()}
    publish(root, "d", keep=0)
    assert {p.name for p in (root / "published" / "snapshots").iterdir()} == {"c", "d"}
    assert current(root / "published") == root / "published" / "snapshots" / "d"


def test_only_so_many_replaced_snapshots_stay(root: Path) -> None:
    """However young they are: a stream that publishes every few seconds does not fill the disk."""
    for name in ("n1", "n2", "n3", "n4", "n5"):
        publish(root, name, most=2)
    assert {p.name for p in (root / "published" / "snapshots").iterdir()} == {"n2", "n3", "n4", "n5"}


def test_a_candidate_takes_no_room_that_it_does_not_need(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a crash has left goes before the next copy, not after it; a copy that the disk does not take leaves nothing."""
    left = root / "published" / "snapshots" / ".crashed.partial"
    left.mkdir(parents=True)
    (left / "touchloop.duckdb").write_bytes(b"half")
    made = Candidate(root / "published", "next")

    def full(*_: object) -> None:
        assert not left.exists()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.publish.copy_file", full)
        with pytest.raises(OSError, match="No space"):
            made.copy(root / "state" / "warehouse.duckdb", seller_level=True)
    assert not made.folder.exists()


def test_a_discarded_candidate_changes_nothing(root: Path) -> None:
    """What fails its audit is forgotten, and readers see what they saw."""
    publish(root, "good")
    candidate(root, "bad").discard()
    assert current(root / "published") == root / "published" / "snapshots" / "good"
    assert not list((root / "published" / "snapshots").glob(".bad*"))


def test_without_seller_level_no_seller_mart_is_published(root: Path) -> None:
    """The tables are absent from the database and from Parquet, and their rows from the file's bytes."""
    folder = publish(root, "teams", seller_level=False)
    with duckdb.connect(str(folder / "touchloop.duckdb"), read_only=True) as connection:
        names = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        assert connection.execute("SELECT count(*) FROM mart_account_period").fetchone() != (0,)
    assert not {n for n in names if n.startswith("mart_seller")}
    assert not list((folder / "parquet").glob("mart_seller*"))


def test_no_payload_and_no_address_is_published(root: Path) -> None:
    """Raw identifiers, first lines and payloads stay in the vault."""
    folder = publish(root, "privacy")
    assert (EXAMPLE / "inbox" / "crm" / "people.csv").read_bytes().count(b"bea.winter@northfield.example")
    assert b"bea.winter@northfield.example" not in (folder / "touchloop.duckdb").read_bytes()
    with snapshot(root) as connection:
        assert connection.execute("SELECT count(payload) FROM rejected_record").fetchone() == (0,)


def test_what_somebody_cleared_away_is_published_again(tmp_path: Path) -> None:
    root = example(tmp_path)
    put(root, payloads())
    run(root)
    assert not run(root).published
    (root / "published" / "parquet").unlink()
    assert run(root).published
    folder = (root / "published" / "parquet").resolve()
    shutil.rmtree(folder)
    assert run(root).published
    assert (root / "published" / "parquet" / "manifest.json").is_file()
    assert not run(root).published
    shutil.rmtree(root / "published" / "parquet" / "fact_loop")
    assert run(root).published
    assert (root / "published" / "parquet" / "fact_loop").is_dir()
    database = root / "published" / "touchloop.duckdb"
    database.unlink()
    database.write_text("somebody's own")
    assert run(root).published
    assert database.is_symlink()
    assert not run(root).published


def test_doctor_tells_that_readers_are_shown_another_run(tmp_path: Path) -> None:
    """Where somebody put the link back to the snapshot before, until it is published again."""
    root = example(tmp_path)
    put(root, payloads()[:5])
    run(root)
    published, workspace = root / "published", Workspace(root)
    before = (published / "current").readlink()
    put(root, payloads())
    assert run(root).published
    assert all(one.ok for one in examine(workspace))
    point(published / "current", before)
    (found,) = (one.text for one in examine(workspace) if not one.ok)
    assert re.fullmatch(
        rf"published/ shows run {before.name}, and the warehouse is of run \w{{32}}: touchloop publish shows that",
        found,
    )
    with workspace.writer():
        publish_now(workspace, say=lambda text: None)
    assert all(one.ok for one in examine(workspace))


def test_doctor_and_the_readers_commands_name_what_is_wrong_with_the_snapshot(tmp_path: Path) -> None:
    root = example(tmp_path)
    put(root, payloads()[:5])
    run(root)
    workspace = Workspace(root)
    assert all(one.ok for one in examine(workspace))
    real = workspace.snapshot.resolve()
    with duckdb.connect(str(real)) as connection:
        connection.execute("ALTER TABLE dim_run DROP COLUMN reporting_timezone")
    with pytest.raises(
        UserError, match="published by another version of touchloop, and touchloop run publishes it again"
    ):
        write_page(workspace.snapshot, tmp_path / "page.html")
    with real.open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(UserError, match=r"(?s)cannot be (opened|read): .*touchloop publish makes it anew"):
        shown(workspace.snapshot, workspace.report)
    real.unlink()
    for read in (lambda: shown(workspace.snapshot, workspace.report), lambda: explained(workspace.snapshot, "a")):
        with pytest.raises(
            UserError, match=rf"leads to {re.escape(str(real))}, which is gone: touchloop run publishes it again"
        ):
            read()
    assert [one.text for one in examine(workspace) if not one.ok] == [
        "published/ is not whole, a part of the snapshot is gone: touchloop run publishes it again"
    ]
