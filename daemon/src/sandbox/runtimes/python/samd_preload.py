"""Modules that are loaded ahead of INIT: those of the interpreter's own packages and of layers that the function is
known to load.

Owns which modules these may be, and whether what was loaded early is still what INIT would load. It never loads a module
that lies in the code folder, and nothing of the user's can see its search path.
"""
import os
import posix
import sys

from samd_imports import LoggingHook, environ

# A source that changed so short a time before it was loaded may have changed after it was read.
YOUNG_NS = 50_000_000
# More is not told: the names have to fit into the gate's pipe.
MOST_BYTES = 40_000


class Early:
    def __init__(self, task_root):
        self.roots = tuple({root.rstrip("/") + "/" for root in (task_root, os.path.realpath(task_root))})
        self.base = frozenset(sys.modules)
        self.places = tuple(place for place in sys.path if self.is_place(place))
        # What is loaded early may need this client, as `logging` does.
        self.path = self.places + (os.path.dirname(os.path.abspath(__file__)),)
        # Origin and state of what was loaded early, by name.
        self.loaded = {}
        self.failed = []
        self.is_spoilt = False
        self.before = None
        self.found = ()

    def is_place(self, place):
        """Whether packages of a folder of the search path may be loaded early: the interpreter's own, and layers."""
        layers = environ.get("PYTHONPATH", "").split(os.pathsep)
        homes = (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.expanduser("~/.local/lib/python"))
        known = place in layers or any(place.startswith(home) for home in homes)
        return known and not (place + "/").startswith(self.roots) and place != environ.get("LAMBDA_RUNTIME_DIR")

    def is_foreign(self, module):
        """Whether a module came, under its own name, from one of these places."""
        spec = getattr(module, "__spec__", None)
        if spec is None or not spec.has_location or spec.name != module.__name__:
            return False
        origin = spec.origin
        return not origin.startswith(self.roots) and any(origin.startswith(place + "/") for place in self.places)

    def load(self, names):
        """Imports modules; one that fails now fails again, with its error, when user code asks for it."""
        path, began = sys.path[:], state_of_now()
        sys.path[:] = self.path
        before = frozenset(sys.modules)
        for name in names:
            if name not in sys.modules:
                self.load_one(name)
        sys.path[:] = path
        for name in sys.modules.keys() - before:
            origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
            state = state_of(origin) if origin and origin.startswith("/") else None
            self.loaded[name] = origin, state
            if state and max(state[:2]) > began - YOUNG_NS:
                self.is_spoilt = True
        # What a folder held then is not what it holds at `go`.
        sys.path_importer_cache.clear()

    def load_one(self, name):
        before = frozenset(sys.modules)
        try:
            __import__(name)
            if tuple(sys.path) != self.path:
                # It would change the search path of INIT.
                self.failed.append(name)
                self.is_spoilt = True
                sys.path[:] = self.path
        except BaseException:
            self.failed.append(name)
            for half in sys.modules.keys() - before:
                origin = getattr(getattr(sys.modules.pop(half), "__spec__", None), "origin", None) or ""
                # Compiled modules cannot always be loaded twice.
                self.is_spoilt |= not origin.endswith(".py")

    def is_stale(self):
        """Whether INIT would load anything else than what was loaded early."""
        if self.is_spoilt:
            return True
        if any(state is not None and state_of(origin) != state for origin, state in self.loaded.values()):
            return True
        return any(self.is_hidden(name) for name in self.names_in_code() & self.loaded.keys())

    def names_in_code(self):
        """Names that the code folder may have modules of."""
        try:
            return {entry.partition(".")[0] for root in self.roots for entry in os.listdir(root)}
        except OSError:
            return set()

    def is_hidden(self, name):
        from _frozen_importlib_external import PathFinder

        spec = PathFinder.find_spec(name, sys.path)
        return spec is None or spec.origin != self.loaded[name][0]

    def begin(self):
        """INIT begins: from here on the user's code may change things."""
        self.before = surroundings()

    def settle(self):
        """INIT is done. What is loaded from here on is no part of it."""
        is_plain = self.before == surroundings() and "gevent.monkey" not in sys.modules
        self.found = list(sys.modules.items()) if is_plain else ()

    def is_loadable(self, name, module):
        top = sys.modules.get(name.partition(".")[0])
        if name in self.base or name != getattr(module, "__name__", None):
            return False
        return name.isascii() and self.is_foreign(module) and self.is_foreign(top)

    def told(self):
        """What the daemon is told, as JSON."""
        names, room = [], MOST_BYTES
        for name, module in self.found:
            if room > 0 and self.is_loadable(name, module):
                names.append(name)
                room -= len(name) + 1
        return ('{"modules":[%s],"failed":[%s]}' % (quoted(names), quoted(self.failed))).encode()


def quoted(names):
    return ",".join('"%s"' % name for name in names)


def surroundings():
    """What a module may look at while it is imported. One that is loaded before the user's code changed it would see
    something else than it does on AWS."""
    finders = [finder for finder in sys.meta_path if finder is not LoggingHook]
    ends = [at for at, finder in enumerate(finders) if getattr(finder, "__name__", "") == "PathFinder"]
    return dict(environ), finders[: ends[0] + 1] if ends else finders, __import__


def start_over(arguments, is_to_learn, failed):
    """Begins again as a new interpreter in this process, behind the gate."""
    again = getattr(sys, "orig_argv", None) or [sys.executable, "-u"] + arguments
    os.execv(sys.executable, again + ["learn" if is_to_learn else "go", ",".join(failed)])


def state_of_now():
    import time

    return time.time_ns()


def state_of(file):
    try:
        state = posix.stat(file)
    except OSError:
        return 0, 0, 0
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size
