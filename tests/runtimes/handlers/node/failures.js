'use strict';
class Custom extends Error {
  constructor(message) {
    super(message);
    this.name = 'Custom';
    this.code = 'E_CUSTOM';
    this.details = { a: [1] };
  }
}
class Unnamed extends Error {}
exports.plain = async (event) => {
  throw new Error(`Error: ${event}`);
};
exports.custom = async () => {
  throw new Custom('with é details \x7f');
};
exports.unnamed = async () => {
  throw new Unnamed('of a class of its own');
};
exports.sync = () => {
  throw new RangeError('before any promise');
};
exports.text = async () => {
  throw 'only a text';
};
exports.number = async () => {
  throw 5;
};
exports.nothing = async () => {
  throw undefined;
};
exports.nil = async () => {
  throw null;
};
exports.object = async () => {
  throw { some: 'object' };
};
exports.errorLike = async () => {
  throw { name: 'Like', message: 'an error', stack: 'Like: an error\n    at nowhere' };
};
exports.stackless = async () => {
  const error = new Error('no stack');
  error.stack = undefined;
  throw error;
};
exports.wordless = async () => {
  throw new Error();
};
exports.lines = async () => {
  throw new Error('first\nsecond');
};
exports.cause = async () => {
  throw new Error('outer', { cause: new Error('inner') });
};
exports.deep = async () => {
  const inner = () => null.property;
  inner();
};
exports.uncaught = (event, context, callback) => {
  setTimeout(() => {
    throw new Error('in a timer');
  }, 1);
};
exports.unhandled = (event, context, callback) => {
  Promise.reject(new Error('left alone'));
};
exports.unhandledText = (event, context, callback) => {
  Promise.reject('a text left alone');
};
exports.leave = async () => process.exit(0);
exports.leaveBadly = async () => {
  console.log('leaving');
  process.exit(3);
};
exports.abort = async () => process.kill(process.pid, 'SIGKILL');
