#!/bin/sh
# Makes .venv and installs Atelier into it; does nothing when all of it is there already.
# Usage: setup.sh [dev]
set -eu
cd "$(dirname "$0")/.."
group=${1:-}
python=.venv/bin/python
stamp=.venv/installed${group:+-$group}
wanted="$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum) $(pwd)"

[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x "$python" ] && exit 0

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in ${PYTHON:-python3 python3.11 python3.12 python3.13 /usr/bin/python3}; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Atelier needs Python 3.11, 3.12 or 3.13. Install one, or name it: make setup PYTHON=/path/to/python3.11"
    exit 1
}

ensure_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing $package…"
        apt-get install -y -qq "$package" >/dev/null 2>&1 </dev/null ||
            { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null </dev/null; }
    else
        say "Python's venv module is missing. Install it and start again:"
        say "    sudo apt-get install -y $package"
        exit 1
    fi
}

if ! "$python" -c 'import pip' 2>/dev/null || ! .venv/bin/pip --version >/dev/null 2>&1; then
    base=$(find_python)
    ensure_venv_module "$base"
    say "Making .venv with $base…"
    "$base" -m venv --clear .venv
fi

say "Installing packages, one or two minutes…"
rm -f "$stamp"
export UV_LINK_MODE="${UV_LINK_MODE:-}" PIP_DISABLE_PIP_VERSION_CHECK=1
[ -n "$UV_LINK_MODE" ] || unset UV_LINK_MODE
install() {
    # uv is many times faster; pip knows package sources that uv was not told of.
    .venv/bin/uv pip install --quiet --python "$python" --compile-bytecode "$@" ||
        "$python" -m pip install --quiet "$@"
}
"$python" -m pip install --quiet uv
if [ "$group" = dev ]; then
    # The build of torch for CPUs; the usual one for Linux brings gigabytes of CUDA.
    "$python" -c 'import torch' 2>/dev/null ||
        .venv/bin/uv pip install --quiet --python "$python" --torch-backend cpu --constraint constraints.txt torch 2>/dev/null ||
        "$python" -m pip install --quiet --constraint constraints.txt torch
    install --constraint constraints.txt --group dev --editable '.[all]'
else
    install --constraint constraints.txt --editable .
fi
printf '%s' "$wanted" >"$stamp"
