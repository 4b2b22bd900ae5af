"""What the pages for operators name is there: metrics, settings, targets of make, values, pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [DOCS / f"{name}.md" for name in ("operations", "deploy", "deploy-autoscaling", "security", "capacity")]
VALUE = r"`((?:keda|autoscaling|kokoroTTS|workers|redis|valkey|storage|networkPolicy|batch)\.\w+)"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def named(page: Path, pattern: str) -> set[str]:
    return set(re.findall(pattern, page.read_text(encoding="utf-8"), re.MULTILINE))


def missing(page: Path, pattern: str, there: Path, written: str) -> list[str]:
    """Those names on ``page`` that ``there`` does not have, ``written`` as it writes them."""
    text = there.read_text(encoding="utf-8")
    return [name for name in sorted(named(page, pattern)) if written.format(name) not in text]


@each_page
def test_names_are_names_of_something(page: Path) -> None:
    assert missing(page, r"kokoro_[a-z_]+", DOCS / "observability.md", "`{}`") == []
    makes = set(re.findall(r"^([A-Z_]+) [:?]?=", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    unset = missing(page, r"`([A-Z][A-Z0-9_]{5,})(?:=[^`]*)?`", DOCS / "configuration.md", "`{}`")
    assert [name for name in unset if name not in makes] == []
    assert missing(page, r"\bmake ([a-z][a-z-]+)`", ROOT / "Makefile", "\n{}:") == []
    chart = ROOT / "deploy" / "k8s" / "kokoro-fleet" / "README.md"
    assert [name for name in missing(page, VALUE, chart, "`{}") if "KIND" not in name] == []


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    links = {link for link in named(page, r"\]\(([^)#]+)") if not link.startswith("http")}
    assert [link for link in sorted(links) if not (page.parent / link).exists()] == []


def test_the_pages_name_something() -> None:
    text = [named(page, r"kokoro_[a-z_]+") for page in PAGES]
    assert len(set().union(*text)) > 10
