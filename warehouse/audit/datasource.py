"""DuckDB 1.5 for Great Expectations 1.24: its own ``add_sql`` reads results after it has closed the connection.

* the engine keeps ONE connection open while results are fetched (what the library does for SQLite and BigQuery);
* operators and type names are PostgreSQL's. Mind the regular expressions: ``~`` is a full match in DuckDB 1.x and a
  partial one in 2.0, so a pattern for ``ExpectColumnValuesToMatchRegex`` must be anchored and describe the whole value;
* the datasource type ``duckdb_sql`` borrows a connection that its caller opened and configured.
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import duckdb
import duckdb_sqlalchemy
import sqlalchemy as sa
from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
from great_expectations.datasource.fluent.interfaces import DataAsset
from great_expectations.datasource.fluent.sql_datasource import QueryAsset, SQLDatasource, TableAsset
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.dialects import postgresql


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """One connection for the engine's life."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.dialect_module = postgresql
        self._kept: sa.Connection | None = None
        self._types: dict[str, dict[str, dict[str, str]]] = {}

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        if self._kept is None:
            self._kept = self.engine.connect()
        yield self._kept

    def release(self) -> None:
        """End the transaction in which everything was read, so that the database may be detached."""
        if self._kept is not None:
            self._kept.rollback()
        self._types.clear()

    def column_types(self, database: str) -> dict[str, dict[str, str]]:
        """By table and column, as the catalog tells them. Read once until ``release``: a look at one table costs as much as at all."""
        if database not in self._types:
            types = self._types[database] = {}
            with self.get_connection() as connection:
                for table, column, kind in connection.exec_driver_sql(
                    f"SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = '{database}'"
                ):
                    types.setdefault(table, {})[column] = kind
        return self._types[database]


class DuckDBDatasource(SQLDatasource):
    asset_types: ClassVar[list[type[DataAsset[Any, Any]]]] = [TableAsset, QueryAsset]
    type: Literal["duckdb_sql"] = "duckdb_sql"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> builtins.type[SqlAlchemyExecutionEngine]:
        return DuckDBExecutionEngine


def add_duckdb(context: AbstractDataContext, name: str, connection: duckdb.DuckDBPyConnection) -> DuckDBDatasource:
    """A datasource on a connection that is the caller's to close."""
    options = {"poolclass": sa.pool.StaticPool, "creator": lambda: duckdb_sqlalchemy.ConnectionWrapper(connection)}
    datasource: DuckDBDatasource = context.data_sources.add_duckdb_sql(
        name, connection_string="duckdb:///:memory:", kwargs=options
    )
    return datasource
