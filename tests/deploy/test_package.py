"""An image has all that our own wheel has: what is thrown away to make images small is none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.trees import Builder, Tree
from worker.model.graph_file import code_hash

LOST = """
import importlib.metadata
files = importlib.metadata.files("kokoro-fleet")
print(*(file for file in files if not file.locate().exists()), len(files), sep="\\n")
"""
COMPILE = """
from pathlib import Path
from worker.model.kernels.compile import compile_kernels
compile_kernels(Path({path!r}))
"""
CODE_HASH = "from worker.model.graph_file import code_hash; print(code_hash())"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Builder(tmp_path_factory.mktemp("package")).package()


def test_no_file_of_ours_is_lost(tree: Tree) -> None:
    *lost, number = tree.python(LOST).stdout.split()
    assert int(number) > 300
    assert lost == []


def test_a_graph_built_here_is_the_graph_of_an_image(tree: Tree) -> None:
    """A mounted graph is found by the hash of what it is built from, the kernels' sources among it."""
    told = tree.python(CODE_HASH)
    assert told.stdout.strip() == code_hash(), told.stderr


def test_an_image_has_the_kernels_where_it_has_no_compiler(tree: Tree, tmp_path: Path) -> None:
    """What is compiled while it is built is what a graph built later, on a volume, comes with."""
    ahead = tree.python("from worker.model.kernels.compile import compile_ahead; print(compile_ahead())")
    assert ahead.returncode == 0, ahead.stderr
    library = tmp_path / "kernels.so"
    later = tree.python(COMPILE.format(path=str(library)), CC="no-compiler")
    assert later.returncode == 0, later.stderr
    assert library.read_bytes() == Path(ahead.stdout.strip()).read_bytes()
