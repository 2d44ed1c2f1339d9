'use strict';
// Errors as AWS's Node.js client reports and logs them.
const util = require('util');
const { isModern } = require('./modern.js');

// AWS's newer client gives each error a name of its own, which its log shows; the older one gives it to their kind.
const named = (name, kindName = name) => {
  const kind = {
    [kindName]: class extends Error {
      constructor(message) {
        super(message);
        if (isModern) this.name = `Runtime.${name}`;
      }
    },
  }[kindName];
  kind.prototype.name = `Runtime.${name}`;
  return kind;
};
// Whose class has another name in AWS's newer client; the JSON log shows it.
const CALLED_ERROR = new Set(['HandlerNotFound', 'MalformedHandlerName', 'CallbackHandlerDeprecated']);
for (const name of [
  'ImportModuleError',
  'HandlerNotFound',
  'MalformedHandlerName',
  'UserCodeSyntaxError',
  'MalformedStreamingHandler',
  'InvalidStreamingOperation',
  'CallbackHandlerDeprecated',
  'JSONStringifyError',
  'PlatformError',
]) {
  exports[name] = named(name, isModern && CALLED_ERROR.has(name) ? `${name}Error` : name);
}

exports.UnhandledPromiseRejection = class UnhandledPromiseRejection extends Error {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
};
exports.UnhandledPromiseRejection.prototype.name = 'Runtime.UnhandledPromiseRejection';

const clean = (text) => text?.replace(/\x7F/g, '%7F');
const isText = (value) => typeof value === 'string' && value !== '';
const isErrorLike = (value) => value && isText(value.name) && isText(value.message) && isText(value.stack);
const isError = (value) =>
  isModern ? value instanceof Error : util.types.isNativeError(value) || isErrorLike(value);
/** The trace of an error; the newer client knows what to do without a stack. */
const trace = (error) => (isModern && !error.stack ? [] : clean(error.stack).split('\n'));
const text = (value) => (isModern ? String(value) : value.toString());

/** What the caller sees. */
exports.payload = (error) => {
  try {
    if (isError(error)) {
      return {
        errorType: clean(error.name),
        errorMessage: clean(error.message),
        trace: trace(error),
      };
    }
    return { errorType: typeof error, errorMessage: text(error), trace: [] };
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
      ...(isModern ? { trace: [] } : {}),
    };
  }
};

/** The cause for X-Ray, as a header's value; empty when there is none to be had. */
exports.cause = (error) => {
  try {
    const stack = error.stack ? clean(error.stack).split('\n').slice(1).map(frame) : [];
    return asciiJson({
      working_directory: process.cwd(),
      exceptions: [{ type: clean(error.name), message: clean(error.message), stack }],
      paths: [...new Set(stack.map((entry) => entry.path))],
    });
  } catch {
    return '';
  }
};

function frame(line) {
  const words = line.trim().replace(/[()]/g, '');
  const place = words.slice(words.indexOf(' ') + 1);
  const space = place.lastIndexOf(' ');
  const [path, number] = (space > 0 ? place.slice(space + 1) : place).split(':');
  return { path, line: parseInt(number), label: space > 0 ? place.slice(0, space) : 'anonymous' };
}

function asciiJson(value) {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (unit) => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0')
  );
}

/** An error as a line of the text log shows it. */
exports.formatted = (error) => {
  try {
    return '\t' + JSON.stringify(error, (_, value) => (value instanceof Error ? withDetails(value) : value));
  } catch {
    return '\t' + JSON.stringify(exports.payload(error));
  }
};

function withDetails(error) {
  const details = { errorType: error.name, errorMessage: error.message, code: error.code, ...error };
  if (typeof error.stack === 'string') details.stack = error.stack.split('\n');
  return details;
}

exports.intoError = (value) => (value instanceof Error ? value : new Error(isModern ? String(value) : value));
