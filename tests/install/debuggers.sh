#!/usr/bin/env bash
# Installs debugpy (PyPI), with which the tests debug a Python function; Node.js brings its inspector. What is there
# already is kept; it goes to target/test-tools/debugpy, where --debugger-path finds it.
set -euo pipefail
cd "$(dirname "$0")/../.."
place="$PWD/target/test-tools/debugpy"
debugpy=1.8.22

[ "$(cat "$place/version" 2>/dev/null)" = "$debugpy" ] && exit 0
rm -rf "$place"
mkdir -p "$(dirname "$place")"
# Debian's Python has no pip of its own; a virtual environment's has.
maker=$(mktemp -d)
trap 'rm -rf "$maker"' EXIT
python3 -m venv "$maker"
"$maker/bin/python" -m pip install --quiet --disable-pip-version-check --target "$place" "debugpy==$debugpy"
echo "$debugpy" >"$place/version"
echo "debugpy is in target/test-tools"
