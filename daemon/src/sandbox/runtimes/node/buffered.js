'use strict';
// The loop of functions that answer with one value: by a promise, a callback or the context's own methods.
//
// It follows AWS's client in when an invocation counts as done: a promise at once, a callback only when the event loop
// is empty, unless `callbackWaitsForEmptyEventLoop` is false; and a handler that never answers, when the loop is empty,
// with null.
const errors = require('./errors.js');
const console_ = require('./console.js');
const context_ = require('./context.js');
const { isModern } = require('./modern.js');

const nothing = () => {};

exports.start = ({ api, runtime, failures, soon }) => {
  let whenIdle = nothing;
  if (!isModern) process.on('beforeExit', () => whenIdle());

  const scheduleNext = () => soon(serve);

  const report = (id) => (error) => api.fail(id, errors.payload(error), errors.cause(error));

  async function serve() {
    const { headers, body } = await api.next();
    const id = context_.begin(headers);
    failures.current = report(id);
    await (isModern ? serveModern(id, headers, body) : serveClassic(id, headers, body));
  }

  async function serveModern(id, headers, body) {
    const context = context_.attach({}, headers);
    const event = JSON.parse(body);
    try {
      const result = await runtime.handler(event, context);
      // AWS's client lets the event loop turn once before it answers.
      await new Promise((resolve) => setImmediate(resolve));
      api.respond(id, serialize(result));
    } catch (error) {
      await new Promise((resolve) => setImmediate(resolve));
      console_.logError('Invoke Error', error);
      report(id)(error);
    }
    scheduleNext();
  }

  async function serveClassic(id, headers, body) {
    const answer = answers(id);
    whenIdle = () => {
      whenIdle = nothing;
      answer.markDone();
      api.respond(id, 'null');
      scheduleNext();
    };
    try {
      const event = JSON.parse(body);
      const result = runtime.handler(event, context_.attach(answer.context, headers), answer.callback);
      if (typeof result?.then === 'function') result.then(answer.context.succeed, answer.context.fail).catch(answer.context.fail);
    } catch (error) {
      answer.callback(error);
    }
  }

  /** The ways in which a handler may answer; the first one used is the answer. */
  function answers(id) {
    let isDone = false;
    let waits = true;
    const fail = (error) => {
      console_.logError('Invoke Error', error);
      report(id)(error);
      scheduleNext();
    };
    const complete = (result) => {
      if (isDone) {
        console.error(
          'Invocation has already been reported as done. Cannot call complete more than once per invocation.'
        );
        return;
      }
      isDone = true;
      api.respond(id, serialize(result));
      scheduleNext();
    };
    const done = (error, result) => {
      whenIdle = nothing;
      if (error !== undefined && error !== null) fail(error);
      else complete(result);
    };
    const callback = (error, result) => {
      whenIdle = nothing;
      if (error !== undefined && error !== null) fail(error);
      else if (!waits) complete(result);
      else {
        whenIdle = () => {
          whenIdle = nothing;
          setImmediate(() => complete(result));
        };
      }
    };
    let isUsed = false;
    const once = (act) => (...values) => {
      if (isUsed) return;
      act(...values);
      isUsed = true;
    };
    const context = {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = value;
      },
      succeed: once((result) => done(null, result)),
      fail: once((error) => done(error === undefined || error === null ? 'handled' : error, null)),
      done: once(done),
    };
    return { callback: once(callback), context, markDone: () => (isDone = true) };
  }

  scheduleNext();
};

function serialize(result) {
  try {
    // A value that JSON has no text for at all, as a function, is sent as AWS's client would send it.
    return String(JSON.stringify(result === undefined ? null : result));
  } catch {
    const message = 'Unable to stringify response body';
    throw isModern ? new errors.JSONStringifyError(message) : new Error(message);
  }
}
