// Holds a Node.js process of a container that waits: the interpreter is there, nothing of the function's is loaded.
// Comes in through NODE_OPTIONS before the main program, and leaves no trace.
'use strict';

const { isMainThread } = require('worker_threads');

if (isMainThread) {
  const fs = require('fs');
  const path = require('path');
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;
  const own = `--require ${__filename}`;
  const options = (process.env.NODE_OPTIONS || '').replace(own, '').trim();
  if (options) process.env.NODE_OPTIONS = options;
  else delete process.env.NODE_OPTIONS;
  const place = path.dirname(path.dirname(__filename));
  const line = Buffer.alloc(3);
  const never = new Int32Array(new SharedArrayBuffer(4));
  const rest = () => Atomics.wait(never, 0, 0, 100);

  // Whether a daemon hears that this one waits.
  const arrive = () => {
    try {
      const arrived = fs.openSync(`${place}/arrived`, O_WRONLY | O_NONBLOCK);
      fs.writeSync(arrived, '1');
      fs.closeSync(arrived);
      return true;
    } catch (problem) {
      if (problem.code === 'ENXIO') return false;
      throw problem;
    }
  };

  // What is there to read: 0 where no daemon holds the gate, null where one does and has not opened it.
  const look = (gate) => {
    try {
      return fs.readSync(gate, line, 0, 3, null);
    } catch (problem) {
      if (problem.code === 'EAGAIN') return null;
      throw problem;
    }
  };

  // Waits at the gate of the daemon that holds it. Opening it would wait too, for the next daemon, should this one have
  // just died: so it is held from inside for as long as that takes.
  const hold = () => {
    const inside = fs.openSync(`${place}/go`, O_WRONLY | O_NONBLOCK);
    const gate = fs.openSync(`${place}/go`, 'r');
    fs.closeSync(inside);
    const read = fs.readSync(gate, line, 0, 3, null);
    fs.closeSync(gate);
    return read;
  };

  // Whether the gate was opened. When its daemon dies, another one may come within a minute.
  const wait = () => {
    const gate = fs.openSync(`${place}/go`, O_RDONLY | O_NONBLOCK);
    let told = false;
    for (let left = 600; left > 0; left -= 1) {
      told = told || arrive();
      let read = look(gate);
      if (read === null) {
        left = 600;
        if (told) read = hold();
      }
      if (read > 0) {
        fs.closeSync(gate);
        return line.toString() === 'go\n';
      }
      if (read === 0) told = false;
      rest();
    }
    return false;
  };

  try {
    if (!wait()) process.exit(0);
  } catch (problem) {
    process.stderr.write(`the gate of this sandbox is not there: ${problem.message}\n`);
    process.exit(1);
  }
}
