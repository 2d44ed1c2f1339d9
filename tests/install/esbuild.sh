#!/usr/bin/env bash
# Installs esbuild (npm) into target/test-tools, for the tests of functions that are built by it. What is there already
# is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=0.25.5
place="$PWD/target/test-tools/esbuild"
if [ "$(cat "$place/version" 2>/dev/null || true)" = "$version" ]; then
  exit 0
fi
mkdir -p "$place"
cd "$place"
echo '{"private": true}' >package.json
npm install --no-audit --no-fund --loglevel=error "esbuild@$version"
echo "$version" >version
