#!/usr/bin/env python3
"""The figures of the README: how quick the daemon starts, answers cold and warm, and what it weighs.

Each ratio stands beside what it is a ratio of, measured in the same run and in turn, and medians are compared.

usage: tests/bench/figures.py [--samd target/release/samd] [--samctl target/release/samctl] [--rounds 15] [--json]
needs: python3; wrk (Debian's package) for the warm figures, which are left out with a word where it is missing
exits 0 always; it measures and does not judge.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: {runtime}
      MemorySize: 256
      Timeout: 10
      Events: {{Get: {{Type: Api, Properties: {{Path: /hello, Method: get}}}}}}
"""
CODE = """\
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"path": event["path"]})}
"""
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def milliseconds(work):
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def until(ready, seconds=30):
    end = time.perf_counter() + seconds
    while not ready():
        if time.perf_counter() > end:
            raise SystemExit("not ready in time")


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def ask(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello", timeout=30) as reply:
        reply.read()


class Daemon:
    """A daemon on a state folder of its own."""

    def __init__(self, samd, work, name):
        self.control = free_port()
        self.environment = dict(os.environ, SAMD_AUTOSTART="0", SAMD_STATE_DIR=str(work / name), SAMD_CONTROL=f"127.0.0.1:{self.control}")
        self.samd = samd

    def __enter__(self):
        self.process = subprocess.Popen([self.samd], env=self.environment, **QUIET)
        until(lambda: connects(self.control))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def starting_api(samctl, template):
    """Milliseconds until `samctl local start-api` says that it serves."""
    environment = dict(os.environ, SAMD_SANDBOX="process")
    command = [samctl, "local", "start-api", "--template", str(template), "--port", str(free_port())]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if not any("Press CTRL+C to quit" in line for line in process.stderr):
        raise SystemExit("samctl local start-api ended before it served")
    ready = (time.perf_counter() - began) * 1e3
    process.terminate()
    process.communicate(timeout=30)
    return ready


def wrk(port, connections):
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", "-d2s", "--latency", f"http://127.0.0.1:{port}/hello"], capture_output=True, text=True).stdout
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", out).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit], float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def main():
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    options = argparse.ArgumentParser()
    options.add_argument("--samd", default=str(here / "target/release/samd"))
    options.add_argument("--samctl", default=str(here / "target/release/samctl"))
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    python = subprocess.run([sys.executable, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, check=True).stdout.strip()
    runtime = f"python3.{sys.version_info.minor}"
    result = {"runtime": runtime}
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "project/src").mkdir(parents=True)
        (work / "project/template.yaml").write_text(TEMPLATE.format(runtime=runtime))
        (work / "project/src/app.py").write_text(CODE)
        ready = []
        for _ in range(args.rounds):
            with_daemon = Daemon(args.samd, work, "state")
            ready.append(milliseconds(with_daemon.__enter__))
            with_daemon.__exit__()
        result["ready_ms"] = statistics.median(ready)
        template = work / "project/template.yaml"
        result["start_api_ms"] = statistics.median(starting_api(args.samctl, template) for _ in range(args.rounds))
        with Daemon(args.samd, work, "state") as daemon:
            port = free_port()
            start = [args.samctl, "start", str(work / "project"), "--name", "figures", "--port", str(port), "--sandbox", "process"]
            subprocess.run(start, env=daemon.environment, check=True, **QUIET)
            cold, bare = [], []
            bare_import = lambda: subprocess.run([python, "-c", "import app"], cwd=work / "project/src", check=True, **QUIET)
            for _ in range(args.rounds):
                subprocess.run([args.samctl, "stop", "figures"], env=daemon.environment, check=True, **QUIET)
                subprocess.run([args.samctl, "start", "figures"], env=daemon.environment, check=True, **QUIET)
                cold.append(milliseconds(lambda: ask(port)))
                bare.append(milliseconds(bare_import))
            result.update(cold_ms=statistics.median(cold), bare_ms=statistics.median(bare), cold_over_bare=statistics.median(cold) / statistics.median(bare))
            if shutil.which("wrk"):
                for connections in (1, 16):
                    wrk(port, connections)
                    runs = [wrk(port, connections) for _ in range(3)]
                    result[f"warm_p50_us_c{connections}"] = statistics.median(p50 for p50, _ in runs)
                    result[f"warm_rps_c{connections}"] = statistics.median(rps for _, rps in runs)
            else:
                print("wrk is missing, so nothing warm is measured", file=sys.stderr)
            result["resident_mib"] = daemon.resident_mib()
    if args.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:20} {value:10.2f}" if isinstance(value, float) else f"{name:20} {value}")


main()
