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
    export ATELIER_TEST_STACK="$1"
    cache="cache_dir=.pytest_cache/$1"
    shift
    "$python" -m coverage run -m pytest -o "$cache" "$@" && return
    printf '\nWhat failed, once more:\n'
    "$python" -m coverage run -m pytest -o "$cache" --last-failed --last-failed-no-failures none "$@"
}

# Most of the time the tests wait for other processes, so both stacks are tested at once.
rm -f .coverage .coverage.*
mkdir -p build
other=build/test-postgres.log
(run postgres tests/integration) >"$other" 2>&1 &
status=0
(run sqlite) || status=$?
printf '\nThe integration tests on PostgreSQL and Redis:\n'
wait $! || status=$?
cat "$other"
"$python" -m coverage combine -q
"$python" -m coverage report --skip-covered --format=total | sed 's/.*/Coverage of app\/backend and app\/state: & %/'
exit "$status"
