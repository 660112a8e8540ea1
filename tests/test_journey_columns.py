"""Rebuilding an account reads some columns of its rows; nothing that it computes may look at the others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import transforms
from pipelines.deriving.journeys import PARTICIPANT_COLUMNS, TOUCHPOINT_COLUMNS
from transforms.touchpoint import Participant, Touchpoint

FOLDER = Path(transforms.__path__[0])
MODULES = [*sorted((FOLDER / "journeys").glob("*.py")), FOLDER / "journey_rows.py"]
"""Where everything below ``build_account`` lives that handles touchpoints or participants."""


def attributes_read() -> set[str]:
    """Names of all attributes that these modules read, whatever of."""
    trees = [ast.parse(path.read_text("utf-8")) for path in MODULES]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if isinstance(node.ctx, ast.Load)}


@pytest.mark.parametrize(
    ("kind", "columns"),
    [(Touchpoint, TOUCHPOINT_COLUMNS), (Participant, PARTICIPANT_COLUMNS)],
    ids=lambda one: str(one),
)
def test_every_field_that_is_looked_at_is_read(kind: type[Touchpoint] | type[Participant], columns: list[str]) -> None:
    """A field of a row that the code of an account's journeys names is among the columns read for it."""
    assert attributes_read().intersection(kind.__struct_fields__) - set(columns) == set()


def test_modules_that_handle_rows_are_all_looked_at() -> None:
    """Whatever these modules import from transforms and that knows touchpoints is one of them."""
    imported = {
        FOLDER.parent / f"{node.module.replace('.', '/')}.py"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("transforms.")
    }
    knowing = {path for path in imported if "transforms.touchpoint import" in path.read_text("utf-8")}
    assert knowing - set(MODULES) == set()
