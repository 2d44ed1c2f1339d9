'use strict';
// The Runtime API over one keep-alive connection, with no more HTTP than it needs.
//
// Owns the socket. While an event is awaited the socket keeps the process alive; while user code works it does not, so
// that an empty event loop is seen as such. When the connection ends the process exits: there is nobody to work for.
const net = require('net');

const INVOCATION = '/2018-06-01/runtime/invocation/';
const NOTHING = Buffer.alloc(0);

exports.RuntimeApi = class RuntimeApi {
  constructor(address) {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    this.common = ` HTTP/1.1\r\nHost: ${address}\r\nUser-Agent: samd-nodejs/${process.versions.node}\r\n`;
    this.getNext = `GET ${INVOCATION}next${this.common}\r\n`;
    this.received = NOTHING;
    this.waiting = [];
    this.isLeaving = false;
    /** Gives what INIT has loaded; sent once, after the first answer. */
    this.tellLoaded = undefined;
    this.hasAnswered = false;
    this.socket = net.connect({ host, port: Number(address.slice(colon + 1)), noDelay: true });
    this.connected = new Promise((resolve) => this.socket.once('connect', resolve));
    this.socket.on('data', (chunk) => this.take(chunk));
    this.socket.on('error', (error) => this.lost(error));
    this.socket.on('close', () => this.lost());
  }

  /** The next event: its headers by lower-case name, and its body as text. */
  async next() {
    // A process that is about to exit takes no more work.
    if (this.isLeaving) return new Promise(() => {});
    if (this.tellLoaded && this.hasAnswered) this.sendLoaded();
    this.hasAnswered = true;
    this.socket.write(this.getNext);
    const reply = await this.reply();
    if (reply.status !== 200) {
      process.stderr.write(
        `LAMBDA_RUNTIME Failed to get next. Http response code: ${reply.status}. ${reply.body.toString().trim()}\n`
      );
      process.exit(1);
    }
    return { headers: reply.headers, body: reply.body.toString() };
  }

  /** A daemon that does not want to know is none the worse for it. */
  sendLoaded() {
    const body = this.tellLoaded();
    this.tellLoaded = undefined;
    this.write('/samd/loaded', body, '');
    this.reply();
  }

  /** Answers an invocation; it is on its way when this returns. */
  respond(id, body) {
    this.post(`${INVOCATION}${encodeURIComponent(id)}/response`, body, '');
  }

  /** Answers an invocation with an error. */
  fail(id, error, cause) {
    const extra = cause ? `Lambda-Runtime-Function-XRay-Error-Cause: ${cause}\r\n` : '';
    return this.post(`${INVOCATION}${encodeURIComponent(id)}/error`, JSON.stringify(error), extra);
  }

  /** Reports that INIT failed, and waits until that is heard. */
  failInit(error) {
    const extra = `Lambda-Runtime-Function-Error-Type: ${headerSafe(error.errorType)}\r\n`;
    return this.post('/2018-06-01/runtime/init/error', JSON.stringify(error), extra);
  }

  /** Opens a chunked answer; what follows is written to `socket`, and its reply is `answered`. */
  openStream(id, contentType) {
    this.socket.write(
      `POST ${INVOCATION}${encodeURIComponent(id)}/response${this.common}` +
        `Lambda-Runtime-Function-Response-Mode: streaming\r\n` +
        `Trailer: Lambda-Runtime-Function-Error-Type\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\n` +
        `Content-Type: ${headerSafe(contentType)}\r\nTransfer-Encoding: chunked\r\n\r\n`
    );
  }

  /** Waits for the reply to what was posted last, and says so when it is a refusal. */
  async answered() {
    const reply = await this.reply();
    if (reply.status >= 300) {
      process.stderr.write(
        'LAMBDA_RUNTIME Failed to post handler success response. ' +
          `Http response code: ${reply.status}. ${reply.body.toString().trim()}\n`
      );
    }
  }

  post(path, body, extra) {
    this.write(path, body, extra);
    return this.answered();
  }

  write(path, body, extra) {
    const length = Buffer.byteLength(body);
    this.socket.write(
      `POST ${path}${this.common}Content-Type: application/json\r\nContent-Length: ${length}\r\n${extra}\r\n${body}`
    );
  }

  reply() {
    this.socket.ref();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  take(chunk) {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    for (let reply = this.parse(); reply; reply = this.parse()) this.waiting.shift()?.(reply);
    if (this.waiting.length === 0) this.socket.unref();
  }

  /** One whole reply out of what was received, if there is one. */
  parse() {
    if (this.needed > this.received.length) return undefined;
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const lines = this.received.toString('utf8', 0, end).split('\r\n');
    const headers = {};
    for (let at = 1; at < lines.length; at++) {
      const colon = lines[at].indexOf(':');
      headers[lines[at].slice(0, colon).toLowerCase()] = lines[at].slice(colon + 1).trim();
    }
    const start = end + 4;
    const stop = start + Number(headers['content-length'] || 0);
    this.needed = stop;
    if (this.received.length < stop) return undefined;
    this.needed = 0;
    const body = this.received.subarray(start, stop);
    this.received = this.received.subarray(stop);
    return { status: Number(lines[0].slice(9, 12)), headers, body };
  }

  lost(error) {
    if (error && this.socket.connecting) {
      process.stderr.write(`LAMBDA_RUNTIME Failed to connect to the Runtime API: ${error.message}\n`);
    }
    process.exit(1);
  }
};

function headerSafe(text) {
  return String(text).replace(/[^\x20-\x7e]/g, '');
}
exports.headerSafe = headerSafe;
