#!/bin/sh
# Sees to the programs that tests use and no Python package has: a browser, a Redis of the system, an LDAP directory.
set -eu

missing=
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing="$missing chromium"
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v slapd >/dev/null || [ -x /usr/sbin/slapd ] || missing="$missing slapd"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    printf 'Installing%s…\n' "$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 - a list of names. The servers are started by the tests, not by the system.
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null </dev/null
else
    printf 'The tests need%s. Install what is missing and start again:\n    sudo apt-get install -y%s\n' "$missing" "$missing" >&2
    exit 1
fi
