"""Our checks as expectations of Great Expectations. Those of one table share one metric, so its rows are read once."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from schemas.registry import TABLES
from warehouse.audit.breaches import Ask, Breach, breach_of_invariant, breaches_of_table
from warehouse.audit.datasource import DuckDBExecutionEngine
from warehouse.audit.declared import CATALOG
from warehouse.audit.invariants import INVARIANTS, SHRUNK, shrunk_sql


class TableBreaches(TableMetricProvider):
    """Of one table: ``Breach`` by the name of the rule."""

    metric_name = "touchloop.table_breaches"
    value_keys = ("table",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _in_duckdb(
        cls, execution_engine: DuckDBExecutionEngine, metric_value_kwargs: dict[str, Any], **_: Any
    ) -> dict[str, Breach]:
        name = metric_value_kwargs["table"]
        types = execution_engine.column_types(CATALOG).get(name, {})
        return breaches_of_table(asking(execution_engine), TABLES[name], types)


class InvariantBreach(TableMetricProvider):
    """Of one invariant: its ``Breach``, by its name, or nothing."""

    metric_name = "touchloop.invariant_breach"
    value_keys = ("invariant",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _in_duckdb(
        cls, execution_engine: SqlAlchemyExecutionEngine, metric_value_kwargs: dict[str, Any], **_: Any
    ) -> dict[str, Breach]:
        name = metric_value_kwargs["invariant"]
        invariant, ask = INVARIANTS[name], asking(execution_engine)
        sql = shrunk_sql(_tables(ask, CATALOG), _tables(ask, "previous")) if invariant is SHRUNK else invariant.sql
        breach = breach_of_invariant(ask, invariant, sql)
        return {name: breach} if breach else {}


class _ExpectNoBreach(BatchExpectation):
    """``description`` is the sentence that Data Docs show and that a failure begins with."""

    quote_values: bool = True
    """False for what rests on a personal column: then the result is a bare yes or no, as in the format BOOLEAN_ONLY."""

    metric: ClassVar[str]
    metric_key: ClassVar[str]
    """The field that says which of the metric's values is meant."""

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None
    ) -> ValidationDependencies:
        """The one metric that we rest on. The library would find it too, by serialising each expectation 24 times."""
        needed = MetricConfiguration(
            self.metric, {"batch_id": self.batch_id}, {self.metric_key: getattr(self, self.metric_key)}
        )
        wanted = (runtime_configuration or {}).get("result_format", "BASIC")
        return ValidationDependencies({self.metric: needed}, parse_result_format(wanted))

    def _outcome(self, breach: Breach | None) -> dict[str, Any]:
        result = {"observed_value": str(breach)} if breach and self.quote_values else {}
        return {"success": breach is None, "result": result}


class ExpectAsDeclared(_ExpectNoBreach):
    """One rule on the rows, the columns or the key of one table."""

    table: str
    rule: str

    metric: ClassVar[str] = TableBreaches.metric_name
    metric_key: ClassVar[str] = "table"
    success_keys: ClassVar[tuple[str, ...]] = ("table", "rule")

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> Any:
        return self._outcome(metrics[self.metric].get(self.rule))


class ExpectInvariant(_ExpectNoBreach):
    """One promise across tables."""

    invariant: str

    metric: ClassVar[str] = InvariantBreach.metric_name
    metric_key: ClassVar[str] = "invariant"
    success_keys: ClassVar[tuple[str, ...]] = ("invariant",)

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> Any:
        return self._outcome(metrics[self.metric].get(self.invariant))


def asking(engine: SqlAlchemyExecutionEngine) -> Ask:
    def ask(sql: str) -> tuple[Any, Any]:
        with engine.get_connection() as connection:
            result = connection.exec_driver_sql(sql)
            return list(result.keys()), result.fetchall()

    return ask


def _tables(ask: Ask, database: str) -> set[str]:
    return {row[0] for row in ask(f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{database}'")[1]}
