'use strict';
// The loop of functions made by `awslambda.streamifyResponse`.
const console_ = require('./console.js');
const context_ = require('./context.js');
const { isModern } = require('./modern.js');
const { ResponseStream } = require('./response_stream.js');

const nothing = () => {};
const refusal = (text) => (isModern ? new Error(text) : text);

exports.start = ({ api, runtime, failures, soon }) => {
  let whenIdle = nothing;
  process.on('beforeExit', () => whenIdle());

  const scheduleNext = () => soon(serve);

  async function serve() {
    const { headers, body } = await api.next();
    const id = context_.begin(headers);
    const stream = new ResponseStream(api, id, runtime.highWaterMark);
    let waits = true;
    const next = () => {
      if (!waits || isModern) {
        scheduleNext();
        return;
      }
      whenIdle = () => {
        whenIdle = nothing;
        scheduleNext();
      };
    };
    const fail = (error) => {
      whenIdle = nothing;
      console_.logError('Invoke Error', error);
      stream.fail(error, next);
    };
    failures.current = (error) => new Promise((resolve) => {
      stream.fail(error, resolve);
    }).then(() => stream.answered);
    // A handler that can never end its stream must not keep the function from its next event.
    whenIdle = () => fail(refusal('Response stream is not finished.'));
    const context = isModern ? {} : {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = value;
      },
    };
    const begin = () => {
      context_.attach(context, headers);
      return JSON.parse(body);
    };
    // What is wrong with the event itself is the function's error for the older client alone.
    const event = isModern ? begin() : undefined;
    try {
      const result = runtime.handler(isModern ? event : begin(), stream, context);
      if (typeof result?.then !== 'function') {
        fail(refusal('Streaming does not support non-async handlers.'));
        return;
      }
      if ((await result) !== undefined) console.warn('Streaming handlers ignore return values.');
      await stream.answered;
      whenIdle = nothing;
      if (stream.writableFinished) next();
      else fail(refusal('Response stream is not finished.'));
    } catch (error) {
      fail(error);
    }
  }

  scheduleNext();
};
