#!/usr/bin/env python3
"""What the gateway adds: a cached Lambda authorizer, the way of a stream's first byte, the memory of a large reply.

  authorized/open   p50 of a route with a cached authorizer over one without, asked in turn        at most 1.15
  first byte        from the function's write to the client's read, median                         at most 1 ms
  reply of 6 MB     what the daemon's peak memory grows by, over the reply's size                  at most 2: two copies

usage: tests/bench/gateway.py [--samd target/release/samd] [--samctl target/release/samctl] [--rounds 2000] [--json]
needs: python3, node
exits 0 always; it measures and does not judge.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TEMPLATE = f"""\
Transform: AWS::Serverless-2016-10-31
Globals: {{Function: {{Runtime: python3.{sys.version_info.minor}, MemorySize: 512, Timeout: 20, CodeUri: src/}}}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {{StageName: dev, Auth: {{Authorizers: {{Ask: {{FunctionArn: !GetAtt Asked.Arn}}}}}}}}
  Asked: {{Type: AWS::Serverless::Function, Properties: {{Handler: app.asked}}}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Events:
        Open: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /open, Method: get}}}}
        Authorized: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /authorized, Method: get, Auth: {{Authorizer: Ask}}}}}}
  Large:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.large
      Events: {{Get: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /large, Method: get}}}}}}
  Streams:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs20.x
      Handler: stream.handler
      FunctionUrlConfig: {{AuthType: NONE, InvokeMode: RESPONSE_STREAM}}
"""
CODE = r"""
def handler(event, context):
    return {"statusCode": 200, "body": "{}"}
def asked(event, context):
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
BODY = ("x" * 5_999 + "\n") * 1_000
def large(event, context):
    return {"statusCode": 200, "body": BODY}
"""
# The second write comes when the head has long gone out; what it says is when it was written, by the system's clock that
# Python reads too.
STREAM = r"""
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write(' ');
  await new Promise((go) => setTimeout(go, 20));
  stream.write(String(process.hrtime.bigint()));
  await new Promise((go) => setTimeout(go, 20));
  stream.end();
});
"""
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connected(port):
    end = time.perf_counter() + 30
    while time.perf_counter() < end:
        try:
            return socket.create_connection(("127.0.0.1", port), 30)
        except OSError:
            pass
    raise SystemExit(f"nobody listens on {port}")


def timed(connection, path, headers):
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    body = reply.read()
    took = time.perf_counter() - began
    if reply.status != 200:
        raise SystemExit(f"{path} answers {reply.status}: {body[:200]}")
    return took * 1e6


def authorizer(port, rounds):
    """Both routes in turn on one connection, so that whatever else the machine does is the same for both."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    routes = {"open": {}, "authorized": {"Authorization": "tok"}}
    times = {name: [] for name in routes}
    for round in range(rounds + 50):
        for name, headers in routes.items():
            took = timed(connection, f"/{name}", headers)
            if round >= 50:
                times[name].append(took)
    return {name: statistics.median(all) for name, all in times.items()}


def first_byte(port):
    with connected(port) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(f"GET / HTTP/1.1\r\nHost: Streams.lambda-url.localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        all = b""
        while not (written := re.search(rb"\r\n(\d{9,})\r\n", all)):
            piece = stream.recv(65536)
            came = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            if not piece:
                raise SystemExit(f"no stream but {all[:300]}")
            all += piece
        return (came - int(written[1])) / 1e3


def peak(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def growth(port, pid):
    """How much more memory than before the daemon had at its peak while one large reply went through it."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    timed(connection, "/large", {})
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = peak(pid)
    connection.request("GET", "/large")
    size = len(connection.getresponse().read())
    return (peak(pid) - before) / size


def main():
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    options = argparse.ArgumentParser()
    options.add_argument("--samd", default=str(here / "target/release/samd"))
    options.add_argument("--samctl", default=str(here / "target/release/samctl"))
    options.add_argument("--rounds", type=int, default=2000)
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "project/src").mkdir(parents=True)
        (work / "project/template.yaml").write_text(TEMPLATE)
        (work / "project/src/app.py").write_text(CODE)
        (work / "project/src/stream.js").write_text(STREAM)
        control, port = free_port(), free_port()
        environment = dict(os.environ, SAMD_AUTOSTART="0", SAMD_STATE_DIR=str(work / "state"), SAMD_CONTROL=f"127.0.0.1:{control}", SAMD_LAMBDA="127.0.0.1:0")
        daemon = subprocess.Popen([args.samd], env=environment, **QUIET)
        try:
            connected(control).close()
            start = [args.samctl, "start", str(work / "project"), "--name", "bench", "--port", str(port), "--sandbox", "process"]
            subprocess.run(start, env=environment, check=True, **QUIET)
            p50 = authorizer(port, args.rounds)
            first_byte(port)
            result = {
                "open_p50_us": p50["open"],
                "authorized_p50_us": p50["authorized"],
                "authorized/open": p50["authorized"] / p50["open"],
                "first_byte_us": statistics.median(first_byte(port) for _ in range(50)),
                # It grows by less where the allocator still had what the reply before took.
                "6_mb_reply_copies": max(growth(port, daemon.pid) for _ in range(5)),
            }
        finally:
            daemon.terminate()
            daemon.wait(30)
    print(json.dumps(result) if args.json else "\n".join(f"{name:20} {value:10.2f}" for name, value in result.items()))


main()
