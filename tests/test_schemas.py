"""The declarations, and everything derived from them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import jsonschema
import pyarrow as pa
import pytest

from schemas.arrow import arrow_schema, dicts_to_batch
from schemas.checks import checks_of
from schemas.ddl import comments, create
from schemas.dictionary import data_dictionary
from schemas.fields import Table, count, text
from schemas.jsonschema import breaking_changes, json_schema, major
from schemas.registry import TABLES

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ROOT / "schemas" / "published"


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in TABLES.values():
        connection.execute(create(table))
        for statement in comments(table):
            connection.execute(statement)
    return connection


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_arrow_and_duckdb_agree(table: Table, database: duckdb.DuckDBPyConnection) -> None:
    """An Arrow batch of a table's schema loads into its DuckDB table as it is."""
    batch = pa.Table.from_batches([], schema=arrow_schema(table))
    database.register("batch", batch)
    database.execute(f'INSERT INTO "{table.name}" SELECT * FROM batch')
    database.unregister("batch")


def test_every_column_is_commented(database: duckdb.DuckDBPyConnection) -> None:
    """An analyst finds a meaning on every table and column."""
    assert database.execute("SELECT table_name FROM duckdb_tables() WHERE comment IS NULL").fetchall() == []
    assert (
        database.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
        ).fetchall()
        == []
    )


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_no_incompatible_change_without_a_new_major_version(table: Table) -> None:
    """A change that a reader could trip over needs a new major version; every change needs its published schema renewed."""
    path = PUBLISHED / f"{table.name}.json"
    assert path.exists(), f"no published schema of {table.name}: run make docs and commit it"
    old, new = json.loads(path.read_text()), json_schema(table)
    broken = breaking_changes(old, new)
    if broken:
        assert major(new["x-version"]) > major(old["x-version"]), f"{table.name}: {'; '.join(broken)}"
    assert old == json.loads(json.dumps(new)), (
        f"{table.name} changed: bump its version, run make docs and commit the result"
    )


def test_an_incompatible_change_is_seen() -> None:
    """Dropping a column, a type change, a new NULL, another key or vocabulary is called breaking; a new column is not."""
    old = json_schema(
        Table("t", "fact", "x", ("a",), (text("a", "A", nn=True), text("b", "B", nn=True, values=("x",))))
    )
    for columns, key, broken in (
        ((text("a", "A", nn=True),), ("a",), ["column b is gone"]),
        ((text("a", "A"), text("b", "B", nn=True, values=("x",))), ("a",), ["column a may now be NULL"]),
        ((count("a", "A"), text("b", "B", nn=True, values=("x",))), ("a",), ["column a changed its type"]),
        (
            (text("a", "A", nn=True), text("b", "B", nn=True, values=("y",))),
            ("a",),
            ["column b changed its allowed values"],
        ),
        ((text("a", "A", nn=True), text("b", "B", nn=True, values=("x",))), ("b",), ["the key changed"]),
        ((text("a", "A", nn=True), text("b", "B", nn=True, values=("x",)), text("c", "C", nn=True)), ("a",), []),
    ):
        assert breaking_changes(old, json_schema(Table("t", "fact", "x", key, columns))) == broken


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_json_schema_is_valid(table: Table) -> None:
    """Each JSON Schema is one, and names the key's columns."""
    schema = json_schema(table)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(table.key) <= set(schema["properties"])
    assert [c.columns for c in checks_of(table) if c.kind == "unique_key"] == [table.key]


def test_rows_become_batches() -> None:
    """Integers of microseconds become UTC timestamps, missing keys NULL."""
    batch = dicts_to_batch(TABLES["dim_opportunity"], [{"opportunity_id": "O1", "opened_at": 1_772_409_600_000_000}])
    row = batch.to_pylist()[0]
    assert row["opened_at"].isoformat() == "2026-03-02T00:00:00+00:00"
    assert row["status"] is None


def test_the_data_dictionary_is_the_one_derived() -> None:
    """docs/data-dictionary.md is what the declarations give."""
    assert (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8") == data_dictionary()


def test_core_columns_are_there(database: duckdb.DuckDBPyConnection) -> None:
    """Names, order of words and types that analysts' questions rest on are those of the agreed core."""
    core = ROOT.parent / "shared" / "core-ddl.sql"
    if not core.exists():
        pytest.skip(f"no core DDL at {core}")
    wanted = duckdb.connect()
    wanted.execute(re.sub(r"--[^\n]*", "", core.read_text()))
    query = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
    )
    assert set(wanted.execute(query).fetchall()) - set(database.execute(query).fetchall()) == set()
