#!/usr/bin/env python3
"""Whether a daemon stays as it is: warm requests on several connections, with an edit of the function every second.

Memory, descriptors, threads, children and the bytes of the state folder are looked at again and again; what they were in
the first tenth of the run (after a warm-up) stands beside what they were in the last. Where wrk is there it makes the load.

usage: tests/bench/soak.py [--samd target/release/samd] [--samctl target/release/samctl] [--requests 2000000]
                           [--connections 4] [--json]
exits 0 always; it measures and does not judge.
"""
import argparse
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from bench import Client, Daemon, free_port, project, told


def code(version):
    return f"VERSION = {version}\ndef handler(event, context):\n    return {{'statusCode': 200, 'body': 'hello'}}\n"


def by_wrk(port, connections):
    """Ten seconds of load: how many requests were answered, and how many of these not with 200 or not at all."""
    command = ["wrk", "-t1", f"-c{connections}", "-d10s", "--timeout", "30s", f"http://127.0.0.1:{port}/hello"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number = lambda pattern: sum(int(found) for found in re.findall(pattern, said))
    errors = number(r"Non-2xx or 3xx responses: (\d+)") + number(r"(?:connect|read|write|timeout) (\d+)")
    return number(r"(\d+) requests in"), errors


def one(client):
    return 1, int(client.get() != 200)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--samd", default="target/release/samd")
    ask.add_argument("--samctl", default="target/release/samctl")
    ask.add_argument("--requests", type=int, default=2_000_000)
    ask.add_argument("--connections", type=int, default=4)
    ask.add_argument("--json", action="store_true")
    args = ask.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        daemon = Daemon(args.samd, args.samctl, work)
        daemon.start()
        try:
            port = daemon.serve(project(work / "soak", code(0)), "soak", free_port())
            done, failed, lock, samples = [0], [0], threading.Lock(), []

            def load(ask):
                while done[0] < args.requests:
                    answered, errors = ask()
                    with lock:
                        done[0] += answered
                        failed[0] += errors

            clients = [Client(port) for _ in range(args.connections)]
            asks = [lambda client=client: one(client) for client in clients]
            if shutil.which("wrk"):
                asks = [lambda: by_wrk(port, args.connections)]
            threads = [threading.Thread(target=load, args=(ask,)) for ask in asks]
            [thread.start() for thread in threads]
            began, version = time.monotonic(), 0
            while done[0] < args.requests:
                time.sleep(0.6)
                version += 1
                (work / "soak/src/app.py").write_text(code(version))
                # Looked at between two edits, so that no sample has a reload under way.
                time.sleep(0.4)
                samples.append((done[0], daemon.figures()))
                if version % 60 == 0:
                    print(f"{done[0]} requests, {version} edits, {samples[-1][1]}", file=sys.stderr)
            [thread.join() for thread in threads]
            seconds = time.monotonic() - began
        finally:
            daemon.stop()
    warm = samples[min(len(samples) // 20, 10):]
    tenth = max(1, len(warm) // 10)
    result = {"requests": done[0], "failed": failed[0], "edits": version, "seconds": seconds}
    for name in warm[0][1]:
        first, last = (statistics.mean(sample[1][name] for sample in part) for part in (warm[:tenth], warm[-tenth:]))
        result[name] = {"first_tenth": first, "last_tenth": last, "ratio": last / first if first else None}
    told(result, args.json)


main()
