//! What stands below the local commands' options in their help.

pub(crate) const LOCAL: &str = "\
These commands take the SAM CLI's options by its names, so that `alias sam=samctl` works. Each runs a daemon of its own.

Examples:
  samctl local start-api
  samctl local invoke Hello --event event.json
  samctl local generate-event s3 put --bucket photos | samctl local invoke Hello --event -";

pub(super) const START_API: &str = "\
Options that are not typed are looked up in the environment (SAM_TEMPLATE_FILE, SAM_DOCKER_NETWORK, …), then in samconfig
([default.local_start_api.parameters], [default.global.parameters]). SAMD_SANDBOX=process|docker|auto says what runs
functions.

Examples:
  samctl local start-api
  samctl local start-api --port 8080 --env-vars env.json --parameter-overrides Stage=dev
  samctl local start-api --ssl-cert-file cert.pem --ssl-key-file key.pem";

pub(super) const START_LAMBDA: &str = "\
Options that are not typed are looked up in the environment, then in samconfig ([default.local_start_lambda.parameters]).

Examples:
  samctl local start-lambda
  aws lambda invoke --endpoint-url http://127.0.0.1:3001 --function-name Hello out.json";

pub(super) const INVOKE: &str = "\
Options that are not typed are looked up in the environment, then in samconfig ([default.local_invoke.parameters]).

Examples:
  samctl local invoke
  samctl local invoke Hello --event event.json
  echo '{\"id\": 1}' | samctl local invoke Hello --event -";

pub(super) const GENERATE_EVENT: &str = "\
Examples:
  samctl local generate-event
  samctl local generate-event s3
  samctl local generate-event s3 put --bucket photos --key cat.jpg";
