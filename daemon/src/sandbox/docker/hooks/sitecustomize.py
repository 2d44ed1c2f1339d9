"""Holds a Python interpreter of a container that waits: everything of the image's is loaded, nothing of the function's.

Found by the interpreter through PYTHONPATH before its main program. It leaves no trace but the modules of AWS's runtime
client; one of these that the function or a layer brings itself is loaded anew from there.
"""


def _arrive(os, place):
    """Whether a daemon hears that this one waits."""
    try:
        arrived = os.open(place + "/arrived", os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    os.write(arrived, b"1")
    os.close(arrived)
    return True


def _opened(os, select, time, place):
    """Whether the gate was opened. When its daemon dies, another one may come within a minute."""
    gate = os.open(place + "/go", os.O_RDONLY | os.O_NONBLOCK)
    told, left = False, 600
    while left:
        told = told or _arrive(os, place)
        try:
            line = os.read(gate, 3)
        except BlockingIOError:
            # A daemon holds the gate: wait until it opens it, or dies.
            left = 600
            select.select([gate], [], [], None if told else 0.1)
            continue
        if line:
            os.close(gate)
            return line == b"go\n"
        told = False
        left -= 1
        time.sleep(0.1)
    return False


def _hold():
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    place = os.path.dirname(here)
    sys.path[:] = [path for path in sys.path if path != here]
    others = [path for path in os.environ.pop("PYTHONPATH", "").split(":") if path and path != here]
    if others:
        os.environ["PYTHONPATH"] = ":".join(others)
    runtime = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
    before = set(sys.modules)
    sys.path.insert(0, runtime)
    try:
        import awslambdaric.bootstrap  # noqa: F401
    except Exception:
        # The image's own start says what is wrong.
        pass
    sys.path.remove(runtime)
    import select
    import time

    brought = set(sys.modules) - before
    try:
        opened = _opened(os, select, time, place)
    except OSError as problem:
        sys.stderr.write("the gate of this sandbox is not there: %s\n" % problem)
        os._exit(1)
    if not opened:
        os._exit(0)
    minor = "%d.%d" % sys.version_info[:2]
    theirs = [os.environ.get("LAMBDA_TASK_ROOT", "/var/task"), "/opt/python", "/opt/python/lib/python%s/site-packages" % minor]
    names = set()
    for folder in theirs + others:
        try:
            names.update(name.partition(".")[0] for name in os.listdir(folder))
        except OSError:
            pass
    if any(module.partition(".")[0] in names for module in brought):
        for module in brought:
            file = getattr(sys.modules.get(module), "__file__", None) or ""
            if module.partition(".")[0] in names or file.startswith(runtime + "/"):
                sys.modules.pop(module, None)


_hold()
import sys  # noqa: E402

# The image's or the function's own, as it would have been without this one.
sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
except ImportError:
    # There is none; the import system looks for what it has just loaded.
    sys.modules["sitecustomize"] = type(sys)("sitecustomize")
