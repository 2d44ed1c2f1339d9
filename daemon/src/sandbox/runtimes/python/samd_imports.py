"""How user code is found and loaded: the search path, the bytecode cache, the handler, the hook on `logging`.

It never leaves a file in the user's folders, layers among them, and never runs old code: Python compares sources with their bytecode by
whole seconds and size, so of two saves within one second the second could go unseen.
"""
import os
import sys
import time
import _frozen_importlib_external as external

environ = os.environ
# A source that changed so short a time ago could change again without its times telling.
YOUNG_NS = 2_000_000_000


def prepare(task_root, cache_folder):
    """Sets the search path (code, then PYTHONPATH with the layers, then this client) and the two hooks."""
    runtime = sys.path[0]
    layers = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[0] = task_root
    if runtime not in layers:
        sys.path.insert(1 + len(layers), runtime)
    own = [task_root] + [entry for entry in layers if entry != runtime]
    external.cache_from_source = Cache(own, cache_folder, external.cache_from_source).path
    if "logging" in sys.modules:
        configure_logging()
    else:
        sys.meta_path.insert(0, LoggingHook)


def json_logs():
    """Whether the function logs JSON lines."""
    return (environ.get("AWS_LAMBDA_LOG_FORMAT") or "").upper() == "JSON"


def configure_logging():
    import samd_logging

    samd_logging.configure()


class Cache:
    """Bytecode of the user's sources and of layers, in a folder of ours, by the exact state of the source.

    A file's name has the source's change time in nanoseconds, which no copy or touch can set, so bytecode of another
    state is simply not found. The interpreter's own check of time and size comes on top.
    """

    def __init__(self, roots, folder, original):
        self.roots = tuple(root.rstrip("/") + "/" for root in roots)
        self.folder, self.original = folder, original

    def path(self, path, debug_override=None, *, optimization=None):
        path = os.fspath(path)
        absolute = path if path.startswith("/") else os.path.abspath(path)
        if not absolute.startswith(self.roots) or debug_override is not None or optimization is not None:
            return self.original(path, debug_override, optimization=optimization)
        if self.folder is None:
            raise NotImplementedError("no bytecode of user code without a folder for it")
        try:
            state = os.stat(absolute)
        except OSError:
            raise NotImplementedError("a source that cannot be read has no bytecode") from None
        if time.time_ns() - max(state.st_ctime_ns, state.st_mtime_ns) < YOUNG_NS:
            raise NotImplementedError("a source this young may change within the resolution of its times")
        states = "%s/%s%s" % (self.folder, sys.implementation.cache_tag, absolute)
        cached = "%s/%d-%d-%d.pyc" % (states, state.st_ctime_ns, state.st_size, sys.flags.optimize)
        if not os.path.exists(cached):
            forget(states)
        return cached


def forget(states):
    """Removes bytecode of earlier states of a source."""
    try:
        for name in os.listdir(states):
            os.unlink(states + "/" + name)
    except OSError:
        # None yet, or another process of the same function was first.
        pass


class LoggingHook:
    """Sets `logging` up as AWS's client does when somebody first imports it; most small functions never do."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(cls)
        spec = external.PathFinder.find_spec(name, path)
        if spec is not None:
            run = spec.loader.exec_module

            def exec_module(module):
                run(module)
                configure_logging()

            spec.loader.exec_module = exec_module
        return spec


def handler(name):
    """Imports the module of `_HANDLER` and takes the function out of it."""
    from samd_context import Fault

    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (name, error)) from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name
        )
    import importlib

    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault(
            "Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error)
        ) from None
    except SyntaxError as error:
        place = '  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)
        raise Fault(
            "Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), [place]
        ) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name)
        ) from None
