#!/usr/bin/env python3
"""An external extension that writes down whatever it hears, and does what the files in its folder and its variables
ask for. One JSON value a line in $RECORD, beginning with what happened."""

import http.client
import http.server
import json
import os
import sys
import threading
import time

api = os.environ["AWS_LAMBDA_RUNTIME_API"]
name = os.path.basename(sys.argv[0])
does = os.environ.get("DOES", "")
record = open(os.environ["RECORD"], "a", buffering=1)


def tell(what, **more):
    record.write(json.dumps({"what": what, "name": name, "pid": os.getpid(), **more}) + "\n")


def call(method, path, headers={}, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read().decode()
    return response.status, dict(response.getheaders()), text


def wait_for(mark):
    while not os.path.exists(os.path.join(os.path.dirname(os.environ["RECORD"]), mark)):
        time.sleep(0.005)


def register(events, **headers):
    headers = {"Lambda-Extension-Name": name, **headers}
    return call("POST", "/2020-01-01/extension/register", headers, {"events": events})


class Listener(http.server.BaseHTTPRequestHandler):
    """The server of a subscriber of the Telemetry API or the Logs API."""

    def do_POST(self):
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tell("batch", events=batch, path=self.path, host=self.headers["Host"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def subscribe(id, path, body):
    server = http.server.HTTPServer(("0.0.0.0", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    body["destination"] = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/in" % server.server_port}
    status, _, text = call("PUT", path, {"Lambda-Extension-Identifier": id}, body)
    tell("subscribed", status=status, text=text)


tell("started", env=dict(os.environ), cwd=os.getcwd())
print("the extension says hello", flush=True)
if does == "crash":
    sys.exit(3)
status, headers, text = register(json.loads(os.environ.get("EVENTS", '["INVOKE","SHUTDOWN"]')), **json.loads(os.environ.get("HEADERS", "{}")))
tell("registered", status=status, headers=headers, text=text)
id = headers.get("Lambda-Extension-Identifier")
own = {"Lambda-Extension-Identifier": id or ""}
if does == "init error":
    own["Lambda-Extension-Function-Error-Type"] = "Extension.NoLuck"
    status, _, text = call("POST", "/2020-01-01/extension/init/error", own, {"errorMessage": "no luck"})
    tell("init error", status=status, text=text)
if does == "mistakes":
    for what, method, path, headers, body in json.loads(os.environ["MISTAKES"]):
        headers = {key: value.replace("ID", id) for key, value in headers.items()}
        status, _, text = call(method, path, headers, body)
        tell("mistake", of=what, status=status, text=text)
if does == "telemetry":
    body = {"schemaVersion": "2022-07-01", "types": ["platform", "function", "extension"], "buffering": {"timeoutMs": 25}}
    subscribe(id, "/2022-07-01/telemetry", body)
if does == "logs":
    body = {"schemaVersion": "2021-03-18", "types": ["platform", "function"], "buffering": {"timeoutMs": 25}}
    subscribe(id, "/2020-08-15/logs", body)
if does == "slow init":
    wait_for("go")
while True:
    status, headers, text = call("GET", "/2020-01-01/extension/event/next", own)
    event = json.loads(text)
    tell("event", status=status, headers=headers, event=event)
    if event.get("eventType") == "SHUTDOWN":
        tell("leaving")
        break
    if does == "slow":
        wait_for("go")
    if does == "exit error":
        own["Lambda-Extension-Function-Error-Type"] = "Extension.Enough"
        call("POST", "/2020-01-01/extension/exit/error", own, {})
