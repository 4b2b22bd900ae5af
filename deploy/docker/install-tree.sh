#!/usr/bin/env bash
# Fills the virtual environment that becomes an image's only packages. What builds wheels stays outside of it.
#   install-tree LOCK.txt          the packages of a lock file, by their hashes
#   install-tree --package FOLDER  our own wheel, without its dependencies: the lock file had them
set -euo pipefail
TREE=${TREE:-/opt/kokoro-fleet}
# The interpreter that the build stage's own packages are in, whichever venv is active.
PYTHON=${PYTHON:-python3}
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT

if [[ $1 == --package ]]; then
  cp "$2"/*.whl "$wheels"
else
  # Not --only-binary: jieba and docopt come as source. Nor build isolation: that would fetch unpinned build tools.
  "$PYTHON" -m pip wheel --no-build-isolation --require-hashes --no-deps --wheel-dir "$wheels" -r "$1"
fi
test -x "$TREE/bin/python" || "$PYTHON" -m venv --without-pip "$TREE"
"$PYTHON" -m pip --python "$TREE/bin/python" install --no-index --no-deps "$wheels"/*.whl
# What no process reads at run time: tests, and the sources of what comes compiled.
find "$TREE"/lib -depth -type d -name tests -path "*/site-packages/*" -exec rm -rf {} +
find "$TREE"/lib -type f '(' -name "*.pyx" -o -name "*.pxd" -o -name "*.c" -o -name "*.cpp" -o -name "*.h" -o -name "*.hpp" ')' -delete
