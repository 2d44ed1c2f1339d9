"""Errors as AWS's Python client reports and logs them. Loaded at the first failure."""
import json
import os
import sys
import time
import traceback

import samd_imports
from samd_context import Fault

CLIENT_FOLDER = os.path.dirname(__file__) + "/"
# A longer cause does not go into a header: it is for X-Ray alone, and servers bound their headers.
LONGEST_HEADER = 65536
NO_BREAK_SPACE = "\u00a0"


def of_invocation(exc_info, invoke_id):
    """An invocation's error as its caller sees it, and its cause for X-Ray."""
    kind, value, frames = exc_info
    if isinstance(value, Fault):
        return result(value.message, value.kind, value.trace, invoke_id), cause(value.message, "LambdaValidationError", [])
    stack = user_frames(frames)
    error = result(str(value), kind.__name__, traceback.format_list(stack), invoke_id)
    return error, cause(str(value), kind.__name__, stack)


def of_init(exc_info):
    """The error of an INIT that failed."""
    kind, value, frames = exc_info
    if isinstance(value, Fault):
        return result(value.message, value.kind, value.trace, None)
    return result(str(value), kind.__name__, traceback.format_list(user_frames(frames)), None)


def result(message, kind, trace, invoke_id):
    error = {"errorMessage": message or "", "errorType": kind or ""}
    # Recorded from AWS: Python 3.8's client alone does not tell the request's id.
    if os.environ.get("AWS_EXECUTION_ENV") != "AWS_Lambda_python3.8":
        error["requestId"] = invoke_id or ""
    error["stackTrace"] = trace or []
    return error


def user_frames(frames):
    """The frames from the first one that is not this client's."""
    stack = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(frames)]
    for at, frame in enumerate(stack):
        if not frame[0].startswith(CLIENT_FOLDER):
            return stack[at:]
    return stack


def cause(message, kind, stack):
    return {
        "working_directory": os.getcwd(),
        "exceptions": [{
            "message": message,
            "type": kind,
            "stack": [{"label": name, "path": file, "line": line} for file, line, name, _ in stack],
        }],
        "paths": list({frame[0] for frame in stack}),
    }


def header(cause):
    text = json.dumps(cause)
    return text if len(text) < LONGEST_HEADER else ""


def log(error):
    if samd_imports.json_logs():
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"timestamp": moment, "level": "ERROR", **error}, ensure_ascii=False) + "\n")
        return
    title = ": ".join(part for part in (error["errorType"], error["errorMessage"]) if part)
    lines = [("[ERROR] " + title).rstrip(), "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        lines += [indented(line) for line in entry.splitlines()] or [""]
    # One line for the log's reader: a carriage return does not end an event.
    sys.stdout.write("\r".join(lines) + "\n")


def indented(line):
    text = line.lstrip(" ")
    return NO_BREAK_SPACE * (len(line) - len(text)) + text
