"""``metric_restatement``: figures of final periods that a build of the marts changes (semantics 4.6), logged in its transaction.

``begin`` finds which periods are final. Of each mart that is replaced, ``keep`` sets the final rows of the scope aside before they
are taken out, ``compare`` sets them beside those that have come in their place, and ``write`` numbers what differs and adds it to
the log. Where no row of a final period goes or comes, nothing more is done.

A period counts as final if it was so when the marts were last built, and is so now: a clock that is set back un-finishes periods,
and restates nothing. A mart that had no final row before has nothing to restate: it is new, or nobody saw a figure of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.ddl import SQL_TYPES
from schemas.fields import Table
from schemas.registry import TABLES
from warehouse import digests

LOG = "metric_restatement"
MARTS = tuple(t.name for t in TABLES.values() if t.layer == "mart" and t.name != LOG and "period_start" in t.names)
"""The marts whose rows are of a period."""
GRAINS = ("period_grain", "period_start", "seller_id", "account_id", "team_id", "ask_channel")
"""Columns of the log that together name a row of any of these marts; those that its key does not have are NULL."""
OLDER = "_before"
"""Follows the name of a mart of another version, whose rows wait for the next build to compare them."""
NOT_LOGGED = frozenset({"is_final", "longest_open_wait_business_seconds"})
"""What the clock alone moves: a wait that is still open grows with every build, and would be logged every day."""
NUMBERS = ("int", "bigint", "double", "decimal", "bool")
MANY, MOST = 200, 0.5
"""So many final rows of a mart, if they are most of those that an increment changes, are history that is being landed in parts and
no correction: a log of all its figures would be larger than the marts, and would hold the increments up."""
SAME = 1e-9
"""Figures that differ by less, of themselves or of 1, differ by how they were computed (another version), not by what they tell."""


def figures_of(table: Table) -> list[str]:
    """Its columns that are a number or a flag; a share's numerator and denominator belong to it and are none of their own."""
    found = [c.name for c in table.columns if c.type in NUMBERS and c.name not in NOT_LOGGED]
    return [name for name in found if not (name.endswith(("_num", "_den")) and name[:-4] in found)]


def lists_of(table: Table) -> list[str]:
    return [c.name for c in table.columns if c.type == "text[]"]


def reasons_of(
    before: Mapping[str, str | None], now: Mapping[str, str], *, events: bool, unknown: bool, upgraded: bool
) -> list[str]:
    """Which of a run's inputs are not those of the run before.

    ``before`` and ``now``: the marks ``directory``, ``config``, ``version`` and ``keys``. ``unknown``: ``config`` was forgotten, by a
    replay, or by an upgrade whose tables have other columns, which ``upgraded`` says.
    """
    found = {
        "events": events or (unknown and not upgraded and before["version"] == now["version"]),
        "directory": before["directory"] != now["directory"],
        "settings": before["config"] != now["config"] and not unknown,
        "version": before["version"] != now["version"] or before["keys"] != now["keys"] or upgraded,
    }
    return [name for name, holds in found.items() if holds] or ["clock"]


def set_aside(connection: Any, mart: str, have: Mapping[str, str]) -> bool:
    """Keep a mart of another version, with the columns (and types) ``have``, under another name. Returns False if it cannot be compared.

    Of two upgrades without a build in between, the first one's rows are the last that were whole.
    """
    if mart not in MARTS or not set(TABLES[mart].key) <= set(_comparable(mart, have)) or _has_older(connection, mart):
        return False
    connection.execute(f'ALTER TABLE "{mart}" RENAME TO "{mart}{OLDER}"')
    return True


def _comparable(mart: str, have: Mapping[str, str]) -> list[str]:
    """Columns of the mart that are there, as they are declared."""
    return [c.name for c in TABLES[mart].columns if have.get(c.name) == SQL_TYPES[c.type] and c.name not in NOT_LOGGED]


def is_upgrade(connection: Any) -> bool:
    return any(_has_older(connection, mart) for mart in MARTS)


def _has_older(connection: Any, mart: str) -> bool:
    return bool(
        connection.execute(
            f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{mart}{OLDER}' AND NOT temporary"
        ).fetchall()
    )


def begin(connection: Any) -> None:
    """``restated_until``: the last day on which a final period may stop; empty before the first build."""
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE restated_until AS
           SELECT final_day(least(last_as_of, as_of)) AS day FROM param WHERE last_as_of IS NOT NULL"""
    )
    columns = {c.name: c.type for c in TABLES[LOG].columns}
    del columns["restatement_no"], columns["run_id"], columns["restated_at"], columns["reasons"]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE restated_line AS SELECT {', '.join(columns)} FROM {LOG} LIMIT 0")


FINAL = "period_stop(period_grain, period_start) <= (SELECT day FROM restated_until)"


def keep(connection: Any, mart: str, scope: str, rows: str, *, everything: bool) -> bool:
    """Set the mart's final rows in ``scope`` (a condition in SQL) aside, until ``compare``. Returns False if there is nothing to compare.

    Where ``everything`` is built again they are copied, for they are gone by then; else they still stand, and are read there, and
    those of the table ``rows`` are to come in their place.
    """
    if mart not in MARTS or not connection.execute("SELECT 1 FROM restated_until").fetchall():
        return False
    # asked of the rows, for a mart may look ahead: a meeting of a final week is followed up by a message of the next
    differ = f'SELECT 1 FROM "{mart}" WHERE {FINAL} AND {scope} UNION ALL SELECT 1 FROM "{rows}" WHERE {FINAL} LIMIT 1'
    if not everything and not connection.execute(differ).fetchall():
        return False
    source = f"{mart}{OLDER}" if _has_older(connection, mart) else mart
    if not connection.execute(f'SELECT 1 FROM "{source}" WHERE {FINAL} LIMIT 1').fetchall():
        return False
    have = connection.execute(
        f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{source}'"
    ).fetchall()
    columns = ", ".join(f'"{name}"' for name in _comparable(mart, dict(have)))
    connection.execute(
        f"""CREATE OR REPLACE TEMP {"TABLE" if everything else "VIEW"} restated_was AS
            SELECT {columns}, hash({columns}) AS content FROM "{source}" WHERE {FINAL} AND {scope}"""
    )
    return True


def compare(connection: Any, mart: str, rows: str, *, everything: bool) -> None:
    """Add what differs between the rows that were set aside and those of the table ``rows``, in their place, to ``restated_line``.

    Of history that is being landed (``MANY``, ``MOST``; not where ``everything`` was built again) only how many rows, by period.
    """
    table = TABLES[mart]
    have = [d[0] for d in connection.execute("SELECT * FROM restated_was LIMIT 0").description]
    key, columns = ", ".join(table.key), ", ".join(f'"{c}"' for c in have if c != "content")
    now = f'(SELECT {columns}, hash({columns}) AS content FROM "{rows}" WHERE {FINAL})'
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE restated_key AS SELECT {key}
            FROM (SELECT {key}, content FROM restated_was) o FULL JOIN (SELECT {key}, content FROM {now}) n USING ({key})
            WHERE o.content IS DISTINCT FROM n.content"""
    )
    ((count, came),) = connection.execute(
        f'SELECT (SELECT count(*) FROM restated_key), (SELECT count(*) FROM "{rows}")'
    ).fetchall()
    if count > MANY and count > MOST * came and not everything:
        rows = " UNION ALL ".join(
            f"SELECT period_grain, period_start, {was} AS was, {1 - was} AS now FROM {side} SEMI JOIN restated_key USING ({key})"
            for was, side in ((1, "restated_was"), (0, now))
        )
        connection.execute(
            f"""INSERT INTO restated_line BY NAME
                SELECT '{mart}' AS mart_name, period_grain, period_start, 'many' AS change, 'row_count' AS metric,
                       sum(was)::DOUBLE AS old_value, sum(now)::DOUBLE AS new_value FROM ({rows}) GROUP BY ALL"""
        )
    elif count:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE restated_pair AS
                SELECT {key}, o, n, CASE WHEN o.content IS NULL THEN 'appeared' WHEN n.content IS NULL THEN 'vanished' ELSE 'changed' END AS change
                FROM (FROM restated_was SEMI JOIN restated_key USING ({key})) o
                FULL JOIN (FROM {now} SEMI JOIN restated_key USING ({key})) n USING ({key})"""
        )
        head = f"'{mart}' AS mart_name, {key}, change"
        for lines in (_numbers(table, have), _items(table, have)):
            if lines:
                connection.execute(f"INSERT INTO restated_line BY NAME {lines.format(head=head, key=key)}")
        connection.execute("DROP TABLE temp.restated_pair")
    connection.execute(f"DROP {'TABLE' if everything else 'VIEW'} temp.restated_was")
    connection.execute("DROP TABLE temp.restated_key")


def _numbers(table: Table, have: Sequence[str]) -> str:
    """Lines of numbers, flags and shares; the row itself is the first of them."""

    def value(side: str, name: str, kind: str) -> str:
        return f'{side}."{name}"::{kind}' if name in have else f"NULL::{kind}"

    def line(name: str) -> str:
        parts = {f"{when}_value": value(side, name, "DOUBLE") for when, side in (("old", "o"), ("new", "n"))}
        for part in ("num", "den"):
            for when, side in (("old", "o"), ("new", "n")):
                parts[f"{when}_{part}"] = value(side, f"{name}_{part}", "BIGINT")
        return _struct(name, parts)

    there = {
        f"{when}_value": f"({side}.content IS NOT NULL)::INTEGER::DOUBLE" for when, side in (("old", "o"), ("new", "n"))
    }
    nothing = {f"{when}_{part}": "NULL::BIGINT" for part in ("num", "den") for when in ("old", "new")}
    structs = [_struct("row_count", there | nothing), *(line(name) for name in figures_of(table) if name in have)]
    return f"""
        SELECT {{head}}, line.* FROM (SELECT {{key}}, change, unnest([{", ".join(structs)}]) AS line FROM restated_pair)
        WHERE CASE change
          WHEN 'appeared' THEN line.new_value <> 0
          WHEN 'vanished' THEN line.old_value <> 0
          ELSE coalesce(abs(line.new_value - line.old_value) > {SAME} * greatest(1, abs(line.old_value), abs(line.new_value)),
                        line.old_value IS DISTINCT FROM line.new_value)
               OR line.old_num IS DISTINCT FROM line.new_num OR line.old_den IS DISTINCT FROM line.new_den END"""


def _items(table: Table, have: Sequence[str]) -> str:
    """Lines of lists, one for each item that came or went; empty if the mart has none. A list is a set here."""
    structs = [
        f"{{{{'metric': '{name}', 'before': coalesce(o.\"{name}\", []), 'after': coalesce(n.\"{name}\", [])}}}}"
        for name in lists_of(table)
        if name in have
    ]
    if not structs:
        return ""

    def there(side: str, missing: str) -> str:
        return f"CASE WHEN change <> '{missing}' THEN list_contains(held.{side}, item)::INTEGER::DOUBLE END"

    return f"""
        SELECT {{head}}, held.metric AS metric, item, {there("before", "appeared")} AS old_value, {there("after", "vanished")} AS new_value
        FROM (SELECT {{key}}, change, unnest([{", ".join(structs)}]) AS held FROM restated_pair),
             unnest(list_distinct(list_concat(held.before, held.after))) AS found(item)
        WHERE list_contains(held.before, item) <> list_contains(held.after, item)"""


def _struct(metric: str, parts: Mapping[str, str]) -> str:
    """In SQL, with braces doubled for ``str.format``."""
    return "{{" + ", ".join([f"'metric': '{metric}'", *(f"'{name}': {sql}" for name, sql in parts.items())]) + "}}"


def write(connection: Any, run_id: str, reasons: Sequence[str]) -> int:
    """Once all marts are built: number the lines, add them to the log, forget the rest. Returns how many there are."""
    ((count,),) = connection.execute("SELECT count(*) FROM restated_line").fetchall()
    if count:
        ((last,),) = connection.execute(f"SELECT coalesce(max(restatement_no), 0) FROM {LOG}").fetchall()
        connection.execute(
            f"""INSERT INTO {LOG} BY NAME
                SELECT {last} + row_number() OVER (ORDER BY {", ".join(_order())}) AS restatement_no, ? AS run_id, as_of AS restated_at,
                       ?::VARCHAR[] AS reasons, restated_line.* FROM restated_line, param""",
            [run_id, list(reasons)],
        )
        digests.enter(connection, LOG, f"restatement_no > {last}")
    for name in ("restated_line", "restated_until"):
        connection.execute(f"DROP TABLE temp.{name}")
    for mart in MARTS:
        connection.execute(f'DROP TABLE IF EXISTS "{mart}{OLDER}"')
    return int(count)


def _order() -> Iterator[str]:
    """Columns by which the lines of one run follow one another."""
    names = TABLES[LOG].names
    return (f'restated_line."{name}"' for name in names[names.index("mart_name") : names.index("old_value")])
