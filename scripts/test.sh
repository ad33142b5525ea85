#!/bin/sh
# All tests: unit, rules of the code base, integration on both stacks, faults, browser. Arguments go to pytest instead.
# With CHECKED=1 what `make check` runs is left out.
set -eu
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    exec .venv/bin/python -m pytest "$@"
fi
# Processes are killed and clocks are watched in these tests, so no more of them go at once than there are cores for;
# the longest begin first. Whoever wants to see one alone calls scripts/test_row.sh.
rows='sqlite postgres browser faults'
mkdir -p build
rm -f build/test-*.log
status=0
# shellcheck disable=SC2016,SC2086 - the words are the rows, and the inner shell knows its own.
printf '%s\n' $rows | xargs -n 1 -P 2 sh -c '
    began=$(date +%s) ended=passed
    sh scripts/test_row.sh "$0" >"build/test-$0.log" 2>&1 || ended=failed
    echo "$0 $ended after $((($(date +%s) - began) / 60)) minutes"
    [ $ended = passed ]
' || status=1
for row in $rows; do
    printf '\n%s, also in build/test-%s.log:\n' "$row" "$row"
    cat "build/test-$row.log"
done
exit "$status"
