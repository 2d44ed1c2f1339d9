#!/usr/bin/env python3
"""What freezing sandboxes between invocations costs: warm requests with and without --freeze, one after the other in
one run, so that the ratio means something on any machine; and the processor time that an idle function uses. For the
process sandbox, and for containers where an engine answers.

    cargo build --release && tests/bench/freezing.py [target/release]
"""

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../target/release"))
# Each thaw of a container is a call to the engine.
REQUESTS = {"process": 2_000, "docker": 150}
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
CODE = """import threading, time
def tick():
    while True:
        sum(range(1000)); time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    return "fine"
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
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
    return times


def ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def status(state):
    return json.loads(samctl(state, "status", "bench", "--output", "json"))["running"]


def served_by(state):
    """The sandbox that has served; as this machine numbers processes."""
    sandboxes = status(state)["functions"][0]["sandboxes"]
    return max(sandboxes, key=lambda sandbox: sandbox["served"])["pid"]


def measure(state, port, count, flag):
    samctl(state, "set", "bench", flag)
    ask(port, count // 10)
    times = ask(port, count)
    pid = served_by(state)
    before, began = ticks(pid), time.monotonic()
    time.sleep(1)
    used = (ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    return statistics.median(times) * 1e6, used


def compare(sandbox):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        state, project = os.path.join(folder, "state"), os.path.join(folder, "bench")
        os.makedirs(os.path.join(project, "src"))
        for name, text in (("template.yaml", TEMPLATE), ("src/app.py", CODE)):
            with open(os.path.join(project, name), "w") as file:
                file.write(text)
        try:
            samctl(state, "start", project, "--name", "bench", "--sandbox", sandbox, "--output", "json")
            port = int(status(state)["url"].rsplit(":", 1)[1].strip("/"))
            rows = [tuple(measure(state, port, REQUESTS[sandbox], flag) for flag in ("--no-freeze", "--freeze")) for _ in range(ROUNDS)]
        finally:
            samctl(state, "daemon", "stop")
    plain = statistics.median(row[0][0] for row in rows)
    frozen = statistics.median(row[1][0] for row in rows)
    print(f"{sandbox + ', warm request, p50:':30} {plain:7.0f} us without, {frozen:7.0f} us with --freeze, ratio {frozen / plain:.2f}")
    idle = [statistics.median(row[side][1] for row in rows) for side in (0, 1)]
    print(f"{sandbox + ', idle function:':30} {idle[0]:7.1%} of a processor without, {idle[1]:7.1%} with --freeze")


def engine_answers():
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    return shutil.which("docker") and subprocess.run(asked, capture_output=True).returncode == 0


def main():
    compare("process")
    if engine_answers():
        compare("docker")
    else:
        print("no engine answers, so containers were not measured")


if __name__ == "__main__":
    main()
