#!/usr/bin/env python3
"""What freezing sandboxes between invocations costs: warm requests with and without --freeze, one after the other in
one run, so that the ratio means something on any machine; and the processor time that an idle function uses.

    cargo build --release && tests/bench/freezing.py [target/release]
"""

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../target/release"))
REQUESTS = 2_000
ROUNDS = 5

TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Events: {Any: {Type: HttpApi, Properties: {Path: /x, Method: get}}}
"""
# Spins a little all the time, as a poller does.
CODE = """import os, threading, time
def tick():
    while True:
        sum(range(1000)); time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    return str(os.getpid())
"""


def samctl(state, *arguments):
    environment = dict(os.environ, SAMD_STATE_DIR=state, SAMD_CONTROL="127.0.0.1:0", SAMD_LAMBDA="127.0.0.1:0")
    return subprocess.run([os.path.join(PROGRAMS, "samctl"), *arguments], env=environment, check=True, capture_output=True, text=True).stdout


def ask(port, count):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("GET", "/x")
        body = connection.getresponse().read()
        times.append(time.perf_counter() - began)
    return times, int(body)


def ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def measure(state, port, flag):
    samctl(state, "set", "bench", flag)
    ask(port, 200)
    times, pid = ask(port, REQUESTS)
    before, began = ticks(pid), time.monotonic()
    time.sleep(1)
    used = (ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    return statistics.median(times) * 1e6, used


def main():
    with tempfile.TemporaryDirectory() as folder:
        state, project = os.path.join(folder, "state"), os.path.join(folder, "bench")
        os.makedirs(os.path.join(project, "src"))
        for name, text in (("template.yaml", TEMPLATE), ("src/app.py", CODE)):
            with open(os.path.join(project, name), "w") as file:
                file.write(text)
        try:
            samctl(state, "start", project, "--name", "bench", "--sandbox", "process", "--output", "json")
            import json

            port = int(json.loads(samctl(state, "status", "bench", "--output", "json"))["running"]["url"].rsplit(":", 1)[1].strip("/"))
            rows = [(measure(state, port, "--no-freeze"), measure(state, port, "--freeze")) for _ in range(ROUNDS)]
        finally:
            samctl(state, "daemon", "stop")
    plain = statistics.median(row[0][0] for row in rows)
    frozen = statistics.median(row[1][0] for row in rows)
    print(f"warm request, p50:   {plain:7.0f} us without, {frozen:7.0f} us with --freeze, ratio {frozen / plain:.2f}")
    idle = [statistics.median(row[side][1] for row in rows) for side in (0, 1)]
    print(f"idle function:       {idle[0]:7.1%} of a processor without, {idle[1]:7.1%} with --freeze")


if __name__ == "__main__":
    main()
