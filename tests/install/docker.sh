#!/usr/bin/env bash
# Gives the Docker tests an engine and images: installs and starts dockerd where no engine answers, and builds stand-ins
# for AWS's base images, with the same names and layout, from what this machine has (nothing is pulled):
#
#   public.ecr.aws/lambda/python:3.11-x86_64          Python 3.11, AWS's own runtime client, /lambda-entrypoint.sh
#   public.ecr.aws/lambda/nodejs:20-x86_64            the Node.js of this machine, AWS's own runtime client
#   public.ecr.aws/lambda/provided:al2023-x86_64      a shell and /lambda-entrypoint.sh
#   samd-tests/own:1                                  a static program that is its own entry point, and nothing else
#
# May be run again and again; what is there is kept, its parts under target/test-tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools="$PWD/target/test-tools"
mkdir -p "$tools"

machine=$(uname -m)
case $machine in
  x86_64) arch=x86_64 platform=amd64 ;;
  aarch64) arch=arm64 platform=arm64 ;;
  *) echo "no stand-in images for $machine" >&2; exit 1 ;;
esac
python_client=4.2.2
# Counted up when this file makes another image under the same name.
edition=3

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# The tests make networks for engines of their own.
need_ip() {
  command -v ip >/dev/null && return
  echo "installing iproute2"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends iproute2 >/dev/null
}

need_engine() {
  answers && return
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null || ! command -v iptables >/dev/null; then
    echo "installing an engine"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
  fi
  echo "starting dockerd; its log is target/test-tools/dockerd.log"
  as_root setsid --fork dockerd >"$tools/dockerd.log" 2>&1 </dev/null
  for _ in $(seq 240); do
    answers && return
    sleep 0.25
  done
  tail -20 "$tools/dockerd.log" >&2
  echo "dockerd did not answer within a minute" >&2
  exit 1
}

# A Python 3.11 with its library, as prefix.
python() {
  local candidate
  for candidate in "$HOME"/.pyenv/versions/3.11.*/bin/python3.11 /usr/local/bin/python3.11 /usr/bin/python3.11; do
    if [ -x "$candidate" ] && "$candidate" -c 'import ensurepip, ssl, venv' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "installing Python" >&2
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
  [ -x /usr/bin/python3.11 ] || { echo "there is no Python 3.11 on this machine" >&2; exit 1; }
  echo /usr/bin/python3.11
}

# Copies programs with the shared libraries that they need, each where it is here.
copy_programs() {
  local root=$1
  shift
  local file library
  for file in "$@"; do
    { ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true; } | while read -r library; do
      mkdir -p "$root$(dirname "$library")"
      cp -Ln --no-preserve=ownership "$library" "$root$library" 2>/dev/null || true
    done
  done
}

# A root folder with a shell and the few tools that scripts use, the SAM CLI's of its emulator among them.
base_root() {
  local root=$1 program
  mkdir -p "$root"/{bin,usr/bin,etc,dev,proc,sys,run,var/task,var/runtime,opt,root}
  mkdir -p -m 1777 "$root/tmp"
  cp -L /bin/sh "$root/bin/sh"
  for program in env ls cat id sleep stat mv chmod; do cp -L "$(command -v "$program")" "$root/usr/bin/$program"; done
  copy_programs "$root" "$root/bin/sh" "$root"/usr/bin/*
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  cp tests/install/images/lambda-entrypoint.sh "$root/lambda-entrypoint.sh"
  chmod 755 "$root/lambda-entrypoint.sh"
}

python_root() {
  local root=$1 python=$2 prefix
  base_root "$root"
  prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
  mkdir -p "$root/var/lang/bin" "$root/var/lang/lib"
  cp -L "$python" "$root/var/lang/bin/python3.11"
  ln -s python3.11 "$root/var/lang/bin/python3"
  tar -C "$prefix/lib" --exclude='python3.11/test' --exclude='*/tests' --exclude='python3.11/idlelib' \
    --exclude='python3.11/ensurepip' --exclude='python3.11/config-3.11*' --exclude='python3.11/site-packages' \
    --exclude='python3.11/dist-packages' --exclude='python3.11/tkinter' --exclude='python3.11/turtledemo' \
    -cf - python3.11 | tar -C "$root/var/lang/lib" -xf - --no-same-owner
  mkdir -p "$root/var/lang/lib/python3.11/site-packages"
  "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --target "$root/var/runtime" "awslambdaric==$python_client"
  cp tests/install/images/python/* "$root/var/runtime/"
  chmod 755 "$root/var/runtime/bootstrap"
  copy_programs "$root" "$python" "$root"/var/lang/lib/python3.11/lib-dynload/*.so "$root"/var/runtime/*.so
}

# AWS's client with its native part is what tests/install/runtimes.sh has built.
nodejs_root() {
  local root=$1 node client="$tools/aws-lambda-ric/node_modules/aws-lambda-ric/dist"
  node=$(readlink -f "$(command -v node)") || { echo "there is no Node.js on this machine" >&2; exit 1; }
  [ -f "$client/rapid-client.node" ] || bash tests/install/runtimes.sh
  base_root "$root"
  mkdir -p "$root/var/lang/bin" "$root/var/runtime/aws-lambda-ric"
  cp -L "$node" "$root/var/lang/bin/node"
  cp "$client/index.mjs" "$client/rapid-client.node" "$root/var/runtime/aws-lambda-ric/"
  cp tests/install/images/nodejs/* "$root/var/runtime/"
  chmod 755 "$root/var/runtime/bootstrap"
  copy_programs "$root" "$node" "$client/rapid-client.node"
}

# A program that needs no library; the tests take it as a custom runtime's bootstrap as well.
static_program() {
  rustc --edition 2024 -O -C target-feature=+crt-static --target "$machine-unknown-linux-gnu" -o "$tools/own" tests/install/images/own.rs
}

own_root() {
  local root=$1
  mkdir -p "$root"/{opt,tmp,dev,proc,sys}
  chmod 1777 "$root/tmp"
  cp "$tools/own" "$root/own"
}

# import NAME MAKER CHANGE…: an image of what MAKER puts into a folder, unless it is there.
import() {
  local name=$1 maker=$2 root change changes=()
  shift 2
  [ "$(docker image inspect --format '{{index .Config.Labels "samd.tests.edition"}}' "$name" 2>/dev/null)" = "$edition" ] && return
  echo "making $name"
  root=$(mktemp -d)
  $maker "$root"
  for change in "LABEL samd.tests.edition=$edition" "$@"; do changes+=(--change "$change"); done
  tar -C "$root" --owner=0 --group=0 -cf - . | docker import --platform "linux/$platform" "${changes[@]}" - "$name" >/dev/null
  rm -rf "$root"
}

python_image() { python_root "$1" "$(python)"; }

lambda=(
  'ENV LANG=en_US.UTF-8' 'ENV TZ=:/etc/localtime'
  'ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin'
  'ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib'
  'ENV LAMBDA_TASK_ROOT=/var/task' 'ENV LAMBDA_RUNTIME_DIR=/var/runtime'
  'WORKDIR /var/task' 'ENTRYPOINT ["/lambda-entrypoint.sh"]'
)

need_ip
need_engine
[ "$tools/own" -nt tests/install/images/own.rs ] || static_program
import "public.ecr.aws/lambda/python:3.11-$arch" python_image "${lambda[@]}"
import "public.ecr.aws/lambda/nodejs:20-$arch" nodejs_root "${lambda[@]}"
import "public.ecr.aws/lambda/provided:al2023-$arch" base_root "${lambda[@]}"
import samd-tests/own:1 own_root 'ENTRYPOINT ["/own"]' 'CMD ["from-the-image"]' 'WORKDIR /'
echo "an engine answers: $(docker version --format '{{.Server.Version}}')"
