"""The real service with the real weights, as `make test-model` has fetched them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Service, running_service, running_valkey
from tests.model.ears import Ears


@pytest.fixture(scope="session")
def real_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("real")
    with running_valkey() as server, running_service(server.url, folder, {"ENGINE": "onnx"}) as running:
        yield running


@pytest.fixture(scope="session")
def ears() -> Ears:
    return Ears()
