'use strict';
// The ways to answer: callbacks, the context's methods, timers, none at all.
exports.callback = (event, context, callback) => callback(null, { event });
exports.callbackError = (event, context, callback) => callback(new TypeError('called back'));
exports.callbackText = (event, context, callback) => callback('a text');
exports.callbackObject = (event, context, callback) => callback({ not: 'an error' });
exports.callbackNothing = (event, context, callback) => callback();
exports.callbackTwice = (event, context, callback) => {
  callback(null, 'first');
  callback(null, 'second');
};
exports.callbackLater = (event, context, callback) => {
  setTimeout(() => callback(null, 'later'), 5);
};
exports.loopFirst = (event, context, callback) => {
  setTimeout(() => console.log('the loop was emptied first'), 20);
  callback(null, 'answer');
};
exports.loopLast = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => {}, 60000).unref();
  setTimeout(() => {}, 60000);
  callback(null, context.callbackWaitsForEmptyEventLoop);
};
exports.succeed = (event, context) => context.succeed('succeeded');
exports.fail = (event, context) => context.fail(new Error('failed'));
exports.failNothing = (event, context) => context.fail();
exports.done = (event, context) => context.done(null, 'done');
exports.doneError = (event, context) => context.done(new Error('undone'));
exports.never = () => {};
exports.neverResolves = () => new Promise(() => {});
exports.bothWays = async (event, context, callback) => {
  callback(null, 'by callback');
  return 'by promise';
};
exports.promiseAndTimer = async () => {
  setTimeout(() => {}, 60000);
  return 'at once';
};
exports.circleByCallback = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  const ring = {};
  ring.ring = ring;
  callback(null, ring);
};
