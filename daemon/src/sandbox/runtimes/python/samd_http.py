"""The Runtime API over one keep-alive connection, with no more HTTP than it needs.

Owns the socket. An answer is not sent at once but together with the request for the next event, in one write: the
caller's reply leaves as early, and this process and the daemon wake up once less. It never touches user code.
"""
import sys

import _socket

INVOCATION = "/2018-06-01/runtime/invocation/"
SMALL = 65536


class Lost(BaseException):
    """The connection ended; not an Exception, so that no handler of those takes it."""


class RuntimeApi:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        self._socket = _socket.socket(family, _socket.SOCK_STREAM)
        try:
            self._socket.connect((host, int(port)))
        except OSError as error:
            sys.stderr.write("LAMBDA_RUNTIME Failed to connect to the Runtime API at %s: %s\n" % (address, error))
            raise Lost from None
        self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        common = " HTTP/1.1\r\nHost: %s\r\nUser-Agent: samd-python/%d.%d\r\n" % ((address,) + sys.version_info[:2])
        self._post = "POST %s" + common + "%sContent-Length: %d\r\n\r\n"
        self._next = ("GET " + INVOCATION + "next" + common + "\r\n").encode()
        self._received = b""
        self._answer = None
        self._loaded = ()

    def next(self):
        """The next event: its headers by lower-case name, and its body."""
        if self._answer is None:
            self._send(*self._loaded, self._next)
        else:
            head, body = self._answer
            self._send(head, body, self._next)
        if self._answer is not None or self._loaded:
            self._answer = None
            status, _, told = self._receive()
            if status >= 300:
                log_refusal(status, told)
        if self._loaded:
            # A daemon that does not want to know is none the worse for it.
            self._loaded = ()
            self._receive()
        status, headers, body = self._receive()
        if status != 200:
            sys.stderr.write("LAMBDA_RUNTIME Failed to get next. Http response code: %d. %s\n" % (status, text(body)))
            raise Lost
        return headers, body

    def respond(self, invoke_id, body, content_type):
        """Answers an invocation, on the way of the next `next`."""
        headers = "Content-Type: %s\r\n" % content_type
        self._answer = self._head(INVOCATION + invoke_id + "/response", body, headers), body

    def fail(self, invoke_id, body, xray_cause):
        """Answers an invocation with an error, on the way of the next `next`."""
        headers = "Content-Type: application/json\r\n"
        if xray_cause:
            headers += "Lambda-Runtime-Function-XRay-Error-Cause: %s\r\n" % xray_cause
        self._answer = self._head(INVOCATION + invoke_id + "/error", body, headers), body

    def fail_init(self, body, error_type):
        """Reports that INIT failed, and waits until that is heard."""
        headers = "Lambda-Runtime-Function-Error-Type: %s\r\n" % error_type
        self._send(self._head("/2018-06-01/runtime/init/error", body, headers), body)
        status, _, told = self._receive()
        if status >= 300:
            log_refusal(status, told)

    def tell_loaded(self, told):
        """Sends the answer that waits; what INIT has loaded follows on the way of the next `next`."""
        self._send(*self._answer)
        self._answer = None
        body = told()
        self._loaded = self._head("/samd/loaded", body, "Content-Type: application/json\r\n"), body

    def _head(self, path, body, headers):
        return (self._post % (path, headers, len(body))).encode("utf-8")

    def _send(self, *parts):
        try:
            if sum(map(len, parts)) <= SMALL:
                self._socket.sendall(b"".join(parts))
            else:
                for part in parts:
                    self._socket.sendall(part)
        except OSError:
            raise Lost from None

    def _receive(self):
        """One reply: status, headers, body. What was read past its end is the beginning of the next one."""
        received = self._received
        end = received.find(b"\r\n\r\n")
        while end < 0:
            received += self._read(SMALL)
            end = received.find(b"\r\n\r\n")
        status_line, *lines = received[:end].decode("utf-8", "replace").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        start = end + 4
        stop = start + int(headers.get("content-length", 0))
        if len(received) < stop:
            received += self._read_exactly(stop - len(received))
        self._received = received[stop:]
        return int(status_line[9:12]), headers, received[start:stop]

    def _read_exactly(self, count):
        chunks = []
        while count > 0:
            chunk = self._read(min(count, 1 << 20))
            count -= len(chunk)
            chunks.append(chunk)
        return b"".join(chunks)

    def _read(self, most):
        try:
            chunk = self._socket.recv(most)
        except OSError:
            raise Lost from None
        if not chunk:
            raise Lost
        return chunk


def log_refusal(status, body):
    sys.stderr.write(
        "LAMBDA_RUNTIME Failed to post handler success response. Http response code: %d. %s\n" % (status, text(body))
    )


def text(body):
    return body.decode("utf-8", "replace").strip()
