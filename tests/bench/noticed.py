#!/usr/bin/env python3
"""How long it takes from the end of a save until the daemon has noticed it, and until every request gets the new code.

A function's file is written in place and by rename in turn; the moments at which the change was noticed and at which it
was applied are the reload event's own (`at` less its duration, and `at`), all taken from the one clock of the machine. The
event's are whole milliseconds, and a save is noticed when its first byte is written: what is noticed may be negative.

usage: tests/bench/noticed.py [--samd target/release/samd] [--samctl target/release/samctl] [--edits 60] [--json]
exits 0 always; it measures and does not judge.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from bench import Daemon, free_port, project, told


def event(line):
    """What a reload event says of its moment, wherever it stands in the message."""
    found = {}

    def walk(value):
        if isinstance(value, dict):
            found.update({key: value[key] for key in ("at_ms", "duration_us", "files") if key in value})
            for inner in value.values():
                walk(inner)

    walk(json.loads(line))
    return found


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--samd", default="target/release/samd")
    ask.add_argument("--samctl", default="target/release/samctl")
    ask.add_argument("--edits", type=int, default=60)
    ask.add_argument("--json", action="store_true")
    args = ask.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        daemon = Daemon(args.samd, args.samctl, work)
        daemon.start()
        try:
            folder = project(work / "noticed")
            daemon.serve(folder, "noticed", free_port())
            follower = subprocess.Popen([args.samctl, "events", "--follow", "--output", "json"], env=daemon.environment, stdout=subprocess.PIPE, text=True)
            follower.stdout.readline()
            times = {"in place": [], "by rename": []}
            applied = {"in place": [], "by rename": []}
            for number in range(args.edits):
                time.sleep(0.1)
                way = "by rename" if number % 2 else "in place"
                text, file = f"VERSION = {number}\ndef handler(event, context):\n    return 1\n", folder / "src/app.py"
                if number % 2:
                    (folder / "src/.new").write_text(text)
                    os.replace(folder / "src/.new", file)
                else:
                    file.write_text(text)
                saved = time.time() * 1e3
                while not (told_of := event(follower.stdout.readline())).get("files"):
                    pass
                applied[way].append(told_of["at_ms"] - saved)
                times[way].append(told_of["at_ms"] - told_of["duration_us"] / 1e3 - saved)
            follower.terminate()
            follower.wait()
        finally:
            daemon.stop()
    spread = lambda all_: {"p50_ms": statistics.median(all_), "p90_ms": sorted(all_)[int(len(all_) * 0.9)]}
    told({way: {"noticed": spread(times[way]), "applied": spread(applied[way])} for way in times}, args.json)


main()
