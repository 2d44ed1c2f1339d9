"""The Python runtime client: gate, INIT, the loop of invocations.

Owns the order of steps. It imports little, since each import is paid at every cold start: whatever only a failure or
a user of `logging` needs is loaded when it is needed. It never writes protocol to standard output.

Started as `python -u bootstrap.py CACHE_FOLDER` in the code folder. Lines on standard input are the gate: `preload a,b`
imports modules that are not the user's, `learn` asks to be told which modules INIT loads, `go` starts INIT; end of file
means that nobody needs this interpreter.
"""
import posix
import sys

import samd_context
import samd_http
import samd_imports
import samd_json
import samd_preload

EXIT_QUIET, EXIT_LOST, EXIT_INIT = 0, 1, 1

environ = samd_imports.environ


def main():
    task_root = environ.get("LAMBDA_TASK_ROOT") or posix.getcwd()
    cache_folder = sys.argv[1] if len(sys.argv) > 1 else None
    arguments = sys.argv[:]
    del sys.argv[1:]
    samd_imports.prepare(task_root, cache_folder)
    api = samd_http.RuntimeApi(environ["AWS_LAMBDA_RUNTIME_API"])
    gate = Gate(samd_preload.Early(task_root))
    if not gate.is_behind(arguments) and not gate.pass_through():
        posix._exit(EXIT_QUIET)
    if gate.early.is_stale():
        samd_preload.start_over(arguments, gate.is_to_learn, gate.early.failed)
    shut_input()
    try:
        run(api, gate)
    except samd_http.Lost:
        # Without the Runtime API there is nobody to work for; threads of the user must not keep the process.
        posix._exit(EXIT_LOST)


class Gate:
    """What is told before INIT, on standard input."""

    def __init__(self, early):
        self.early = early
        self.is_to_learn = False

    def is_behind(self, arguments):
        """Whether this interpreter was started behind the gate, since what it had loaded early was no good."""
        if len(arguments) <= 2:
            return False
        self.is_to_learn = arguments[2] == "learn"
        self.early.failed = [name for name in arguments[3].split(",") if name]
        return True

    def pass_through(self):
        """Reads to the `go`; False when the input ended before."""
        pending = b""
        while True:
            line, newline, rest = pending.partition(b"\n")
            if not newline:
                chunk = posix.read(0, 65536)
                if not chunk:
                    return False
                pending += chunk
                continue
            pending = rest
            if line == b"go":
                return True
            if line == b"learn":
                self.is_to_learn = True
            elif line.startswith(b"preload "):
                self.early.load(line[8:].decode().split(","))


def shut_input():
    null = posix.open("/dev/null", posix.O_RDONLY)
    posix.dup2(null, 0)
    posix.close(null)


def run(api, gate):
    gate.early.begin()
    handler = load_handler(api)
    gate.early.settle()
    while True:
        headers, body = api.next()
        invoke_id = headers.get("lambda-runtime-aws-request-id")
        samd_context.begin(invoke_id, headers)
        try:
            context = samd_context.LambdaContext(headers)
            event = body if headers.get("content-type") != "application/json" else samd_json.decode(body)
            response = handler(event, context)
            if isinstance(response, bytes):
                content_type = "application/unknown"
            else:
                response, content_type = samd_json.encode(response), "application/json"
        except Exception:
            # Not BaseException: sys.exit() in a handler ends the process, as on AWS.
            report_failure(api, invoke_id)
        else:
            if isinstance(response, str):
                response = response.encode("utf-8")
            api.respond(invoke_id, response, content_type)
        if gate.is_to_learn:
            # The first caller has his answer before time is spent on this.
            gate.is_to_learn = False
            api.tell_loaded(gate.early.told)


def report_failure(api, invoke_id):
    import samd_errors

    error, cause = samd_errors.of_invocation(sys.exc_info(), invoke_id)
    samd_errors.log(error)
    api.fail(invoke_id, samd_json.encode(error).encode("utf-8"), samd_errors.header(cause))


def load_handler(api):
    try:
        return samd_imports.handler(environ.get("_HANDLER", ""))
    except Exception:
        import samd_errors

        error = samd_errors.of_init(sys.exc_info())
        samd_errors.log(error)
        api.fail_init(samd_json.encode(error).encode("utf-8"), error["errorType"])
    sys.exit(EXIT_INIT)
