"""Files of a simulated workspace's directory, as rows that may be changed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

Row = dict[str, str]


class File:
    """One CSV."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open(newline="") as lines:
            self.rows = list(csv.DictReader(lines))
        self.columns = list(self.rows[0])

    def row(self, **values: str) -> Row:
        """A new one, empty but for these values."""
        return dict.fromkeys(self.columns, "") | values

    def write(self, key: Sequence[str]) -> None:
        """With the first row of each key, for a second one would be rejected."""
        first = {tuple(row[column] for column in key): row for row in reversed(self.rows)}
        with self.path.open("w", newline="") as lines:
            writer = csv.DictWriter(lines, self.columns)
            writer.writeheader()
            writer.writerows(reversed(first.values()))
