"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_dir() -> Path:
    """The folder of real payloads: ``$TOUCHLOOP_REAL``, else ``../shared/real`` beside the checkout."""
    folder = Path(os.environ.get("TOUCHLOOP_REAL", ROOT.parent / "shared" / "real"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real payloads at {folder} (set TOUCHLOOP_REAL)")
    return folder
