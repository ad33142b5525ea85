#!/bin/sh
# All tests: unit, rules of the code base, integration on both stacks, browser. Arguments go to pytest instead.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

if [ $# -gt 0 ]; then
    exec "$python" -m pytest "$@"
fi
rm -f .coverage .coverage.*
status=0
ATELIER_TEST_STACK=sqlite "$python" -m coverage run -m pytest || status=$?
printf '\nThe integration tests once more, on PostgreSQL and Redis:\n'
ATELIER_TEST_STACK=postgres "$python" -m coverage run -m pytest tests/integration || status=$?
"$python" -m coverage combine -q
"$python" -m coverage report --skip-covered --format=total | sed 's/.*/Coverage of app\/backend and app\/state: & %/'
exit "$status"
