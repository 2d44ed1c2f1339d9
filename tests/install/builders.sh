#!/usr/bin/env bash
# Installs the tools that functions of Go and Rust are built with, for the tests of such functions: go with apt-get where it
# is missing, cargo-lambda (PyPI) into target/test-tools. What is there already is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v go >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends golang-go >/dev/null
fi
version=1.9.2
place="$PWD/target/test-tools/cargo-lambda"
if [ "$(cat "$place/version" 2>/dev/null || true)" = "$version" ]; then
  exit 0
fi
rm -rf "$place"
python3 -m venv "$place"
"$place/bin/pip" install --quiet --disable-pip-version-check "cargo-lambda==$version"
echo "$version" >"$place/version"
