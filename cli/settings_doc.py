"""Writes docs/configuration.md from the settings classes: `python -m cli.settings_doc`. A test keeps it true."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import annotated_types
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cli.embedded import UpSettings
from gateway.settings import GatewaySettings
from shared.settings import FleetSettings, ModelSettings
from worker.settings import WorkerSettings

TARGET = Path(__file__).parent.parent / "docs" / "configuration.md"

SECTIONS: tuple[tuple[str, type[FleetSettings], type[FleetSettings] | None], ...] = (
    ("Every process", FleetSettings, None),
    ("Gateway", GatewaySettings, FleetSettings),
    ("Where the model is: workers and `kokoro-fleet models`", ModelSettings, FleetSettings),
    ("Worker", WorkerSettings, ModelSettings),
    ("`kokoro-fleet up`", UpSettings, FleetSettings),
)
"""A heading, a class, and the one whose fields were shown before."""

NOT_USED: Mapping[str, str] = {
    "OUTPUT_DIR": "Nothing is written there: files behind links are in TEMP_FILE_DIR. Kokoro-FastAPI dropped it too.",
    "OUTPUT_DIR_SIZE_LIMIT_MB": "As OUTPUT_DIR; the folder of downloads has MAX_TEMP_DIR_SIZE_MB.",
    "MODEL_REPO_ID": "The voices and weights are those of Kokoro-82M v1.0, by their hashes.",
    "ALLOW_DEV_UNLOAD": "No endpoint unloads a model; MODEL_AUTO_UNLOAD_TIMEOUT_SECONDS frees it when idle.",
    "MODEL_UNLOAD_STRATEGY": "As ALLOW_DEV_UNLOAD.",
    "ENABLE_MIOPEN": "Of ROCm; the engines here are for CPUs and CUDA.",
    "API_LOG_LEVEL": "LOG_LEVEL, which is every process's.",
    "WEB_CONCURRENCY": "A gateway is one process: run as many as are needed behind a load balancer.",
    "PHONEMIZER_ESPEAK_PATH": "espeak-ng comes along, as a Python package: there is no path to get wrong.",
    "PHONEMIZER_ESPEAK_DATA": "As PHONEMIZER_ESPEAK_PATH.",
    "ESPEAK_DATA_PATH": "As PHONEMIZER_ESPEAK_PATH.",
}
"""Variables that Kokoro-FastAPI has or had, in any of its releases, and that mean nothing here."""

_HEAD = """# Configuration

Environment variables, or lines in a file `.env` where the process starts; names in any case, lists and maps as JSON. A
value that is out of bounds is refused at the start. This page is made from the settings classes by
`python -m cli.settings_doc`: change them, not it.

Besides these, `kokoro-fleet say` reads `KOKORO_FLEET_URL` and `KOKORO_FLEET_API_KEY`, and what fetches the model
`HF_ENDPOINT` and `NPM_CONFIG_REGISTRY`, as the tools of those registries do.
"""

_BOUNDS = {
    annotated_types.Ge: ("ge", "≥"),
    annotated_types.Gt: ("gt", ">"),
    annotated_types.Le: ("le", "≤"),
    annotated_types.Lt: ("lt", "<"),
}


def page() -> str:
    """The whole of docs/configuration.md."""
    parts = [_HEAD]
    for heading, settings, shown_before in SECTIONS:
        known = shown_before.model_fields if shown_before else {}
        rows = [_row(name, field) for name, field in settings.model_fields.items() if name not in known]
        parts.append(
            "\n".join((f"## {heading}\n", "| variable | default | what it does |", "|---|---|---|", *rows, ""))
        )
    unused = [f"| `{name}` | {reason} |" for name, reason in NOT_USED.items()]
    parts.append("\n".join(("## Kokoro-FastAPI's that are not used\n", "| variable | why |", "|---|---|", *unused, "")))
    return "\n".join(parts)


def _row(name: str, field: FieldInfo) -> str:
    bounds = " and ".join(_bounds(field))
    said = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{name.upper()}` | {_default(field)} | {said}{f' ({bounds})' if bounds else ''} |"


def _bounds(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        if type(bound) in _BOUNDS:
            attribute, sign = _BOUNDS[type(bound)]
            yield f"{sign} {getattr(bound, attribute)}"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return "unset"
    if value == "":
        return "empty"
    if isinstance(value, Path):
        value = value.as_posix().replace(tempfile.gettempdir(), "/tmp")  # noqa: S108 - a name for it, not a use of it
    return f"`{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}`"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
