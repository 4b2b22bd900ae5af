"""The versions in docs/clients.md are those that run here, which are those that are pinned."""

from __future__ import annotations

import json
import re

import pytest

from tests.clients.conftest import DOCUMENT, HERE, ROOT, Hear
from tests.clients.test_litellm import LITELLM
from tests.clients.test_livekit import LIVEKIT
from tests.clients.test_openai import NODE, PYTHON, PYTHON_2
from tests.clients.test_pipecat import PIPECAT

CLIENTS = {
    "openai-python 3": PYTHON,
    "openai-python 2": PYTHON_2,
    "openai-node": NODE,
    "LiteLLM": LITELLM,
    "LiveKit agents": LIVEKIT,
    "pipecat": PIPECAT,
}


def pinned() -> dict[str, str]:
    def version(document: str, package: str) -> str:
        (found,) = re.findall(rf"^{package}(?:\[.*\])?==(.*)$", (ROOT / document).read_text(), re.MULTILINE)
        return str(found)

    requirements = "tests/clients/requirements.txt"
    return {
        "openai-python 3": version("constraints.txt", "openai"),
        "openai-python 2": version(requirements, "openai"),
        "openai-node": json.loads((HERE / "package.json").read_text())["dependencies"]["openai"],
        "LiteLLM": version(requirements, "litellm"),
        "LiveKit agents": version(requirements, "livekit-plugins-openai"),
        "pipecat": version(requirements, "pipecat-ai"),
    }


@pytest.mark.parametrize("name", CLIENTS)
def test_the_document_names_what_is_pinned(name: str) -> None:
    rows = re.findall(rf"^\| \[{name.split(' ', 1)[0]}.*$", DOCUMENT.read_text(), re.MULTILINE)
    assert [row for row in rows if pinned()[name] not in row] == []
    assert rows


@pytest.mark.parametrize("name", CLIENTS)
def test_what_is_pinned_is_what_runs(name: str, hear: Hear) -> None:
    assert hear(CLIENTS[name]).told["version"] == pinned()[name]
