'use strict';
// The parts of the context object that come from an invocation's headers and from the environment.
const console_ = require('./console.js');
const errors = require('./errors.js');
const { isModern } = require('./modern.js');

/** The invocation's id; log lines carry it from now on. */
exports.begin = (headers) => {
  const id = headers['lambda-runtime-aws-request-id'];
  if (!id) throw new Error('invocation id is missing or invalid');
  console_.begin(id, headers['lambda-runtime-aws-tenant-id'], headers['lambda-runtime-trace-id']);
  return id;
};

/** Fills a context with what is the same for callbacks, promises and streams. */
exports.attach = (context, headers) => {
  const env = process.env;
  const trace = headers['lambda-runtime-trace-id'];
  if (trace) env._X_AMZN_TRACE_ID = trace;
  else delete env._X_AMZN_TRACE_ID;
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const ofEnvironment = {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  };
  const ofHeaders = {
    clientContext: parsed(headers, 'lambda-runtime-client-context', 'ClientContext'),
    identity: parsed(headers, 'lambda-runtime-cognito-identity', 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    ...(isModern ? { xRayTraceId: trace } : {}),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  if (!isModern) return Object.assign(context, ofEnvironment, ofHeaders);
  const { functionVersion, functionName, ...rest } = ofEnvironment;
  return Object.assign(context, ofHeaders, { functionName, functionVersion, ...rest });
};

function parsed(headers, header, name) {
  const text = headers[header];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (isModern) throw new errors.PlatformError(`Failed to parse ${header} as JSON: ${error.message}`);
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}
