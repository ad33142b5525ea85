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
# Where many fail, one thing is broken: the rest would only wait for it, and a second try too.
many=25
run() {
    name=$1 stack=$2 module=$3
    shift 3
    try() {
        # shellcheck disable=SC2086 - the module and its command are two words.
        ATELIER_TEST_STACK=$stack "$python" -m $module -o "cache_dir=.pytest_cache/$name" "$@"
    }
    try --maxfail "$many" --durations 15 "$@" && return
    [ "$(grep -c ': true' ".pytest_cache/$name/v/cache/lastfailed")" -lt "$many" ] || return 1
    printf '\nWhat failed, once more:\n'
    try --last-failed --last-failed-no-failures none "$@"
}

# Most of the time the tests wait for other processes, so two rows of them go side by side. Coverage doubles the work
# of what it watches, so it watches one stack, and no browser.
rm -f .coverage .coverage.*
mkdir -p build
other=build/test-others.log
(
    status=0
    # What vendors' protocols say, and how requests are read, is the same on every database.
    run postgres postgres pytest tests/integration tests/chaos \
        --ignore tests/integration/providers/test_contract.py \
        --ignore tests/integration/api/test_any_request.py || status=$?
    run browser sqlite pytest tests/e2e tests/chaos || status=$?
    exit "$status"
) >"$other" 2>&1 &
status=0
run sqlite sqlite "coverage run -m pytest" tests/architecture tests/unit tests/integration || status=$?
printf '\nThe integration tests on PostgreSQL and Redis, and the browser tests:\n'
wait $! || status=$?
cat "$other"
"$python" -m coverage combine -q
"$python" -m coverage report --skip-covered --format=total | sed 's/.*/Coverage of app\/backend and app\/state: & %/'
exit "$status"
