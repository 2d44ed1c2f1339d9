'use strict';
// The Node.js runtime client: gate, INIT, and which of the loops serves the function.
//
// Owns the order of steps. Lines on standard input are the gate: `preload a,b` requires modules that are not the
// user's, `learn` asks to be told which modules INIT loads, `go` starts INIT; end of file means that nobody needs this
// interpreter.
const fs = require('fs');
const { RuntimeApi } = require('./api.js');
const console_ = require('./console.js');
const errors = require('./errors.js');
const { isModern } = require('./modern.js');
const { Early } = require('./preload.js');

exports.main = async () => {
  const taskRoot = process.env.LAMBDA_TASK_ROOT || process.cwd();
  const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
  // Loaded ahead of the gate, where their time costs nobody anything.
  const loops = { buffered: require('./buffered.js'), streaming: require('./streaming.js') };
  const loader = require('./loader.js');
  console_.patch();
  loader.publishGlobals();
  await api.connected;
  const early = new Early(taskRoot);
  const gate = passGate(early);
  if (!gate.isPassed) process.exit(0);
  early.begin();
  const failures = watchFailures(api);
  let runtime;
  try {
    runtime = await loader.load(taskRoot, process.env._HANDLER || '');
  } catch (error) {
    console_.logError(isModern ? 'Init Error' : 'Uncaught Exception', error);
    if (!isModern) return failures.init(error);
    // Node prints it and exits, as for all that nobody caught.
    await failures.tell(error);
    throw error;
  }
  if (gate.isToLearn) api.tellLoaded = early.settle();
  const loop = runtime.streaming ? loops.streaming : loops.buffered;
  loop.start({ api, runtime, failures, soon });
};

/** Serves an event once the event loop has turned. */
function soon(serve) {
  setImmediate(() => {
    const served = serve();
    // AWS's newer client leaves it to Node, which prints it and exits.
    if (isModern) return;
    served.catch((error) => {
      console.log(`Unexpected Top Level Error: ${error}`);
      process.emit('uncaughtException', error);
    });
  });
}

/** Reads the gate to its `go`, or to the end of the input. */
function passGate(early) {
  const chunk = Buffer.alloc(65536);
  const gate = { isPassed: false, isToLearn: false };
  let pending = '';
  for (;;) {
    const end = pending.indexOf('\n');
    if (end < 0) {
      const count = fs.readSync(0, chunk);
      if (count === 0) return gate;
      pending += chunk.toString('utf8', 0, count);
      continue;
    }
    const line = pending.slice(0, end);
    pending = pending.slice(end + 1);
    if (line === 'go') {
      // The lowest free descriptor is taken, so this is standard input from now on.
      fs.closeSync(0);
      fs.openSync('/dev/null', 'r');
      gate.isPassed = true;
      return gate;
    }
    if (line === 'learn') gate.isToLearn = true;
    if (line.startsWith('preload ')) early.load(line.slice(8).split(','));
  }
}

/**
 * What happens to errors that nobody caught. `current` is the invocation that they are told to; before the first one
 * they are INIT's.
 */
function watchFailures(api) {
  const failures = {
    current: null,
    async init(error, code = 129) {
      await this.leave(() => api.failInit(errors.payload(error)), code);
    },
    /** Tells that INIT failed and leaves the rest to who throws it on. */
    async tell(error) {
      api.isLeaving = true;
      await api.failInit(errors.payload(error));
    },
    async leave(report, code) {
      // The first failure is the one that counts; user code that still runs cannot change that.
      if (api.isLeaving) return;
      api.isLeaving = true;
      await report();
      process.exit(code);
    },
  };
  const take = (error, code) => {
    const report = failures.current;
    if (report) return failures.leave(() => report(error), code);
    return failures.init(error, code);
  };
  // From Node.js 24 on, AWS's client leaves both to Node, which prints them and exits.
  if (isModern) return failures;
  process.on('uncaughtException', (error) => {
    console_.logError('Uncaught Exception', error);
    take(error, 129);
  });
  process.on('unhandledRejection', (reason, promise) => {
    const error = new errors.UnhandledPromiseRejection(reason, promise);
    console_.logError('Unhandled Promise Rejection', error);
    take(error, 128);
  });
  return failures;
}
