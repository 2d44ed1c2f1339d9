#!/usr/bin/env bash
# Installs AWS's own runtime clients, which the differential tests of the embedded ones run beside them:
# awslambdaric (PyPI) for each Python from 3.8 on that is here, aws-lambda-ric (npm) for Node.js.
# What is there already is kept; everything goes to target/test-tools. Needs a C++ toolchain, for the npm one,
# which it installs with apt-get where that is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools="$PWD/target/test-tools"
mkdir -p "$tools"

npm_client=3.3.0 # up to Node.js 22
npm_client_24=4.0.2

# The newest that runs on a Python of this minor version.
python_client() {
  case $1 in
    8) echo 2.2.1 ;;
    9) echo 4.0.4 ;;
    *) echo 4.2.2 ;;
  esac
}

need_toolchain() {
  local missing=()
  for program in cmake autoconf automake libtoolize g++ make; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing a C++ toolchain; missing: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq cmake autoconf automake libtool g++ make >/dev/null
}

# The Pythons of pyenv, those on PATH, and the one that interpreters.sh made, one a minor version.
pythons() {
  local minor candidate
  for minor in 8 9 10 11 12 13 14; do
    for candidate in "$HOME"/.pyenv/versions/3."$minor".*/bin/python3."$minor" /usr/local/bin/python3."$minor" /usr/bin/python3."$minor"; do
      if [ -x "$candidate" ] && "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$minor $candidate"
        break
      fi
    done
  done
  if ! compgen -G "$HOME/.pyenv/versions/3.14.*" >/dev/null && [ -x "$tools/python-3.14/usr/bin/python3.14" ]; then
    echo "14 $tools/python-3.14/usr/bin/python3.14"
  fi
}

install_python() {
  local minor=$1 python=$2 version place="$tools/awslambdaric-3.$1"
  version=$(python_client "$minor")
  [ "$(cat "$place/version" 2>/dev/null)" = "$version" ] && return
  rm -rf "$place"
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check "awslambdaric==$version"
  else # this one has no pip; that of another does it
    "$python" -m venv --without-pip "$place"
    python3 -m venv "$tools/pip"
    "$tools/pip/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --python-version "3.$minor" \
      --target "$place/lib/python3.$minor/site-packages" "awslambdaric==$version"
  fi
  "$place/bin/python" -c 'import awslambdaric, runtime_client'
  echo "$version" >"$place/version"
}

# The native part is built by the Node.js that is to run it, with the headers that came with it.
install_node() {
  local place="$tools/$1" version=$2
  [ "$(cat "$place/version" 2>/dev/null)" = "$version" ] && return
  need_toolchain
  rm -rf "$place"
  mkdir -p "$place"
  echo '{"private": true}' >"$place/package.json"
  (
    cd "$place"
    npm install --ignore-scripts --no-audit --no-fund --loglevel=error "aws-lambda-ric@$version"
    # Newer npm runs no install script that nobody approved.
    npm install-scripts approve aws-lambda-ric >/dev/null 2>&1 || true
    npm rebuild --loglevel=error aws-lambda-ric
    AWS_LAMBDA_RUNTIME_API=127.0.0.1:1 node -e "require('./$(find node_modules/aws-lambda-ric -name rapid-client.node -not -path '*/build/*' | head -1)')"
  )
  echo "$version" >"$place/version"
}

install_node_24() {
  local node="$tools/node-24"
  if [ ! -x "$node/bin/node" ]; then
    echo "SKIPPED: aws-lambda-ric $npm_client_24: Node.js 24 is not in target/test-tools" >&2
    return
  fi
  export PATH="$node/bin:$PATH" npm_config_nodedir
  npm_config_nodedir=$(dirname "$(readlink -f "$node/bin")")
  install_node aws-lambda-ric-4 "$npm_client_24"
}

while read -r minor python; do
  install_python "$minor" "$python"
done < <(pythons)
if command -v node >/dev/null; then
  install_node aws-lambda-ric "$npm_client"
fi
(install_node_24)
echo "AWS's runtime clients are in target/test-tools"
