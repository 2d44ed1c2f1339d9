#!/usr/bin/env bash
# Installs the browser with which the tests look at APIs as a web page does: Debian's headless Chromium.
# What is there already is kept. Without root or a sudo that asks no password it says what to install.
set -euo pipefail

if command -v chromium >/dev/null; then
  echo "$(chromium --version --no-sandbox 2>/dev/null | head -n1) is installed"
  exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "please install chromium; the tests in a browser will fail without it" >&2
    exit 0
  fi
  as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null; then
  echo "there is no apt-get; please install chromium; the tests in a browser will fail without it" >&2
  exit 0
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
chromium --version --no-sandbox 2>/dev/null | head -n1
