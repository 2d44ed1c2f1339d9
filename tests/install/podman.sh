#!/usr/bin/env bash
# Gives the Docker tests a Podman where there is none. It is not started: a test serves the API of its own one.
#
# May be run again and again.
set -euo pipefail
cd "$(dirname "$0")/../.."

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if ! command -v podman >/dev/null; then
  echo "installing Podman"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends podman >/dev/null
fi
podman --version
