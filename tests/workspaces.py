"""Workspaces for tests: the shipped example, and its inputs shuffled, doubled or split."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from pipelines.increment import Increment
from pipelines.run import run_once
from pipelines.summary import Summary
from pipelines.workspace import Workspace
from schemas.registry import TABLES
from transforms.times import parse_iso
from warehouse import digests, identity
from warehouse.publish import Candidate
from warehouse.store import clear_mark

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "worked-example"
AS_OF = "2026-05-11T00:00:00Z"
SOURCES = (
    "slack",
    "intercom",
    "email",
    "gmail",
    "zoom",
    "google_meet",
    "segment",
    "snowplow",
    "ics",
    "google_calendar",
)
"""Names of the systems, written here and not asked of the product: a source that got lost is noticed."""


class Unaudited:
    """In the place of ``pipelines.run.Publication``: no snapshot, and none of the seconds that an audit takes. The warehouse tells
    as much of what was landed."""

    def __init__(self, workspace: Workspace, auditor: object, run_id: str, *, beside: bool = False) -> None:
        self.workspace, self.run_id, self.beside, self.seconds, self.ended = workspace, run_id, beside, 0.0, 0.0
        self.is_current = self.has_files = True
        self.files_seconds = None

    def carry_out(self, *, files: bool = True) -> None:
        self.workspace.published.mkdir(exist_ok=True)
        self.workspace.snapshot.touch()

    def conclude(self, *_: object) -> None:
        clear_mark(self.workspace.vault, "unpublished", self.run_id if self.beside else None)


def example(root: Path) -> Path:
    """The worked example's settings and directory, with an empty inbox otherwise."""
    shutil.copytree(EXAMPLE / "inbox" / "crm", root / "inbox" / "crm")
    shutil.copy(EXAMPLE / "touchloop.toml", root)
    return root


def payloads(folder: Path = EXAMPLE / "inbox") -> list[tuple[str, bytes]]:
    """(path below the inbox, bytes) of every native payload, line JSON cut into one file a record."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "crm" not in p.parts):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".jsonl":
            found += [(f"{name}.{i}.json", line) for i, line in enumerate(path.read_bytes().splitlines())]
        else:
            found.append((name, path.read_bytes()))
    return found


def put(root: Path, items: list[tuple[str, bytes]]) -> None:
    for name, data in items:
        path = root / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def shuffled(items: list[tuple[str, bytes]], seed: int) -> list[tuple[str, bytes]]:
    """The same payloads in another order of arrival: names decide the order of reading, so names are drawn anew."""
    dice = random.Random(seed)
    order = list(range(len(items)))
    dice.shuffle(order)
    renamed = []
    for place, (name, data) in zip(order, items, strict=True):
        source, rest = name.split("/", 1)
        renamed.append((f"{source}/{place:05d}/{rest}", data))
    return renamed


def increment(root: Path, as_of: str = AS_OF, *, fixed: bool = True) -> Summary:
    """One increment without publishing, its clock set by somebody or not. Raises the first of its faults."""
    workspace = Workspace(root)
    with workspace.writer():
        made = Increment(workspace, parse_iso(as_of, "as_of"), fixed=fixed)
        summary = made.run()
    digests_hold(root)
    for fault in made.faults:
        raise fault
    return summary


def run(root: Path, as_of: str = AS_OF) -> Summary:
    """What ``touchloop run`` does."""
    workspace = Workspace(root)
    with workspace.writer():
        summary = run_once(workspace, parse_iso(as_of, "as_of"), fixed=True, say=lambda text: None)
    digests_hold(root)
    return summary


def candidate(root: Path, name: str, *, seller_level: bool = True, afresh: bool = False) -> Candidate:
    """A snapshot of the workspace's warehouse with its Parquet files, before anybody has judged it."""
    made = Candidate(root / "published", name)
    made.copy(root / "state" / "warehouse.duckdb", seller_level=seller_level, afresh=afresh)
    made.write_parquet(run_id=name)
    return made


def files_hold(folder: Path) -> None:
    """The Parquet files of a snapshot have the rows of its database, value by value."""
    unlike = []
    with duckdb.connect(str(folder / "touchloop.duckdb"), read_only=True) as connection:
        for name, table in TABLES.items():
            columns = ", ".join(f'"{column}"' for column in table.names)
            rows = f'SELECT {columns} FROM "{name}"'
            filed = (
                f"SELECT {columns} FROM read_parquet('{folder}/parquet/{name}/**/*.parquet', hive_partitioning = false)"
            )
            query = f"SELECT 1 FROM (({rows} EXCEPT ALL {filed}) UNION ALL ({filed} EXCEPT ALL {rows})) LIMIT 1"
            if connection.execute(query).fetchall():
                unlike.append(name)
    assert unlike == []


def digests_hold(root: Path) -> None:
    """What is kept of the parts of tables is what their rows say."""
    with snapshot(root, published=False) as connection:
        for name in digests.TRACKED:
            kept = connection.execute(
                f"SELECT part, row_count, digest FROM {digests.DIGESTS} WHERE table_name = '{name}' ORDER BY 1"
            ).fetchall()
            assert kept == connection.execute(f"{digests.scan(TABLES[name])} ORDER BY 1").fetchall(), name


@contextmanager
def snapshot(root: Path, *, published: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    path = root / ("published/touchloop.duckdb" if published else "state/warehouse.duckdb")
    connection = duckdb.connect(str(path), read_only=True)
    connection.execute("SET TimeZone='UTC'")
    try:
        yield connection
    finally:
        connection.close()


ARRIVAL = {
    "fact_event": {"received_at", "unit_id", "position"},
    "fact_touchpoint": {"received_at", "raw_ref"},
    "mart_data_quality": {"duplicates_dropped", "quarantined", "ignored"},
}
"""Columns that tell of the arrival itself: where a witness lay and when it came."""
LEDGER = {
    "ledger_unit",
    "rejected_record",
    "ignored_record_count",
    "dim_run",
    "metric_restatement",
    digests.DIGESTS,
    identity.TELLERS,
}


def contents(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every table but the ledger and the log of runs, without what tells of the arrival, as sorted rows: what promise 2 says is equal."""
    tables = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
    found = {}
    for table in tables:
        if table in LEDGER:
            continue
        left_out = ARRIVAL.get(table, set())
        exclude = f" EXCLUDE ({', '.join(sorted(left_out))})" if left_out else ""
        where = " WHERE touchpoints > 0" if table == "mart_data_quality" else ""  # months that only records arrived in
        rows = connection.execute(f'SELECT *{exclude} FROM "{table}"{where}').fetchall()
        found[table] = sorted(rows, key=lambda row: json.dumps(row, default=str))
    return found


def conservation(connection: duckdb.DuckDBPyConnection) -> None:
    """Semantics 1.6: the four counts add up in every unit, and the events are all there."""
    broken = connection.execute(
        "SELECT * FROM ledger_unit WHERE record_count <> accepted_count + duplicate_count + ignored_count + rejected_count"
    ).fetchall()
    assert broken == []
    totals = connection.execute(
        "SELECT coalesce(sum(event_count), 0), (SELECT count(*) FROM fact_event) FROM ledger_unit"
    ).fetchone()
    assert totals is not None
    assert totals[0] == totals[1]
    ignored = connection.execute(
        "SELECT coalesce(sum(ignored_count), 0), (SELECT coalesce(sum(n), 0) FROM ignored_record_count) FROM ledger_unit"
    ).fetchone()
    assert ignored is not None
    assert ignored[0] == ignored[1]
    rejected = connection.execute(
        """SELECT coalesce(sum(rejected_count), 0), (SELECT count(*) FROM rejected_record WHERE outcome IS NULL OR outcome = 'rejected')
           FROM ledger_unit"""
    ).fetchone()
    assert rejected is not None
    assert rejected[0] == rejected[1]
