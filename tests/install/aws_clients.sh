#!/usr/bin/env bash
# Installs the clients with which the tests call the Lambda endpoint: boto3 and the AWS CLI (PyPI), the AWS SDK for
# JavaScript's client-lambda (npm). What is there already is kept; everything goes to target/test-tools/aws-clients.
set -euo pipefail
cd "$(dirname "$0")/../.."
place="$PWD/target/test-tools/aws-clients"
mkdir -p "$place"

boto3=1.44.5
awscli=1.46.3
client_lambda=3.1163.0

# boto3 and the AWS CLI ask for botocores of their own, so each gets a folder.
install_python() {
  local name=$1 package=$2 check=$3
  [ "$(cat "$place/$name/version" 2>/dev/null)" = "$package" ] && return
  rm -rf "${place:?}/$name"
  python3 -m venv "$place/$name"
  "$place/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$package"
  "$place/$name/bin/python" -c "$check"
  echo "$package" >"$place/$name/version"
}

install_node() {
  local folder="$place/js" package="@aws-sdk/client-lambda@$client_lambda"
  [ "$(cat "$folder/version" 2>/dev/null)" = "$package" ] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  echo '{"private": true}' >"$folder/package.json"
  (cd "$folder" && npm install --no-audit --no-fund --loglevel=error "$package")
  echo "$package" >"$folder/version"
}

install_python boto3 "boto3==$boto3" 'import boto3'
install_python cli "awscli==$awscli" 'import awscli'
command -v node >/dev/null && install_node
echo "AWS's clients are in target/test-tools/aws-clients"
