#!/bin/sh
# Writes constraints.txt from the packages of .venv: names and versions, no addresses.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/uv pip freeze --quiet --python .venv/bin/python --exclude-editable |
    sed -n 's/^\([A-Za-z0-9._-]*==[^+ ;]*\).*/\1/p' | grep -v -i '^\(pip\|uv\|setuptools\|wheel\)==' | LC_ALL=C sort -f >constraints.new
mv constraints.new constraints.txt
