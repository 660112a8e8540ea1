"""What a table must satisfy on its own: the declared columns, checks and key, and rules that one row can be judged by.

All row rules of a table are one query, so that a table is read once. Great Expectations' own column expectations cost
9 to 15 ms each whatever the table's size: the 800 checks here would take 8 s of an audit that takes 1.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.checks import Check, checks_of
from schemas.ddl import SQL_TYPES, quoted
from schemas.fields import Column, Table
from schemas.registry import TABLES
from warehouse import restated

CATALOG = "candidate"
"""The name under which the audited file is attached."""


@dataclass(frozen=True)
class RowRule:
    """A rule on single rows. ``broken`` is a condition in SQL that is true (not NULL) for a row that breaks it."""

    name: str
    sentence: str
    """What must hold, to follow the table's name: ``channel must be one of chat, email``."""
    broken: str
    shows: tuple[str, ...] = ()
    """Columns quoted with the key of a row that breaks it."""
    needs: tuple[str, ...] = ()
    """Columns that ``broken`` reads."""
    quote_values: bool = True


@dataclass(frozen=True)
class KeyRule:
    """``columns`` together are unique; NULL equals NULL."""

    name: str
    sentence: str
    columns: tuple[str, ...]


def rule(name: str, sentence: str, broken: str, *shows: str) -> RowRule:
    return RowRule(name, sentence, broken, shows, shows)


def _span(start: str, end: str) -> RowRule:
    return rule("interval", f"{end} must not lie before {start}", f"{end} < {start}", start, end)


def _names_its_row() -> str:
    """In SQL: whether a line of the log has the key of its mart's row, and no more of it."""
    grains = [name for name in restated.GRAINS if name not in ("period_grain", "period_start")]
    cases = []
    for mart in restated.MARTS:
        filled = [f"{name} IS {'NOT ' if name in TABLES[mart].key else ''}NULL" for name in grains]
        cases.append(f"WHEN '{mart}' THEN {' AND '.join(filled)}")
    nobodys = " AND ".join(f"{name} IS NULL" for name in grains)
    return f"CASE WHEN change = 'many' THEN {nobodys} ELSE CASE mart_name {' '.join(cases)} ELSE false END END"


ROW_RULES: dict[str, tuple[RowRule, ...]] = {
    "dim_calendar": (
        rule("slot", "a slot must close after it opens", "closes_minute <= opens_minute", "opens_minute", "closes_minute"),
    ),
    "fact_event": (_span("occurred_at", "ended_at"),),
    "ledger_unit": (
        rule(
            "conservation",
            "record_count must be accepted + duplicate + ignored + rejected",
            "record_count <> accepted_count + duplicate_count + ignored_count + rejected_count",
            "record_count", "accepted_count", "duplicate_count", "ignored_count", "rejected_count",
        ),
        rule(
            "range", "range_end must not lie before range_start", "range_end < range_start", "range_start", "range_end"
        ),
    ),
    "rejected_record": (
        RowRule(
            "vault", "payload must be NULL in a snapshot: the original bytes stay in the vault", "payload IS NOT NULL",
            needs=("payload",), quote_values=False,
        ),
    ),
    "fact_touchpoint": (
        _span("occurred_at", "ended_at"),
        rule(
            "countable",
            "is_countable must say: held, not voided, not internal, not automated, account known",
            "is_countable IS DISTINCT FROM (status = 'held' AND NOT is_voided AND NOT is_internal AND NOT is_automated "
            "AND account_id IS NOT NULL)",
            "is_countable", "status", "is_voided", "is_internal", "is_automated", "account_id",
        ),
    ),
    "fact_stage_history": (
        _span("entered_at", "left_at"),
        rule(
            "days", "stage_days must be left_at - entered_at",
            "left_at IS NOT NULL AND abs(coalesce(stage_days, -1) - (epoch_us(left_at) - epoch_us(entered_at)) / 86400000000) > 1e-9",
            "entered_at", "left_at", "stage_days",
        ),
    ),
    "fact_internal_step": (
        rule(
            "report",
            "a reported step must have one revision, and only a plan's item the event that told it",
            "(basis = 'reported' AND revision <> 1) OR (basis = 'reported') <> (event_id IS NULL)",
            "basis", "revision", "event_id",
        ),
    ),
    "fact_session": (_span("started_at", "ended_at"),),
    "fact_visit": (
        _span("started_at", "ended_at"),
        rule(
            "self_loops", "self_loop_count must be touchpoint_count - 1", "self_loop_count <> touchpoint_count - 1",
            "touchpoint_count", "self_loop_count",
        ),
    ),
    "fact_transition": (
        rule(
            "consecutive", "the two visits must be consecutive", "to_visit_no <> from_visit_no + 1",
            "from_visit_no", "to_visit_no",
        ),
    ),
    "fact_loop": (
        rule(
            "length",
            "loop_length must be the number of visits in between",
            "loop_length <> to_visit_no - from_visit_no - 1",
            "from_visit_no", "to_visit_no", "loop_length",
        ),
    ),
    "mart_deal_landmark": (_span("landmark_at", "closed_at"),),
    "mart_journey_summary": (
        rule(
            "rework",
            "visits - distinct jobs must be loops + resumes",
            "visit_count - distinct_job_count <> loop_count + resume_count",
            "visit_count", "distinct_job_count", "loop_count", "resume_count",
        ),
        rule(
            "self_loops",
            "classified buyer evidence - visits must be self_loop_count",
            "buyer_evidence_count - unclassified_count - visit_count <> self_loop_count",
            "buyer_evidence_count", "unclassified_count", "visit_count", "self_loop_count",
        ),
    ),
    restated.LOG: (
        rule(
            "grain", "a line must have the key of its mart's row, and no more", f"NOT ({_names_its_row()})", "mart_name", *restated.GRAINS
        ),
        rule("lifetime", "a lifetime is never final", "period_grain = 'lifetime'", "period_grain"),
        rule(
            "differs",
            "the figure before must not be the figure after",
            "change <> 'many' AND old_value IS NOT DISTINCT FROM new_value "
            "AND old_num IS NOT DISTINCT FROM new_num AND old_den IS NOT DISTINCT FROM new_den",
            "metric", "old_value", "new_value",
        ),
        rule(
            "there",
            "a row that was not there has no figure before, one that is no longer there none after",
            "metric <> 'row_count' AND ((change = 'appeared' AND old_value IS NOT NULL) OR (change = 'vanished' AND new_value IS NOT NULL))",
            "metric", "change", "old_value", "new_value",
        ),
    ),
}  # fmt: skip

UNIQUE: dict[str, tuple[tuple[str, ...], ...]] = {"fact_event": (("source", "source_event_id", "revision"),)}
"""What is unique besides the key."""


def row_rules(table: Table) -> list[RowRule]:
    """Declared NULLs, vocabularies and ranges, every share by its numerator and denominator, the table's own rules."""
    found = [_row_rule(table.column(c.column), c) for c in checks_of(table) if c.column is not None]
    return [*found, *_shares(table), *ROW_RULES.get(table.name, ())]


def key_rules(table: Table) -> list[KeyRule]:
    keys = [table.key, *UNIQUE.get(table.name, ())]
    return [KeyRule(f"unique:{'+'.join(names)}", f"{' + '.join(names)} must be unique", names) for names in keys]


def columns_sentence(table: Table) -> str:
    return f"the columns must be the {len(table.columns)} declared ones"


def _row_rule(column: Column, check: Check) -> RowRule:
    name, value = column.name, f'"{column.name}"'
    shows: tuple[str, ...] = (name,)
    if check.kind == "not_null":
        sentence, broken, shows = f"{name} must not be NULL", f"{value} IS NULL", ()
    elif check.kind == "in_set":
        sentence = f"{name} must be one of {', '.join(check.values)}"
        broken = f"{value} NOT IN ({', '.join(quoted(v) for v in check.values)})"
    elif check.kind == "items_in_set":
        sentence = f"every item of {name} must be one of {', '.join(check.values)}"
        # list_has_all passes over NULLs in the list
        allowed = f"[{', '.join(quoted(v) for v in check.values)}]"
        broken = f"NOT list_has_all({allowed}, {value}) OR list_count({value}) <> len({value})"
    else:
        bounds = [
            *([f"{value} < {check.minimum!r}"] if check.minimum is not None else []),
            *([f"{value} > {check.maximum!r}"] if check.maximum is not None else []),
            *([f"NOT isfinite({value})"] if column.type == "double" else []),
        ]
        sentence, broken = f"{name} must be {_range(check)}", " OR ".join(bounds)
    return RowRule(f"{check.kind}:{name}", sentence, broken, shows, (name,), check.quote_values)


def _range(check: Check) -> str:
    if check.maximum is None:
        return f"at least {check.minimum:g}"
    if check.minimum is None:
        return f"at most {check.maximum:g}"
    return f"between {check.minimum:g} and {check.maximum:g}"


def _shares(table: Table) -> Iterator[RowRule]:
    names = set(table.names)
    for name in table.names:
        parts = (name, f"{name}_num", f"{name}_den")
        if names.issuperset(parts):
            share, num, den = parts
            holds = f"{num} <= {den} AND abs({share} - {num} / {den}) < 1e-9"
            broken = f"{share} IS NOT NULL AND ({den} = 0 OR NOT coalesce({holds}, false))"
            yield RowRule(f"share:{name}", f"{name} must be {num} / {den}", broken, parts, parts)


def column_types(table: Table) -> dict[str, str]:
    """The types by which DuckDB's catalog knows the declared columns."""
    aliases = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    return {c.name: aliases.get(SQL_TYPES[c.type], SQL_TYPES[c.type]) for c in table.columns}
