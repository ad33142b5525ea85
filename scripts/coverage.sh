#!/bin/sh
# How much of the back end and the states the tests reach, on one stack. Watching doubles the work of what is watched.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

rm -f .coverage .coverage.*
status=0
ATELIER_TEST_STACK=sqlite "$python" -m coverage run -m pytest tests/unit tests/integration "$@" || status=$?
"$python" -m coverage combine -q
"$python" -m coverage report --skip-covered
exit "$status"
