"""How a table is declared: columns with type, nullability, allowed values, unit, meaning and origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Type = Literal["text", "int", "bigint", "double", "bool", "timestamp", "date", "decimal", "blob", "text[]"]
Layer = Literal["event", "ledger", "dim", "id", "fact", "journey", "mart"]


@dataclass(frozen=True)
class Column:
    """One column. ``meaning`` is one line and is quoted by DDL comments, JSON Schema and the data dictionary."""

    name: str
    type: Type
    meaning: str
    required: bool = False
    values: tuple[str, ...] | None = None
    """Allowed values (of the elements, for a list)."""
    unit: str | None = None
    origin: str | None = None
    """The vocabulary that the name or meaning comes from: CE, AS, SO, SEG, XA, SP, XDM, MSG (semantics 1.1)."""
    minimum: float | None = None
    maximum: float | None = None
    personal: bool = False
    """Holds something about a person: erased with them, and never quoted by the audit."""


@dataclass(frozen=True)
class Table:
    """One table. ``key`` is unique; ``version`` is the semver of its columns."""

    name: str
    layer: Layer
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    meaning: str = ""
    version: str = "1.0.0"
    month_of: str | None = None
    """Parquet is partitioned by the month of this column."""
    by_touchpoint: bool = False
    """Parquet is partitioned by the month of the touchpoint that a row belongs to."""
    sort: tuple[str, ...] = field(default=())

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)


def text(
    name: str,
    meaning: str,
    *,
    nn: bool = False,
    values: tuple[str, ...] | None = None,
    origin: str | None = None,
    personal: bool = False,
) -> Column:
    return Column(name, "text", meaning, required=nn, values=values, origin=origin, personal=personal)


def texts(name: str, meaning: str, *, values: tuple[str, ...] | None = None) -> Column:
    return Column(name, "text[]", meaning, required=True, values=values)


def flag(name: str, meaning: str, *, nn: bool = False) -> Column:
    return Column(name, "bool", meaning, required=nn)


def at(name: str, meaning: str, *, nn: bool = False, origin: str | None = None) -> Column:
    return Column(name, "timestamp", meaning, required=nn, unit="UTC, microseconds", origin=origin)


def day(name: str, meaning: str, *, nn: bool = False) -> Column:
    return Column(name, "date", meaning, required=nn)


def count(name: str, meaning: str, *, nn: bool = True, big: bool = False) -> Column:
    return Column(name, "bigint" if big else "int", meaning, required=nn, unit="count", minimum=0)


def number(
    name: str, meaning: str, *, unit: str | None = None, nn: bool = False, minimum: float | None = None
) -> Column:
    return Column(name, "double", meaning, required=nn, unit=unit, minimum=minimum)


def seconds(name: str, meaning: str, *, nn: bool = False) -> Column:
    return Column(name, "bigint", meaning, required=nn, unit="seconds", minimum=0)


def share(name: str, meaning: str) -> Column:
    """0..1; NULL where the denominator is 0 (C3)."""
    return Column(name, "double", meaning, unit="share", minimum=0, maximum=1)


def ratio(name: str, meaning: str, *, unit: str = "count") -> tuple[Column, Column, Column]:
    """A share with its numerator and denominator (C4), which are whole numbers of ``unit``: their sum is the same in any order."""
    return (
        share(name, meaning),
        Column(
            f"{name}_num",
            "bigint",
            f"Numerator of {name}; sums over periods only where its units do",
            unit=unit,
            minimum=0,
        ),
        Column(f"{name}_den", "bigint", f"Denominator of {name}", unit=unit, minimum=0),
    )
