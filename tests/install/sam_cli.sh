#!/usr/bin/env bash
# Installs the SAM CLI (PyPI), with which `samctl local …` is compared: its options and its sample events. It is never
# asked to run a function, so it needs no Docker. What is there already is kept, under target/test-tools/sam-cli. Where it
# cannot be installed, the comparing tests say that they skip.
set -euo pipefail
cd "$(dirname "$0")/../.."
place="$PWD/target/test-tools/sam-cli"
version=1.164.0

[ "$(cat "$place/version" 2>/dev/null)" = "$version" ] && exit
rm -rf "$place"
mkdir -p "$(dirname "$place")"
if python3 -m venv "$place" && "$place/bin/python" -m pip install --quiet --disable-pip-version-check "aws-sam-cli==$version"; then
  echo "$version" >"$place/version"
  echo "the SAM CLI is in target/test-tools/sam-cli"
else
  rm -rf "$place"
  echo "the SAM CLI could not be installed; tests that compare with it will say that they skip" >&2
fi
