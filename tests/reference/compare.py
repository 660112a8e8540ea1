"""Rows of a reference beside those of a mart."""

from __future__ import annotations

import math
from typing import Any

Mart = dict[tuple[Any, ...], dict[str, Any]]
"""The other columns of rows, by the values of their key."""


def is_same(expected: Any, found: Any) -> bool:
    """Floats to nine digits, everything else exactly."""
    if isinstance(expected, float) and isinstance(found, int | float) and not isinstance(found, bool):
        return math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-12)
    return bool(expected == found)


def differences(mart: str, expected: Mart, found: Mart) -> list[str]:
    """A line for each row of one side alone, and for each figure that is another one or has no counterpart."""
    lines = []
    for key in sorted(expected.keys() | found.keys(), key=str):
        row = f"{mart} ({', '.join(str(part) for part in key)})"
        if key not in found:
            lines.append(f"{row}: only in the reference")
        elif key not in expected:
            lines.append(f"{row}: only in the mart")
        else:
            mine, theirs = expected[key], found[key]
            for column in sorted(mine.keys() | theirs.keys()):
                if column not in mine or column not in theirs:
                    lines.append(f"{row} {column}: only in the {'reference' if column in mine else 'mart'}")
                elif not is_same(mine[column], theirs[column]):
                    lines.append(f"{row} {column}: reference {mine[column]!r}, mart {theirs[column]!r}")
    return lines


def by_key(rows: list[dict[str, Any]], key: tuple[str, ...]) -> Mart:
    """Raises ``AssertionError`` where two rows have the same key."""
    found = {
        tuple(row[name] for name in key): {name: value for name, value in row.items() if name not in key}
        for row in rows
    }
    assert len(found) == len(rows), f"rows of the same {key}"
    return found
