#!/bin/sh
# All tests: unit, rules of the code base, integration on both stacks, browser. Arguments go to pytest instead.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

if [ $# -gt 0 ]; then
    exec "$python" -m pytest "$@"
fi
# Processes are killed and clocks are watched in these tests, and the machine may be busy with other work:
# what fails gets a second try, alone, and both tries are shown.
run() {
    "$python" -m coverage run -m pytest "$@" && return
    printf '\nWhat failed, once more:\n'
    "$python" -m coverage run -m pytest --last-failed --last-failed-no-failures none "$@"
}

rm -f .coverage .coverage.*
status=0
export ATELIER_TEST_STACK=sqlite
run || status=$?
printf '\nThe integration tests once more, on PostgreSQL and Redis:\n'
ATELIER_TEST_STACK=postgres
run tests/integration || status=$?
"$python" -m coverage combine -q
"$python" -m coverage report --skip-covered --format=total | sed 's/.*/Coverage of app\/backend and app\/state: & %/'
exit "$status"
