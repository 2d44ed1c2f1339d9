'use strict';
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');
const streaming = awslambda.streamifyResponse;
exports.plain = streaming(async (event, stream) => {
  stream.write('one ');
  stream.write(Buffer.from('two '));
  stream.write({ three: 3 });
  stream.end('end');
});
exports.typed = streaming(async (event, stream) => {
  stream.setContentType('text/plain; charset=utf-8');
  stream.write('é');
  stream.end();
});
exports.prelude = streaming(async (event, stream) => {
  const http = awslambda.HttpResponseStream.from(stream, {
    statusCode: 201,
    headers: { 'x-é': 'ü' },
    cookies: ['a=b'],
  });
  http.write('body');
  http.end();
});
exports.preludeWithoutBody = streaming(async (event, stream) => {
  awslambda.HttpResponseStream.from(stream, { statusCode: 204 }).end();
});
exports.piped = streaming(async (event, stream) => {
  await pipeline(Readable.from(['a', 'b', 'c'.repeat(100000)]), stream);
});
exports.waits = streaming(async (event, stream) => {
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => stream.write(`part ${n};`, resolve));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  stream.end();
});
exports.failsEarly = streaming(async () => {
  throw new Error('before the first byte');
});
exports.failsMidway = streaming(async (event, stream) => {
  stream.write('some');
  await new Promise((resolve) => setTimeout(resolve, 5));
  throw new TypeError('midway é');
});
exports.lateType = streaming(async (event, stream) => {
  stream.write('some');
  stream.setContentType('text/plain');
});
exports.notAsync = streaming((event, stream) => {
  stream.end('x');
});
exports.returns = streaming(async (event, stream) => {
  stream.end('x');
  return 'ignored';
});
exports.empty = streaming(async (event, stream) => stream.end());
exports.context = streaming(async (event, stream, context) => {
  stream.end(JSON.stringify(Object.keys(context)));
});
exports.marked = streaming(async (event, stream) => {
  stream.end(String(stream.writableHighWaterMark));
}, { highWaterMark: 5 });
exports.wrongKind = Object.assign(async () => {}, {
  [Symbol.for('aws.lambda.runtime.handler.streaming')]: 'request',
});
