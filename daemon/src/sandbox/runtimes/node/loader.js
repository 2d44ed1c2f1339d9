'use strict';
// How the user's handler is found and loaded: CommonJS and ES modules, handlers in folders, nested names.
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');
const errors = require('./errors.js');
const invokeStore = require('./invoke_store.js');
const { isModern } = require('./modern.js');
const { HttpResponseStream } = require('./response_stream.js');

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

// User code must not see this client's own modules as those that asked for it.
const userRequire = createRequire(path.join(__dirname, 'index.mjs'));

exports.publishGlobals = () => {
  if (['1', 'true'].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = {
    ...globalThis.awslambda,
    streamifyResponse(handler, options) {
      handler[STREAMING] = 'response';
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = parseInt(options.highWaterMark);
      return handler;
    },
    HttpResponseStream,
    ...(isModern ? { InvokeStore: invokeStore.store } : {}),
  };
};

// A handler and how it wants to be called. It is called as a method of one of these, so that its frame in a trace reads as
// it does on AWS.
class Runtime {
  constructor(handler) {
    this.handler = handler;
    this.streaming = isStreaming(handler);
    this.highWaterMark = highWaterMark(handler);
  }
}
class BufferedInvokeProcessor extends Runtime {}
class StreamingInvokeProcessor extends Runtime {}

function runtimeOf(handler) {
  if (!isModern) return new Runtime(handler);
  return isStreaming(handler) ? new StreamingInvokeProcessor(handler) : new BufferedInvokeProcessor(handler);
}

/** The function that `_HANDLER` names. */
exports.load = async (taskRoot, name) => {
  if (name.includes('..')) {
    throw new errors.MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`
    );
  }
  const base = path.basename(name);
  const folder = name.slice(0, name.indexOf(base));
  const parts = /^([^.]*)\.(.*)$/.exec(base);
  if (!parts) throw new errors.MalformedHandlerName('Bad handler');
  const call = resolve(await loadModule(taskRoot, folder, parts[1]), parts[2]);
  if (!call) throw new errors.HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof call !== 'function') throw new errors.HandlerNotFound(`${name} is not a function`);
  if (isModern) refuseCallbacks(call);
  return runtimeOf(call);
};

async function loadModule(taskRoot, folder, name) {
  try {
    const file = path.resolve(taskRoot, folder, name);
    const found = isModern ? await importFile(file) : await requireFile(file);
    return found ?? userRequire(userRequire.resolve(name, { paths: [taskRoot, path.join(taskRoot, folder)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw syntaxError(error);
    if (error?.code === 'MODULE_NOT_FOUND') throw new errors.ImportModuleError(error);
    throw error;
  }
}

function syntaxError(error) {
  const fault = new errors.UserCodeSyntaxError(error);
  if (isModern) fault.stack = error.stack;
  return fault;
}

/** AWS's order up to Node.js 22: CommonJS first, unless the nearest package.json says that `.js` is a module. */
async function requireFile(file) {
  if (fs.existsSync(file)) {
    const found = userRequire(file);
    if (found) return found;
  }
  const isModule = fs.existsSync(file + '.js') && inModulePackage(path.dirname(file));
  if (!isModule && fs.existsSync(file + '.js')) {
    const found = userRequire(file + '.js');
    if (found) return found;
  }
  for (const extension of isModule ? ['.js', '.mjs'] : ['.mjs']) {
    if (fs.existsSync(file + extension)) return import(pathToFileURL(file + extension));
  }
  return fs.existsSync(file + '.cjs') ? userRequire(file + '.cjs') : undefined;
}

/** AWS's order from Node.js 24 on: whatever is there, by `import`. */
async function importFile(file) {
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    if (fs.existsSync(file + extension)) return import(pathToFileURL(file + extension));
  }
  return undefined;
}

function inModulePackage(folder) {
  if (folder.endsWith('/node_modules')) return false;
  const file = path.join(folder, 'package.json');
  if (fs.existsSync(file)) {
    try {
      return JSON.parse(fs.readFileSync(file))?.type === 'module';
    } catch (error) {
      console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder === '/' ? false : inModulePackage(path.dirname(folder));
}

function resolve(module, name) {
  const within = (root) => name.split('.').reduce((value, key) => value && value[key], root);
  return within(module) || (isModern && module?.default ? within(module.default) : undefined);
}

function refuseCallbacks(call) {
  if (call.length < 3 || call[STREAMING]) return;
  throw new errors.CallbackHandlerDeprecated(
    'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to ' +
      'modify this function to use a supported handler signature to use Node.js 24 or later. For more information see ' +
      'https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.'
  );
}

function isStreaming(call) {
  if (call[STREAMING] === undefined || call[STREAMING] === null || call[STREAMING] === false) return false;
  if (call[STREAMING] === 'response') return true;
  throw new errors.MalformedStreamingHandler('Only response streaming is supported.');
}

function highWaterMark(call) {
  const mark = parseInt(call[HIGH_WATER_MARK]);
  return Number.isNaN(mark) ? undefined : mark;
}
