"""What the tests with real brokers share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters.kafka import Broker
from loads import AS_OF, LOAD, finish, touchloop


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("kafka")).start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated workspace that ``run`` has read from its files."""
    root = tmp_path_factory.mktemp("world") / "files"
    finish(touchloop("generate", "--workspace", str(root), "--records", str(LOAD), "--malformed", "0.002"))
    finish(touchloop("run", "--workspace", str(root), "--as-of", AS_OF))
    return root
