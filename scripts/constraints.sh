#!/bin/sh
# Writes constraints.txt: names and versions, no addresses, that fit the oldest Python we support (Debian 12's).
# Versions that are there already are kept; delete the file first to take the newest of all.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/uv pip compile --quiet --python-version 3.11.2 --extra all --group pyproject.toml:dev \
    --no-header --no-annotate --no-emit-index-url --output-file constraints.txt pyproject.toml
# CUDA comes only with the build of torch that we do not use.
sed -i -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d' constraints.txt
