'use strict';
// `console` as AWS's Node.js client patches it: time, request id and level on each line, text or JSON.
const util = require('util');
const errors = require('./errors.js');
const invokeStore = require('./invoke_store.js');
const { isModern } = require('./modern.js');

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

// Other parts of user code may read these by the same symbols on AWS.
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');
const TENANT_ID = Symbol.for('aws.lambda.runtime.tenantId');

let isJson = false;

exports.begin = (requestId, tenantId, traceId) => {
  if (isModern) {
    invokeStore.begin(requestId, traceId);
    return;
  }
  global[REQUEST_ID] = requestId;
  global[TENANT_ID] = tenantId;
};

const requestId = () => (isModern ? invokeStore.store.getRequestId() : global[REQUEST_ID]);
const tenantId = () => (isModern ? invokeStore.store.getTenantId() : global[TENANT_ID]);

exports.patch = () => {
  isJson = (process.env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
  const least = Math.max(0, LEVELS.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()));
  const line = isJson ? jsonLine : textLine;
  const methods = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
  methods.forEach((method, priority) => {
    const level = LEVELS[priority];
    console[method] =
      priority < least && level !== 'FATAL' ? () => {} : (message, ...rest) => write(line(level, message, ...rest));
  });
  console.log = console.info;
};

/** An error that ended something. */
exports.logError = (title, error) => {
  if (isJson) console.error(errors.intoError(error));
  else console.error(title, errors.formatted(errors.intoError(error)));
};

function write(line) {
  // One call is one event: a carriage return does not end it for the log's reader.
  process.stdout.write(line.replace(/\n/g, '\r') + '\n');
}

function textLine(level, message, ...rest) {
  return `${new Date().toISOString()}\t${requestId()}\t${level}\t${util.format(message, ...rest)}`;
}

function jsonLine(level, ...values) {
  const entry = { timestamp: new Date().toISOString(), level, requestId: requestId() };
  if (tenantId() !== undefined && tenantId() !== null) entry.tenantId = tenantId();
  if (values.length === 1) {
    entry.message = values[0];
    try {
      return JSON.stringify(entry, (_, value) => (value instanceof Error ? { ...described(value), ...value } : value));
    } catch {
      entry.message = util.format(values[0]);
      return JSON.stringify(entry);
    }
  }
  entry.message = util.format(...values);
  const error = values.find((value) => value instanceof Error);
  return JSON.stringify(error ? { ...entry, ...described(error) } : entry);
}

function described(error) {
  return {
    errorType: error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : error.stack,
  };
}
