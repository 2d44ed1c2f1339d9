#!/usr/bin/env python3
"""Many projects in one daemon: what they cost, and how little one disturbs another.

Starts projects (lazy), restarts the daemon, and takes the time until its control port and all ports answer, and its
resident memory. Then the slowest hundredth of one project's warm requests is measured alone and beside another project
that crashes at each request, floods its log, has its template broken and mended again and again, or is asked by 64
connections; each ratio stands beside a run alone just before it, since a machine is never the same for long. The same is
measured of a bare server, a process that has nothing to do with samd and answers two bytes: what it loses beside the same
disturbance, the machine's cores have lost it, and what samd loses beyond that is samd's.

usage: tests/bench/many.py [--samd target/release/samd] [--samctl target/release/samctl] [--projects 100]
                           [--requests 1500] [--rounds 5] [--json]
exits 0 always; it measures and does not judge.
"""
import argparse
import contextlib
import multiprocessing
import pathlib
import socket
import statistics
import tempfile
import threading
import time

from bench import HELLO, Client, Daemon, TEMPLATE, answers, free_port, project, told

CRASHES = "import os\ndef handler(event, context):\n    os._exit(1)\n"
FLOODS = "def handler(event, context):\n    print(('x' * 100 + '\\n') * 200)\n    return {'statusCode': 200}\n"


def bare_server(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=bare_connection, args=(connection,), daemon=True).start()


def bare_connection(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = b""
    while piece := connection.recv(65536):
        head += piece
        while b"\r\n\r\n" in head:
            head = head.split(b"\r\n\r\n", 1)[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@contextlib.contextmanager
def bare():
    """The port of a server that does next to nothing, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.Process(target=bare_server, args=(listener,), daemon=True)
        process.start()
        try:
            yield listener.getsockname()[1]
        finally:
            process.terminate()


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def requests(port, count):
    """The 99th hundredth of warm requests, in milliseconds, and how many were not 200."""
    client, times, failed = Client(port), [], 0
    for _ in range(20):
        client.get()
    for _ in range(count):
        began = time.perf_counter()
        failed += client.get() != 200
        times.append((time.perf_counter() - began) * 1e3)
    return percentile(times, 0.99), percentile(times, 0.5), failed


def together(disturb, threads, stop):
    running = [threading.Thread(target=disturb, args=(stop,)) for _ in range(threads)]
    [thread.start() for thread in running]
    [thread.join() for thread in running]


def beside(disturb, threads):
    """Disturbs, in a process of its own so that who measures is not disturbed himself, until the returned function is called."""
    stop = multiprocessing.Event()
    process = multiprocessing.Process(target=together, args=(disturb, threads, stop))
    process.start()

    def end():
        stop.set()
        process.join()

    return end


def asking(port):
    def ask(stop):
        client = Client(port)
        while not stop.is_set():
            client.get()
    return ask


def breaking(folder):
    def broken(stop):
        while not stop.is_set():
            (folder / "template.yaml").write_text("Resources: [unclosed\n")
            time.sleep(0.05)
            (folder / "template.yaml").write_text(TEMPLATE.format(runtime="python3.11"))
            time.sleep(0.05)
    return broken


def start_up(daemon, work, count):
    ports = [daemon.serve(project(work / f"p{number}"), f"p{number}", free_port()) for number in range(count)]
    daemon.stop()
    began = time.perf_counter()
    control = daemon.start()
    while not all(answers("127.0.0.1", port) for port in ports):
        time.sleep(0.005)
    serving = (time.perf_counter() - began) * 1e3
    time.sleep(1)
    return ports, {"projects": count, "control_ms": control, "all_ports_ms": serving, **daemon.figures()}


def isolation(quiet, bare_port, case, count, rounds):
    """The medians over the rounds; in each, first alone and then disturbed."""
    seen = []
    for _ in range(rounds):
        alone, bare_alone = requests(quiet, count), requests(bare_port, count)
        end = beside(*case)
        disturbed, bare_disturbed = requests(quiet, count), requests(bare_port, count)
        end()
        seen.append({
            "p99_alone_ms": alone[0], "p99_ms": disturbed[0], "p99_ratio": disturbed[0] / alone[0],
            "p50_ratio": disturbed[1] / alone[1], "bare_p99_ms": bare_disturbed[0],
            "bare_p99_ratio": bare_disturbed[0] / bare_alone[0], "failed": disturbed[2]})
    return {name: statistics.median(one[name] for one in seen) for name in seen[0]}


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--samd", default="target/release/samd")
    ask.add_argument("--samctl", default="target/release/samctl")
    ask.add_argument("--projects", type=int, default=100)
    ask.add_argument("--requests", type=int, default=1500)
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--json", action="store_true")
    args = ask.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        daemon = Daemon(args.samd, args.samctl, work)
        daemon.start()
        try:
            ports, result = start_up(daemon, work, args.projects)
            quiet = ports[0]
            crashes = daemon.serve(project(work / "crashes", CRASHES), "crashes", free_port())
            floods = daemon.serve(project(work / "floods", FLOODS), "floods", free_port())
            loaded = daemon.serve(project(work / "loaded", HELLO), "loaded", free_port(), "--max-concurrency", "2")
            cases = {
                "crash loop": (asking(crashes), 1), "log flood": (asking(floods), 1),
                "broken template": (breaking(work / "p1"), 1), "64 connections": (asking(loaded), 64),
            }
            requests(quiet, 200)
            with bare() as bare_port:
                result["isolation"] = {
                    name: isolation(quiet, bare_port, case, args.requests, args.rounds) for name, case in cases.items()}
        finally:
            daemon.stop()
    told(result, args.json)


main()
