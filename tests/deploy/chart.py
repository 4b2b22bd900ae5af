"""The Helm chart, rendered by Helm itself.

python -m tests.deploy.chart manifests         the plain manifests, into their place
python -m tests.deploy.chart rendered FOLDER   what each value set renders, a file each
python -m tests.deploy.chart archive FOLDER    what `helm install` takes
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from helm_python.chart import Chart

FOLDER = Path(__file__).parents[2] / "deploy" / "k8s"
CHART = FOLDER / "kokoro-fleet"
MANIFESTS = FOLDER / "manifests"
VALUE_SETS = sorted((CHART / "ci").glob("*-values.yaml"))
NAMESPACE = "speech"

Resource = dict[str, Any]

_HEAD = "# Rendered from ../kokoro-fleet with values.yaml by `make manifests`: change the chart, not this.\n"


def values_of(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def rendered(values: dict[str, Any], name: str = "tts", namespace: str = NAMESPACE) -> list[Resource]:
    """All resources of a release, in the order of the templates."""
    templates = Chart.load(CHART).render(values=values, name=name, namespace=namespace, is_install=True)
    sources = [text for path, text in sorted(templates.items()) if path.endswith(".yaml")]
    return [resource for text in sources for resource in yaml.safe_load_all(text) if resource]


def one(resources: list[Resource], kind: str, suffix: str = "") -> Resource:
    """The only resource of its kind whose name ends with ``suffix``."""
    found = [each for each in resources if each["kind"] == kind and each["metadata"]["name"].endswith(suffix)]
    assert len(found) == 1, (kind, suffix, [each["metadata"]["name"] for each in found])
    return found[0]


def container(resource: Resource) -> Resource:
    containers: list[Resource] = resource["spec"]["template"]["spec"]["containers"]
    return containers[0]


def environment(resource: Resource) -> dict[str, str]:
    """Those variables of a pod's container that have a plain value."""
    return {each["name"]: each["value"] for each in container(resource)["env"] if "value" in each}


def manifests() -> str:
    resources = rendered(values_of(MANIFESTS / "values.yaml"), name="kokoro-fleet", namespace="kokoro-fleet")
    return f"{_HEAD}{yaml.safe_dump_all(resources, sort_keys=False, width=120)}"


def main(command: str, folder: Path = MANIFESTS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if command == "manifests":
        (folder / "kokoro-fleet.yaml").write_text(manifests(), encoding="utf-8")
    elif command == "rendered":
        for path in VALUE_SETS:
            resources = yaml.safe_dump_all(rendered(values_of(path)), sort_keys=False)
            (folder / f"{path.stem}.yaml").write_text(resources, encoding="utf-8")
    elif command == "archive":
        Chart.load(CHART).save(folder)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
