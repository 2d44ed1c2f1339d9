"""Handlers that fail, each in its way."""
import os
import sys


class Custom(Exception):
    pass


class Wordless(Exception):
    def __str__(self):
        return ""


def plain(event, context):
    raise Exception("Failed: %s" % event)


def custom(event, context):
    raise Custom("one", 2)


def wordless(event, context):
    raise Wordless()


def key(event, context):
    return event["missing"]


def unicode(event, context):
    raise ValueError("日本 é \U0001f600 \x01")


def lines(event, context):
    raise ValueError("first\nsecond\n  third")


def chained(event, context):
    try:
        {}["a"]
    except KeyError as error:
        raise RuntimeError("because") from error


def inner(depth):
    if depth:
        inner(depth - 1)
    assert False, "at the bottom"


def deep(event, context):
    inner(3)


def endless(event, context):
    return endless(event, context)


def leave(event, context):
    sys.exit(0)


def leave_badly(event, context):
    sys.exit(3)


def leave_with_words(event, context):
    sys.exit("goodbye")


def leave_at_once(event, context):
    print("last words", end="")
    os._exit(4)


def interrupt(event, context):
    raise KeyboardInterrupt


def base(event, context):
    raise BaseException("not an Exception")


def killed(event, context):
    os.kill(os.getpid(), 9)


def evaluated(event, context):
    eval("1 +")


def imported_late(event, context):
    import no_such_module_at_all


not_callable = 3


def too_few(event):
    return event
