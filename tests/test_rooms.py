"""Arrows of import point one way, and the engine stays in its room."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "schemas": {"schemas"},
    "transforms": {"schemas", "transforms"},
    "warehouse": {"schemas", "warehouse"},
    "pipelines": {"schemas", "transforms", "warehouse", "pipelines"},
}
ENGINES = {"apache_beam", "kafka"}
IMPURE = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "random", "uuid"}


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere, those included that only a type checker sees."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            # "from pipelines.kafka import plan" names a module of ours, "from pipelines.kafka.plan import Range" does not
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in inside if (ROOT / f"{name.replace('.', '/')}.py").exists()} or {node.module}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    """schemas <- transforms <- pipelines; warehouse uses schemas; pipelines may use all."""
    for path in modules(room):
        ours = {name.split(".")[0] for name in imports(path)} & set(ROOMS)
        assert ours <= ROOMS[room], f"{path.relative_to(ROOT)} imports {sorted(ours - ROOMS[room])}"


def place(module: str) -> str:
    """The room inside a room that a module lives in, or the module itself where it lives in the hall."""
    inner = "/".join(module.split(".")[:2])
    return inner if (ROOT / inner).is_dir() else module


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_inside_a_room_import_one_way(room: str) -> None:
    """Who reads one of them from the hall on never comes back to where he has been: no two need each other, by whatever way."""
    needs: dict[str, set[str]] = {}
    for path in modules(room):
        here = place(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        ours = {place(name) for name in imports(path) if name.split(".")[0] in ROOMS and name not in ROOMS}
        needs.setdefault(here, set()).update(ours - {here})
    assert len(needs) > 1
    assert list(TopologicalSorter(needs).static_order())  # raises CycleError, which names the circle


@pytest.mark.parametrize("room", ["schemas", "transforms", "warehouse"])
def test_beam_and_kafka_live_in_pipelines(room: str) -> None:
    """No other room knows the engine."""
    for path in modules(room):
        engines = {name.split(".")[0] for name in imports(path)} & ENGINES
        assert not engines, f"{path.relative_to(ROOT)} imports {sorted(engines)}"


def test_transforms_read_no_clock_and_roll_no_dice() -> None:
    """Time comes in as an argument; nothing below fact_event depends on a clock, a dice or the disk."""
    for path in modules("transforms"):
        names = {name.split(".")[0] for name in imports(path)}
        assert not names & {"random", "uuid", "secrets", "time", "os", "pathlib", "tempfile", "logging"}, path.name
        text = path.read_text(encoding="utf-8")
        for forbidden in ("datetime.now(", "utcnow(", "date.today(", "open("):
            assert forbidden not in text, f"{path.name} has {forbidden}"


def test_every_source_is_one_module_found_by_being_there() -> None:
    """No list of sources stands anywhere: the folder is the list."""
    from transforms.sources import all_sources

    specs = all_sources()
    assert len(specs) >= 10
    for name, spec in specs.items():
        assert spec.name == name
        assert (ROOT / "transforms" / "sources" / f"{name}.py").exists()
        assert spec.supports
