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

packages=$("$TREE/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# What no process reads at run time: tests, and the sources of what comes compiled. Our kernels do not: they are
# compiled when the graph is built, and its name has their hash.
find "$packages" -depth -type d -name tests -exec rm -rf {} +
find "$packages" -type f '(' -name "*.pyx" -o -name "*.pxd" -o -name "*.c" -o -name "*.cpp" -o -name "*.h" -o -name "*.hpp" ')' \
  -not -path "$packages/worker/*" -delete
# Of Babel, which only reads CSV files for phonemizer, how dates are written; of jieba, keywords, parts of speech and the
# model of another engine.
rm -rf "$packages"/babel/locale-data "$packages"/jieba/{analyse,lac_small,posseg}
# Debugging symbols are half of what is compiled. Not of libraries that wheels were mended with, nor of CUDA's.
find "$packages" -type f -name "*.so*" -not -path "*.libs/*" -not -path "*/torch/*" -not -path "*/nvidia/*" \
  -not -path "*/triton/*" -exec strip --strip-debug {} +
