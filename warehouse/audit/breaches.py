"""Looking for rows that break a rule: one cheap query where nothing does, the rows' keys where something does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.fields import Table
from warehouse.audit.declared import RowRule, column_types, key_rules, row_rules
from warehouse.audit.invariants import Invariant
from warehouse.publish import SELLER_TABLES

SHOWN = 5
"""Rows that a sentence names."""
LONGEST = 60
"""Characters of a value that are quoted."""

Ask = Callable[[str], tuple[Sequence[str], Sequence[Sequence[Any]]]]
"""Runs a query: the names of its columns, and its rows."""


@dataclass(frozen=True)
class Breach:
    """How many rows break a rule, and the first of them in words: ``touchpoint_id = T01 (channel = fax)``."""

    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        """All rows if they are few, else how many and the first: ``1,200 rows, e.g. touchpoint_id = T01; …``."""
        named = "; ".join(self.examples)
        return named if len(self.examples) == self.count else f"{self.count:,} rows, e.g. {named}"


def breaches_of_table(ask: Ask, table: Table, types: Mapping[str, str]) -> dict[str, Breach]:
    """What breaks the table's own rules, by the rule's name; empty if nothing does. ``types`` are its columns' in the catalog.

    Of a table that is missing, and of a column that is missing or of another type, only that is said: the rules that
    read it are not put to it. The tables of seller level may be left out: a snapshot without them is the default.
    """
    if not types:
        return {} if table.name in SELLER_TABLES else {"columns": Breach(1, ("the table is missing",))}
    breaches = {"columns": wrong} if (wrong := _wrong_columns(table, types)) else {}
    usable = {name for name, declared in column_types(table).items() if types.get(name) == declared}
    if usable >= set(table.key):  # else no row can be named
        breaches |= _broken_rows(ask, table, [r for r in row_rules(table) if usable >= set(r.needs)])
    for rule in key_rules(table):
        if usable >= set(rule.columns) and (repeated := _repeated(ask, table, rule.columns)):
            breaches[rule.name] = repeated
    return breaches


def breach_of_invariant(ask: Ask, invariant: Invariant, sql: str) -> Breach | None:
    """The rows that ``sql`` finds, or None."""
    if invariant.probe and not _number(ask, invariant.probe):
        return None
    names, rows = ask(f"SELECT * FROM ({sql}) ORDER BY ALL LIMIT {SHOWN + 1}")
    if not rows:
        return None
    count = len(rows) if len(rows) <= SHOWN else _number(ask, f"SELECT count(*) FROM ({sql})")
    return Breach(count, tuple(_pairs(names, row) for row in rows[:SHOWN]))


def _wrong_columns(table: Table, types: Mapping[str, str]) -> Breach | None:
    declared = column_types(table)
    wrong = [f"{name} is missing" for name in declared if name not in types]
    wrong += [f"{name} is not declared" for name in sorted(types) if name not in declared]
    wrong += [f"{n} is {types[n]} instead of {t}" for n, t in declared.items() if types.get(n, t) != t]
    return Breach(len(wrong), tuple(wrong[:SHOWN])) if wrong else None


def _broken_rows(ask: Ask, table: Table, rules: list[RowRule]) -> dict[str, Breach]:
    """In a filter DuckDB drops, by its statistics, what no row can meet: the usual pass reads few columns."""
    anything = " OR ".join(f"({r.broken})" for r in rules)
    if not rules or not _number(ask, f'SELECT count(*) FROM "{table.name}" WHERE {anything}'):
        return {}
    counts = ask("SELECT " + ", ".join(f"count(*) FILTER ({r.broken})" for r in rules) + f' FROM "{table.name}"')[1][0]
    broken = [(rule, count) for rule, count in zip(rules, counts, strict=True) if count]
    return {rule.name: Breach(count, tuple(_examples(ask, table, rule))) for rule, count in broken}


def _examples(ask: Ask, table: Table, rule: RowRule) -> list[str]:
    shows = rule.shows if rule.quote_values else ()
    columns = ", ".join(f'"{c}"' for c in (*table.key, *shows))
    rows = ask(f'SELECT {columns} FROM "{table.name}" WHERE {rule.broken} ORDER BY ALL LIMIT {SHOWN}')[1]
    width = len(table.key)
    return [_pairs(table.key, row[:width]) + (f" ({_pairs(shows, row[width:])})" if shows else "") for row in rows]


def _repeated(ask: Ask, table: Table, columns: tuple[str, ...]) -> Breach | None:
    """Distinct hashes take a third of the memory of groups; a collision only sends us to the exact query."""
    names = ", ".join(f'"{c}"' for c in columns)
    distinct = f'SELECT count(*) FROM (SELECT DISTINCT hash({names}) FROM "{table.name}")'
    if not _number(ask, f'SELECT count(*) - ({distinct}) FROM "{table.name}"'):
        return None
    groups = f'SELECT {names}, count(*) AS "rows" FROM "{table.name}" GROUP BY {names} HAVING count(*) > 1'
    shown, rows = ask(f"{groups} ORDER BY ALL LIMIT {SHOWN}")
    if not rows:
        return None
    return Breach(_number(ask, f'SELECT sum("rows") FROM ({groups})'), tuple(_pairs(shown, row) for row in rows))


def _number(ask: Ask, sql: str) -> int:
    return int(ask(sql)[1][0][0])


def _pairs(names: Sequence[str], values: Sequence[Any]) -> str:
    return ", ".join(f"{name} = {_short(value)}" for name, value in zip(names, values, strict=True))


def _short(value: Any) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
