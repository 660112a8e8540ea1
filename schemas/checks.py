"""The audit's column checks, derived from the declarations: what each column must satisfy, without naming the audit's library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.fields import Table

Kind = Literal["columns", "not_null", "in_set", "items_in_set", "between", "unique_key"]


@dataclass(frozen=True)
class Check:
    """One check of one table. ``quote_values`` is False where the offending values are personal and must not be stored."""

    kind: Kind
    column: str | None = None
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    quote_values: bool = True


def checks_of(table: Table) -> list[Check]:
    """Columns as declared, no NULL where required, closed vocabularies (of lists: of their items), ranges, a unique key."""
    found = [Check("columns", columns=table.names)]
    for column in table.columns:
        quote = not column.personal
        if column.required:
            found.append(Check("not_null", column.name, quote_values=quote))
        if column.values:
            kind: Kind = "items_in_set" if column.type == "text[]" else "in_set"
            found.append(Check(kind, column.name, values=column.values, quote_values=quote))
        if column.minimum is not None or column.maximum is not None:
            found.append(
                Check("between", column.name, minimum=column.minimum, maximum=column.maximum, quote_values=quote)
            )
    found.append(Check("unique_key", columns=table.key))
    return found
