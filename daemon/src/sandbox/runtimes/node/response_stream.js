'use strict';
// The stream that a streaming handler writes to: a chunked request body, with an error's trailers when it fails.
const { Writable } = require('stream');
const errors = require('./errors.js');
const { isModern } = require('./modern.js');
const { headerSafe } = require('./api.js');

const PRELUDE_CONTENT_TYPE = 'application/vnd.awslambda.http-integration-response';

exports.ResponseStream = class ResponseStream extends Writable {
  constructor(api, id, highWaterMark) {
    super({ decodeStrings: true, ...(highWaterMark ? { highWaterMark } : {}) });
    Object.assign(this, { api, id, contentType: 'application/octet-stream', isOpen: false, isEnded: false });
    this.hasWritten = false;
    this.answered = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    // Whoever awaits the answer hears of it; an error nobody awaits is no reason to crash.
    this.answered.catch(() => {});
    this.on('error', this.reject);
  }

  setContentType(contentType) {
    if (this.hasWritten) throw new errors.InvalidStreamingOperation('Cannot set content-type, too late.');
    this.contentType = contentType;
  }

  write(chunk, encoding, callback) {
    const isRaw = typeof chunk === 'string' || chunk instanceof Uint8Array;
    if (!this.hasWritten && typeof this._onBeforeFirstWrite === 'function') {
      this._onBeforeFirstWrite((part) => super.write(part));
    }
    this.hasWritten = true;
    return super.write(isRaw ? chunk : JSON.stringify(chunk), encoding, callback);
  }

  /** Ends the stream with an error told in its trailers. */
  fail(error, callback) {
    if (this.isEnded || this.writableEnded) {
      // Too late: what was sent stands.
      callback();
      return;
    }
    this.failure = errors.payload(error);
    if (this.destroyed) this.close(callback);
    else this.end(callback);
  }

  /**
   * Returns nothing up to Node.js 22, so that an async arrow function that ends with it has no value to be warned about;
   * AWS's newer client warns.
   */
  end(...values) {
    const ended = super.end(...values);
    return isModern ? ended : undefined;
  }

  _write(chunk, _encoding, callback) {
    this.open();
    if (chunk.length === 0) return callback();
    const { socket } = this.api;
    socket.cork();
    socket.write(chunk.length.toString(16) + '\r\n');
    socket.write(chunk);
    socket.write('\r\n', callback);
    return socket.uncork();
  }

  _final(callback) {
    this.close(callback);
  }

  open() {
    if (this.isOpen) return;
    this.isOpen = true;
    this.api.openStream(this.id, this.contentType);
  }

  close(callback) {
    this.open();
    this.isEnded = true;
    this.api.socket.write('0\r\n' + trailers(this.failure) + '\r\n', () => callback());
    this.api.answered().then(this.resolve);
  }
};

function trailers(failure) {
  if (!failure) return '';
  const body = Buffer.from(JSON.stringify(failure)).toString('base64');
  return (
    `Lambda-Runtime-Function-Error-Type: ${headerSafe(failure.errorType)}\r\n` +
    `Lambda-Runtime-Function-Error-Body: ${body}\r\n`
  );
}

/** Puts the status, headers and cookies of an HTTP reply before a stream's first byte. */
exports.HttpResponseStream = class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(PRELUDE_CONTENT_TYPE);
    const text = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(text);
      write(new Uint8Array(8));
    };
    return stream;
  }
};
