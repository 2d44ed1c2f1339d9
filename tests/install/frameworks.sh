#!/usr/bin/env bash
# Installs the web frameworks that the tests run behind samd unchanged: Powertools for AWS Lambda, Mangum with FastAPI
# (PyPI), @vendia/serverless-express with Express (npm). Each set is a layer, as AWS lays layers out, under
# target/test-tools/frameworks. What is there already is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
place="$PWD/target/test-tools/frameworks"
mkdir -p "$place"

python_packages=(aws-lambda-powertools==3.37.0 mangum==0.22.0 fastapi==0.165.0 pydantic==2.14.3 python-multipart==0.0.34)
node_packages=(express@5.3.0 @vendia/serverless-express@4.12.6 multer@2.5.0 compression@1.8.2 cookie-parser@1.4.7)

# Compiled wheels are for one version of Python, so that is part of what is installed.
install_python() {
  local layer="$place/python-layer" wanted
  wanted="$(python3 -V) ${python_packages[*]}"
  [ "$(cat "$layer/version" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "$layer" "$place/python-venv"
  mkdir -p "$layer/python"
  python3 -m venv "$place/python-venv"
  "$place/python-venv/bin/python" -m pip install --quiet --disable-pip-version-check --target "$layer/python" \
    "${python_packages[@]}"
  rm -rf "$place/python-venv"
  PYTHONPATH="$layer/python" python3 -c 'import aws_lambda_powertools, fastapi, mangum, multipart'
  echo "$wanted" >"$layer/version"
}

install_node() {
  local layer="$place/node-layer" wanted="${node_packages[*]}"
  [ "$(cat "$layer/version" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "$layer"
  mkdir -p "$layer/nodejs"
  echo '{"private": true}' >"$layer/nodejs/package.json"
  (cd "$layer/nodejs" && npm install --no-audit --no-fund --loglevel=error "${node_packages[@]}")
  (cd "$layer/nodejs" && node -e 'require("express"); require("@vendia/serverless-express")')
  echo "$wanted" >"$layer/version"
}

install_python
command -v node >/dev/null && install_node
echo "web frameworks are in target/test-tools/frameworks"
