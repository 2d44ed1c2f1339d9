"""What the measuring scripts share: a daemon of their own, projects, a client that keeps its connection."""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import time

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
HELLO = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n"
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def project(folder, code=HELLO, runtime="python3.11"):
    """A project with one function at /hello."""
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE.format(runtime=runtime))
    (folder / "src/app.py").write_text(code)
    return folder


class Daemon:
    """A samd with a state folder of its own."""

    def __init__(self, samd, samctl, folder):
        self.samd, self.samctl_path, self.state = samd, samctl, pathlib.Path(folder) / "state"
        self.environment = dict(os.environ, SAMD_AUTOSTART="0", SAMD_STATE_DIR=str(self.state),
                                SAMD_CONTROL=f"127.0.0.1:{free_port()}", SAMD_LAMBDA=f"127.0.0.1:{free_port()}")
        self.process = None

    def start(self):
        """Starts it and waits for its control port; returns the milliseconds that took."""
        began = time.perf_counter()
        self.process = subprocess.Popen([self.samd], env=self.environment, **QUIET)
        address = self.environment["SAMD_CONTROL"].split(":")
        while not answers(address[0], int(address[1])):
            time.sleep(0.002)
        return (time.perf_counter() - began) * 1e3

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def samctl(self, *arguments):
        return subprocess.run([self.samctl_path, *map(str, arguments)], env=self.environment, capture_output=True, text=True, check=False)

    def serve(self, folder, name, port, *more):
        ran = self.samctl("start", folder, "--name", name, "--port", port, "--sandbox", "process", *more)
        if ran.returncode != 0:
            raise SystemExit(f"samctl start: {ran.stdout}{ran.stderr}")
        return port

    def figures(self):
        """Resident memory in KiB, descriptors, threads and children of the daemon, and bytes of its state folder."""
        pid = self.process.pid
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])
        children = sum(len(pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()) for task in os.listdir(f"/proc/{pid}/task"))
        disk = sum(file.stat().st_size for file in self.state.rglob("*") if file.is_file())
        return {"resident_kib": resident, "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
                "threads": len(os.listdir(f"/proc/{pid}/task")), "children": children, "disk_bytes": disk}


def answers(host, port):
    try:
        socket.create_connection((host, port), 0.2).close()
        return True
    except OSError:
        return False


class Client:
    """One keep-alive connection, opened again when it breaks."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def get(self, path="/hello"):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self.connection.request("GET", path)
            reply = self.connection.getresponse()
            reply.read()
            return reply.status
        except (OSError, http.client.HTTPException):
            self.connection = None
            return 0


def told(result, as_json):
    print(json.dumps(result, indent=None if as_json else 1))
