"""What every test may ask for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from lent_auditor import lent

settings.register_profile("touchloop", deadline=None)  # a slow machine is no fault of what is tested
settings.load_profile("touchloop")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def auditors() -> Iterator[None]:
    """Runs inside this process lend their auditors to each other; those of ``touchloop`` as a command do not."""
    with lent():
        yield


@pytest.fixture(scope="session")
def real_dir() -> Path:
    """The folder of real payloads: ``$TOUCHLOOP_REAL``, else ``../shared/real`` beside the checkout."""
    folder = Path(os.environ.get("TOUCHLOOP_REAL", ROOT.parent / "shared" / "real"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real payloads at {folder} (set TOUCHLOOP_REAL)")
    return folder


@pytest.fixture
def no_marts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They follow from what is compared without them, and take longer than all the rest of an increment (``test_mart_changes`` is theirs)."""
    monkeypatch.setattr("pipelines.deriving.rebuild.build_marts", lambda *_, **__: None)


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """URL of a bucket of an S3 API on loopback, with a place for the folder's name."""
    from moto.server import ThreadedMotoServer  # only who asks for it waits for its import
    from pyarrow import fs

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "anything")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        store = fs.S3FileSystem(
            endpoint_override=f"{host}:{port}", scheme="http", region="us-east-1", allow_bucket_creation=True
        )
        store.create_dir("landing")
        yield f"s3://landing/{{}}?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        server.stop()
