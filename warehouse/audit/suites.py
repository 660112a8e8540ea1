"""The suites: one for each layer of tables, and one for the snapshot as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from great_expectations import ExpectationSuite
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from schemas.fields import Table
from schemas.registry import TABLES
from warehouse.audit.declared import columns_sentence, key_rules, row_rules
from warehouse.audit.expectations import ExpectAsDeclared, ExpectInvariant
from warehouse.audit.invariants import INVARIANTS, SNAPSHOT


def suites() -> list[ExpectationSuite]:
    """Every expectation, in the order of the declarations; needs a data context."""
    by_layer: dict[str, list[Expectation]] = {}
    for table in TABLES.values():
        by_layer.setdefault(table.layer, []).extend(_of_table(table))
    for name, invariant in INVARIANTS.items():
        layer = SNAPSHOT if invariant.table == SNAPSHOT else TABLES[invariant.table].layer
        by_layer.setdefault(layer, []).append(
            ExpectInvariant(
                invariant=name,
                description=f"{invariant.table}: {invariant.sentence}",
                severity=FailureSeverity(invariant.severity),
            )
        )
    return [ExpectationSuite(name=layer, expectations=found) for layer, found in by_layer.items()]


def _of_table(table: Table) -> Iterator[Expectation]:
    yield _declared(table, "columns", columns_sentence(table))
    for row_rule in row_rules(table):
        yield _declared(table, row_rule.name, row_rule.sentence, quote_values=row_rule.quote_values)
    for key_rule in key_rules(table):
        yield _declared(table, key_rule.name, key_rule.sentence)


def _declared(table: Table, rule: str, sentence: str, *, quote_values: bool = True) -> Expectation:
    return ExpectAsDeclared(
        table=table.name,
        rule=rule,
        quote_values=quote_values,
        description=f"{table.name}: {sentence}",
        severity=FailureSeverity.CRITICAL,
    )
