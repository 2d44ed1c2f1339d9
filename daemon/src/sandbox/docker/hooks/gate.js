// Holds a Node.js process of a container that waits: the interpreter is there, nothing of the function's is loaded.
// Comes in through NODE_OPTIONS before the main program, and leaves no trace.
'use strict';

const { isMainThread } = require('worker_threads');

if (isMainThread) {
  const fs = require('fs');
  const path = require('path');
  const own = `--require ${__filename}`;
  const options = (process.env.NODE_OPTIONS || '').replace(own, '').trim();
  if (options) process.env.NODE_OPTIONS = options;
  else delete process.env.NODE_OPTIONS;
  const place = path.dirname(path.dirname(__filename));
  const line = Buffer.alloc(3);
  try {
    const arrived = fs.openSync(`${place}/arrived`, 'w');
    fs.writeSync(arrived, '1');
    fs.closeSync(arrived);
    const gate = fs.openSync(`${place}/go`, 'r');
    fs.readSync(gate, line, 0, 3, null);
    fs.closeSync(gate);
  } catch (problem) {
    process.stderr.write(`the gate of this sandbox is not there: ${problem.message}\n`);
    process.exit(1);
  }
  if (line.toString() !== 'go\n') process.exit(0);
}
