"""Writes what is derived from the declarations and committed: ``python -m schemas.publish``."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.dictionary import data_dictionary
from schemas.jsonschema import json_schema
from schemas.registry import TABLES


def publish(root: Path) -> None:
    """JSON Schemas to ``schemas/published/``, the data dictionary to ``docs/``."""
    folder = root / "schemas" / "published"
    folder.mkdir(exist_ok=True)
    for table in TABLES.values():
        (folder / f"{table.name}.json").write_text(json.dumps(json_schema(table), indent=1) + "\n", encoding="utf-8")
    (root / "docs" / "data-dictionary.md").write_text(data_dictionary(), encoding="utf-8")


if __name__ == "__main__":
    publish(Path(__file__).resolve().parent.parent)
