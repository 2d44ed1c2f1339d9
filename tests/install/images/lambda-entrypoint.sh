#!/bin/sh
# Stands in for the entry point of AWS's base images: the handler is the one argument, and the runtime is started at once
# when a Runtime API is named. AWS's starts an emulator otherwise; here there is none.
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" 1>&2
  exit 142
fi
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  echo "no Runtime API is named, and this image has no emulator" 1>&2
  exit 143
fi
exec /var/runtime/bootstrap
