"""`logging` as AWS's Python client sets it up: one handler on the root, text or JSON lines on standard output.

Loaded when user code first imports `logging`.
"""
import json
import logging
import sys
import time
import traceback

import samd_context
import samd_imports

MOMENT = "%Y-%m-%dT%H:%M:%S"
RESERVED = frozenset((
    "name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text",
    "stack_info", "lineno", "funcName", "created", "msecs", "relativeCreated", "thread", "threadName", "processName",
    "process", "aws_request_id", "tenant_id", "_frame_type",
))


def configure():
    logging.Formatter.converter = time.gmtime
    root = logging.getLogger()
    level = (samd_imports.environ.get("AWS_LAMBDA_LOG_LEVEL") or "").upper()
    level = "DEBUG" if level == "TRACE" else level
    handler = LambdaLoggerHandlerWithFrameType() if level or samd_imports.json_logs() else LambdaLoggerHandler()
    if samd_imports.json_logs():
        handler.setFormatter(JsonFormatter(datefmt=MOMENT + "Z"))
    else:
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(form, MOMENT))
    if level in logging._nameToLevel:
        root.setLevel(level)
    handler.addFilter(LambdaLoggerFilter())
    root.addHandler(handler)


class LambdaLoggerHandler(logging.Handler):
    def emit(self, record):
        sys.stdout.write(self.format(record))


class LambdaLoggerHandlerWithFrameType(LambdaLoggerHandler):
    """The name that AWS's client gives its handler when levels matter; user code looks for it."""


class LambdaLoggerFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = samd_context.request_id or ""
        record.tenant_id = samd_context.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        record.levelno = min(50, max(0, record.levelno)) // 10 * 10
        record.levelname = logging.getLevelName(record.levelno)
        plain = isinstance(record.msg, dict) and not record.args
        entry = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
            **failure(record),
            "requestId": getattr(record, "aws_request_id", None),
            "location": location(record),
            "tenantId": getattr(record, "tenant_id", None),
        }
        for name, value in record.__dict__.items():
            if name not in RESERVED and name not in entry:
                entry[name] = value
        entry = {name: value for name, value in entry.items() if value is not None}
        # A value that JSON does not have is better as text than a lost line.
        return json.dumps(entry, ensure_ascii=False, default=str) + "\n"


def failure(record):
    if not record.exc_info:
        return {}
    kind, value, frames = record.exc_info
    return {"stackTrace": traceback.format_tb(frames), "errorType": kind.__name__, "errorMessage": str(value)}


def location(record):
    return "%s:%s:%s" % (record.pathname, record.funcName, record.lineno) if record.exc_info else None
