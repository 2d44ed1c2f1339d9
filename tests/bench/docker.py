#!/usr/bin/env python3
"""The figures of functions in containers, each a ratio of two things measured in turn in the same run; medians.

  warm       a reply through a container over one through the process sandbox (1.25 is asked for)
  client     the same, where the process runs the container's own interpreter and runtime client instead of samd's: what
             the container itself costs
  cold       the first reply without a spare over `docker run` of the image with the same command until it prints (1.3)
  spare      a first reply by a container that waited over the runtime's INIT alone (1.3)
  reload     from an edit to the new reply, container over process sandbox (1.5)
  memory     what 20 warm containers cost the daemon, in MiB (5)

With --sam the same project is measured under the SAM CLI, on the same engine and image.

usage: tests/bench/docker.py [--samd target/release/samd] [--samctl target/release/samctl] [--rounds 9] [--warm] [--sam SAM] [--json]
needs: python3, a Docker engine with the image that tests/install/docker.sh makes (or AWS's own)
exits 0 always; it measures and does not judge.
"""
import argparse
import concurrent.futures
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ARCH = "x86_64" if platform.machine() == "x86_64" else "arm64"
IMAGE = f"public.ecr.aws/lambda/python:3.11-{ARCH}"
TEMPLATE = f"""\
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Architectures: [{ARCH}]
      MemorySize: 256
      Timeout: 10
      Events: {{Any: {{Type: Api, Properties: {{Path: "/{{proxy+}}", Method: get}}}}}}
"""
CODE = """\
import time
print("loading", flush=True)
def handler(event, context):
    time.sleep(1 if "slow" in event["path"] else 0)
    return {"statusCode": 200, "body": "edition %d"}
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


def until(ready, what, seconds=60):
    end = time.perf_counter() + seconds
    while not ready():
        if time.perf_counter() > end:
            raise SystemExit(f"not in time: {what}")
        time.sleep(0.001)


def connects(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def ask(port, path="/hello"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as reply:
        return reply.read().decode()


def warm_p50(port, count=300):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("GET", "/hello")
        connection.getresponse().read()
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times[count // 10:])


class Project:
    def __init__(self, folder, runtime="python3.11"):
        self.folder, self.edition = folder, 0
        (folder / "src").mkdir(parents=True)
        (folder / "template.yaml").write_text(TEMPLATE.replace("python3.11", runtime))
        self.edit()

    def edit(self):
        self.edition += 1
        draft = self.folder / "draft.py"
        draft.write_text(CODE % self.edition)
        draft.rename(self.folder / "src/app.py")
        return f"edition {self.edition}"


class Daemon:
    def __init__(self, args, state):
        self.args, self.control = args, free_port()
        self.environment = dict(os.environ, SAMD_AUTOSTART="0", SAMD_STATE_DIR=str(state), SAMD_CONTROL=f"127.0.0.1:{self.control}", SAMD_LAMBDA="127.0.0.1:0")

    def __enter__(self):
        self.process = subprocess.Popen([self.args.samd], env=self.environment, **QUIET)
        until(lambda: connects(self.control), "the daemon")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def ctl(self, *words):
        done = subprocess.run([self.args.samctl, *words], env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"samctl {' '.join(words)}: {done.stderr}")
        return done.stdout

    def sandboxes(self, name):
        status = json.loads(self.ctl("status", name, "--output", "json"))
        return [sandbox["state"] for function in status["running"]["functions"] for sandbox in function["sandboxes"]]

    def settle(self, name):
        """Waits until one serves and one waits."""
        until(lambda: {"idle", "held"} <= set(self.sandboxes(name)), "a spare")
        time.sleep(1)

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def same_client(folder):
    """A project whose process is what runs in the container: the image's own interpreter and runtime client."""
    project, image = Project(folder, "provided.al2023"), folder.parent / "image"
    image.mkdir()
    container = subprocess.check_output(["docker", "create", IMAGE, "app.handler"], text=True).strip()
    for part in ("lang", "runtime"):
        subprocess.run(["docker", "cp", f"{container}:/var/{part}", str(image / part)], check=True, **QUIET)
    subprocess.run(["docker", "rm", container], check=True, **QUIET)
    bootstrap = folder / "src/bootstrap"
    bootstrap.write_text(f"""#!/bin/sh
export PYTHONHOME={image}/lang LD_LIBRARY_PATH={image}/lang/lib PYTHONPATH={image}/runtime:$LAMBDA_TASK_ROOT
exec {image}/lang/bin/python3.11 -m awslambdaric "$_HANDLER"
""")
    bootstrap.chmod(0o755)
    return project


def docker_run(project):
    """`docker run` until the function's own first output."""
    command = ["docker", "run", "--rm", "-v", f"{project.folder}/src:/var/task:ro", "-e", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9", IMAGE, "app.handler"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.readline()
    return process


class Runtime(http.server.BaseHTTPRequestHandler):
    """A Runtime API that turns every runtime away as soon as it is ready."""
    times, came = [], threading.Event()

    def do_GET(self):
        Runtime.times.append(time.perf_counter())
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        self.do_GET()
        Runtime.times.pop()

    def log_message(self, *_):
        pass


def init_alone(project, rounds):
    """The time between two runtimes that get ready, one started when the other has ended, all in one container."""
    gateway = json.loads(subprocess.check_output(["docker", "network", "inspect", "bridge"]))[0]["IPAM"]["Config"][0]
    gateway = gateway.get("Gateway") or re.sub(r"\.0/\d+$", ".1", gateway["Subnet"])
    server = http.server.ThreadingHTTPServer((gateway, 0), Runtime)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    again = f"i=0; while [ $i -le {rounds} ]; do i=$((i+1)); /lambda-entrypoint.sh app.handler >/dev/null 2>&1; done"
    subprocess.run(["docker", "run", "--rm", "--entrypoint", "/bin/sh", "-v", f"{project.folder}/src:/var/task:ro", "-e", f"AWS_LAMBDA_RUNTIME_API={gateway}:{server.server_port}", IMAGE, "-c", again], **QUIET)
    server.shutdown()
    times = Runtime.times
    return statistics.median((after - before) * 1e3 for before, after in zip(times, times[1:]))


def reloaded(daemon, name, port, project):
    daemon.settle(name)
    edition = project.edit()
    return milliseconds(lambda: until(lambda: ask(port) == edition, "the edit"))


def samd_figures(args, work):
    result, projects, ports = {}, {}, {}
    with Daemon(args, work / "state") as daemon:
        before = None
        for name, sandbox, make in [("process", "process", Project), ("docker", "docker", Project), ("client", "process", same_client)]:
            projects[name], ports[name] = make(work / name), free_port()
            daemon.ctl("start", str(work / name), "--name", name, "--port", str(ports[name]), "--sandbox", sandbox, "--max-concurrency", "20")
            ask(ports[name])
            until(lambda: "idle" in daemon.sandboxes(name), "a sandbox") if name == "client" else daemon.settle(name)
        warm = {name: [] for name in ports}
        for _ in range(args.rounds):
            for name, port in ports.items():
                warm[name].append(warm_p50(port))
        for name in ports:
            result[f"warm_ms_{name}"] = statistics.median(warm[name])
        daemon.ctl("stop", "client")
        del ports["client"]
        if args.warm:
            return result
        edits = {name: [] for name in ports}
        for _ in range(args.rounds):
            for name, port in ports.items():
                edits[name].append(reloaded(daemon, name, port, projects[name]))
        for name in ports:
            result[f"reload_ms_{name}"] = statistics.median(edits[name])
        cold, run, spare = [], [], []
        for _ in range(args.rounds):
            daemon.settle("docker")
            # The one that serves is kept busy, so that the one that waits is taken.
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                busy = pool.submit(ask, ports["docker"], "/slow")
                until(lambda: "busy" in daemon.sandboxes("docker"), "a busy container")
                spare.append(milliseconds(lambda: ask(ports["docker"])))
                busy.result()
            daemon.ctl("stop", "docker")
            time.sleep(1)
            daemon.ctl("start", "docker")
            cold.append(milliseconds(lambda: ask(ports["docker"])))
            daemon.settle("docker")
            began = time.perf_counter()
            process = docker_run(projects["docker"])
            run.append((time.perf_counter() - began) * 1e3)
            process.wait()
        result.update(cold_ms=statistics.median(cold), docker_run_ms=statistics.median(run), spare_ms=statistics.median(spare))
        daemon.settle("docker")
        before = daemon.resident_mib()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            until(lambda: list(pool.map(lambda _: ask(ports["docker"], "/slow"), range(20))) and len(daemon.sandboxes("docker")) >= 20, "20 containers", 240)
        time.sleep(2)
        result["memory_20_mib"] = daemon.resident_mib() - before
    result["init_ms"] = init_alone(projects["docker"], args.rounds)
    return result


def sam_figures(args, work):
    """Cold, warm and reload of the SAM CLI with warm containers."""
    project, port = Project(work / "sam"), free_port()
    command = [args.sam, "local", "start-api", "--template", str(work / "sam/template.yaml"), "--port", str(port), "--skip-pull-image", "--warm-containers", "LAZY"]
    environment = dict(os.environ, SAM_CLI_TELEMETRY="0", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")
    log = open(work / "sam.log", "w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: connects(port), "the SAM CLI", 120)
        result = {"sam_cold_ms": milliseconds(lambda: ask(port)), "sam_warm_ms": warm_p50(port, 60)}
        edits = []
        for _ in range(3):
            time.sleep(2)
            edition = project.edit()
            edits.append(milliseconds(lambda: until(lambda: edition == tried(port), "the edit")))
        return dict(result, sam_reload_ms=statistics.median(edits))
    except (SystemExit, OSError) as problem:
        said = (work / "sam.log").read_text().strip().splitlines()[-3:]
        print(f"the SAM CLI could not be measured: {problem}; it said: {' / '.join(said)}", file=sys.stderr)
        return {}
    finally:
        process.terminate()
        process.wait(60)


def tried(port):
    with contextlib.suppress(OSError):
        return ask(port)


def table(result):
    rows = [
        ("warm p50 over the process sandbox's", "warm_ms_docker", "warm_ms_process", 1.25),
        ("warm p50 over a process with the same client", "warm_ms_docker", "warm_ms_client", None),
        ("cold start over `docker run` until its first output", "cold_ms", "docker_run_ms", 1.3),
        ("cold start with a spare over INIT alone", "spare_ms", "init_ms", 1.3),
        ("reload over the process sandbox's", "reload_ms_docker", "reload_ms_process", 1.5),
    ]
    for what, above, below, limit in rows:
        if above in result:
            a, b = result[above], result[below]
            asked = f"   (asked: {limit})" if limit else ""
            print(f"{what:52} {a:9.2f} / {b:9.2f} ms = {a / b:5.2f}{asked}")
    if "memory_20_mib" not in result:
        return
    print(f"{'daemon, for 20 warm containers':52} {result['memory_20_mib']:9.2f} MiB             (asked: 5)")
    for what, ours, theirs in [("cold", "cold_ms", "sam_cold_ms"), ("warm", "warm_ms_docker", "sam_warm_ms"), ("reload", "reload_ms_docker", "sam_reload_ms")]:
        if theirs in result:
            print(f"{'SAM CLI, ' + what:52} {result[theirs]:9.2f} ms, samd {result[ours]:9.2f} ms")


def main():
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    options = argparse.ArgumentParser()
    options.add_argument("--samd", default=str(here / "target/release/samd"))
    options.add_argument("--samctl", default=str(here / "target/release/samctl"))
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--sam", help="the SAM CLI's program, to be measured beside")
    options.add_argument("--warm", action="store_true", help="measure warm replies alone")
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        work.chmod(0o755)
        result = samd_figures(args, work)
        if args.sam:
            result.update(sam_figures(args, work))
    print(json.dumps(result)) if args.json else table(result)


main()
