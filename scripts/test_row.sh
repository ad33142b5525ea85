#!/bin/sh
# One row of the tests: sqlite, postgres, browser or faults.
set -eu
cd "$(dirname "$0")/.."
row=$1
shift

# The machine may be busy with other work: what fails gets a second try, alone, and both tries are shown.
# Where many fail, one thing is broken: the rest would only wait for it, and a second try too.
many=25
try() {
    .venv/bin/python -m pytest -o "cache_dir=.pytest_cache/$row" "$@"
}
run() {
    export ATELIER_TEST_STACK="$1"
    shift
    rm -rf ".pytest_cache/$row"
    code=0
    try --maxfail "$many" --durations 15 "$@" || code=$?
    [ "$code" != 0 ] || return 0
    # With another code than that of failed tests, not all of them ran.
    failed=.pytest_cache/$row/v/cache/lastfailed
    [ "$code" = 1 ] && [ "$(grep -c ': true' "$failed")" -lt "$many" ] || return 1
    printf '\nWhat failed, once more:\n'
    try --last-failed --last-failed-no-failures none "$@"
}

case $row in
sqlite)
    quick='tests/architecture tests/unit'
    [ -z "${CHECKED:-}" ] || quick=
    # shellcheck disable=SC2086 - they are two folders, or none.
    run sqlite $quick tests/integration "$@"
    ;;
postgres)
    # How requests are read is the same on every database; what uses none is left out by tests/conftest.py.
    run postgres tests/integration tests/chaos --ignore tests/integration/api/test_any_request.py "$@"
    ;;
browser) run sqlite tests/e2e "$@" ;;
faults) run sqlite tests/chaos "$@" ;;
*)
    echo "There is no row '$row'. Choose sqlite, postgres, browser or faults." >&2
    exit 2
    ;;
esac
