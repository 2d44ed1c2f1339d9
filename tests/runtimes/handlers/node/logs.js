'use strict';
console.log('at import');
exports.levels = async () => {
  console.trace('trace');
  console.debug('debug');
  console.info('info %s %d', 'text', 5);
  console.log('log', { a: [1, { b: { c: { d: 1 } } }] }, [1, 2], null, undefined);
  console.warn('warn');
  console.error('error', new Error('shown').message);
  console.fatal('fatal');
};
exports.lines = async () => {
  console.log('a\nb\r c');
  console.log('é 日本');
  console.log();
  console.log('');
  console.log({ json: 'alone' });
  console.log(5, 'five');
  process.stdout.write('raw\n');
  process.stderr.write('raw error\n');
  process.stdout.write('no newline at the end');
};
exports.errors = async () => {
  console.error(new TypeError('alone'));
  console.error('with words', Object.assign(new Error('second'), { code: 5 }));
};
exports.circle = async () => {
  const ring = { name: 'ring' };
  ring.ring = ring;
  console.log(ring);
  console.log('words', ring, 1n);
};
exports.fails = async () => {
  console.log('before');
  throw new Error('logged\nerror');
};
