"""The dashboard, the alert rules and the page about metrics: all they name is there in a live scrape."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.metrics_core import Metric

from tests.observability.conftest import Watched, families

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
DASHBOARD = FOLDER / "grafana-dashboard.json"
PAGE = ROOT / "docs" / "observability.md"

OF_PROMETHEUS = {"up"}
"""Not ours."""
OF_CUDA = {"kokoro_worker_gpu_memory_bytes"}
"""Only where there is a GPU."""

_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "info": ("_info",)}
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_EXPRESSION = re.compile(r"^\s+expr: (?:\|\n((?:\s{10,}.*\n)+)|(.*)\n)", re.MULTILINE)


@pytest.fixture(scope="module")
def shown(watched: Watched) -> dict[str, Metric]:
    """Everything that a gateway and a worker show after a request."""
    assert watched.speak("A sentence, so that there is something to see.").is_success
    return watched.scrape() | families(watched.worker_url)


@pytest.fixture(scope="module")
def series(shown: dict[str, Metric]) -> set[str]:
    """Names as they may stand in an expression."""
    found = OF_PROMETHEUS | OF_CUDA | set(re.findall(r"record: (\S+)", rules()))
    for family in shown.values():
        found |= {family.name + suffix for suffix in _SUFFIXES.get(family.type, ("",))}
    return found


def rules() -> str:
    return (FOLDER / "alerts.yml").read_text()


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def expressions() -> list[str]:
    of_dashboard = [target["expr"] for panel in panels() for target in panel["targets"]]
    of_rules = [" ".join((block or line).split()) for block, line in _EXPRESSION.findall(rules())]
    assert len(of_dashboard) > 50
    assert len(of_rules) == rules().count("expr:")
    # What Grafana puts in itself.
    return [expression.replace("$__rate_interval", "1m") for expression in of_dashboard + of_rules]


def selectors(node: Any) -> Iterator[str]:
    """Names of the series that a parsed expression asks for."""
    match node:
        case promql_parser.VectorSelector():
            yield node.name or ""
        case promql_parser.MatrixSelector():
            yield from selectors(node.vector_selector)
        case promql_parser.BinaryExpr():
            yield from selectors(node.lhs)
            yield from selectors(node.rhs)
        case promql_parser.Call():
            for argument in node.args:
                yield from selectors(argument)
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            yield from selectors(node.expr)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case _:
            pytest.fail(f"an expression of a kind that this test does not know: {node}")


@pytest.mark.parametrize("expression", expressions())
def test_every_expression_parses_and_names_what_is_there(expression: str, series: set[str]) -> None:
    named = set(selectors(promql_parser.parse(expression)))
    assert named
    assert named - series == set()


def test_the_dashboard_is_one_by_grafanas_own_schema() -> None:
    """Read into Grafana's types, panels and queries included, and written again, it has lost nothing."""
    register_default_plugins()
    said = json.loads(DASHBOARD.read_text())
    kept = json.loads(JSONEncoder().encode(Dashboard.from_json(said)))
    assert list(_lost(said, kept)) == []


def _lost(said: Any, kept: Any, place: str = "") -> Iterator[str]:
    match said:
        case dict():
            for name, each in said.items():
                if name in kept:
                    yield from _lost(each, kept[name], f"{place}.{name}")
                elif each not in (None, [], {}, "", False):
                    yield f"{place}.{name}"
        case list():
            assert len(said) == len(kept), place
            for number, each in enumerate(said):
                yield from _lost(each, kept[number], f"{place}[{number}]")
        case _:
            if said != kept:
                yield place


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_every_panel_asks_the_data_source_that_is_chosen() -> None:
    sources = {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}
    assert sources == {"${datasource}"}


def test_the_page_lists_every_metric_with_its_type_and_labels(shown: dict[str, Metric]) -> None:
    rows = re.findall(r"^\| `((?:kokoro|process)_\w+)` \| (\w+) \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    there = {_listed_as(family): family for family in shown.values() if family.name.startswith("kokoro_")}
    of_page = {name for name in listed if name.startswith("kokoro_")}
    assert there.keys() - of_page == set(), "not on the page"
    assert of_page - there.keys() - OF_CUDA == set(), "on the page and not there"
    for name, family in there.items():
        kind, labels = listed[name]
        said = {label for sample in family.samples for label in sample.labels} - {"le"}
        # The parser takes an info for the gauge that it is in the text format.
        assert kind == family.type, name
        assert said <= labels, name


def _listed_as(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


@pytest.mark.parametrize("command", [["check", "config", "prometheus.yml"], ["test", "rules", "alerts.test.yml"]])
def test_promtool_takes_rules_and_their_tests(command: list[str]) -> None:
    promtool = os.environ.get("PROMTOOL")
    if not promtool:
        pytest.skip("PROMTOOL does not name one (Debian: in the package prometheus)")
    result = subprocess.run([promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
