"""These tests need the extra `deploy`, which `make test-deploy` brings. Without it they cannot even be imported."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("helm_python") else ["test_*.py"]
