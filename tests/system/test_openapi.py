"""The API is as it describes itself: a slice of what schemathesis makes up from the description, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.conftest import Service

CONFIG = Path(__file__).parents[2] / "bench" / "schemathesis.toml"
"""Also of the long run, for which it says the command."""


@pytest.fixture(scope="module")
def described(service: Service) -> Any:
    config = schemathesis.Config.from_path(CONFIG)
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=config)


def test_what_the_documentation_offers_to_try_can_be_tried(service: Service) -> None:
    paths = httpx.get(f"{service.url}/openapi.json").json()["paths"]
    tried = 0
    for path, operations in paths.items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        examples = [each["value"] for each in content.get("examples", {}).values()]
        for example in examples or content.get("schema", {}).get("examples", ()):
            if "input_file_id" not in example:  # which nobody has
                answer = httpx.post(service.url + path, json=example, timeout=30)
                assert answer.status_code in {200, 202}, (path, example, answer.text)
                tried += 1
                if "location" in answer.headers:
                    assert httpx.delete(service.url + answer.headers["location"]).status_code == 200
    assert tried >= 13


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_as_described(described: Any, mode: GenerationMode) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    with_bodies = [operation for operation in operations if operation.body]  # what has none cannot be wrong
    assert len(with_bodies) >= 7
    for operation in operations if mode is GenerationMode.POSITIVE else with_bodies:
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=strategy)
        def check(case: Any) -> None:
            case.call_and_validate()

        check()
