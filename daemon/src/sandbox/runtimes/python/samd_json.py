"""JSON as AWS's Python client reads and writes it, without importing `json`.

The interpreter's own C scanner and encoder do the work; `json` itself would load regular expressions, which costs more
than all of this client. Values that the C encoder would write otherwise than AWS's client does (named tuples, Decimal,
bytes as keys) take the careful way, in `samd_json_careful`, loaded when first met.
"""
import marshal

import _json

from samd_context import Fault
from samd_imports import environ

# From Python 3.12 on, AWS's client leaves characters beyond ASCII as they are.
ASCII_ONLY = environ.get("AWS_EXECUTION_ENV") not in (
    "AWS_Lambda_python3.12", "AWS_Lambda_python3.13", "AWS_Lambda_python3.14", "AWS_Lambda_python3.15",
)
quote = _json.encode_basestring_ascii if ASCII_ONLY else _json.encode_basestring
BLANKS = " \t\n\r"


class Plan:
    """The settings that the C scanner asks for."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    memo = {}

    @staticmethod
    def parse_constant(name):
        return {"NaN": float("nan"), "Infinity": float("inf")}.get(name, float("-inf"))


scan = _json.make_scanner(Plan)


def unknown(value):
    """What the encoder does not know: bytes are text to AWS's client, all else is refused."""
    if type(value) is bytes:
        return value.decode("utf-8")
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def parse(text):
    try:
        value, end = scan(text, len(text) - len(text.lstrip(BLANKS)))
        if end == len(text) or not text[end:].strip(BLANKS):
            return value
    except Exception:
        # The scanner by itself cannot tell what is wrong; `json` can.
        pass
    import json

    return json.loads(text)


def decode(body):
    """An event's value."""
    try:
        return parse(body.decode("utf-8-sig" if body.startswith(b"\xef\xbb\xbf") else "utf-8"))
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error) from None


def encode(value):
    """A response's text."""
    try:
        if is_plain(value):
            try:
                return "".join(_json.make_encoder({}, unknown, quote, None, ": ", ", ", False, False, True)(value, 0))
            except TypeError:
                # Bytes as keys, or what no encoder takes: the careful way tells them apart.
                pass
        import samd_json_careful

        return samd_json_careful.encode(value, quote, unknown)
    except Exception as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from None


def is_plain(value):
    """Whether `value` is made of exact built-in types alone: `marshal` takes no others, and tells at the speed of C."""
    try:
        marshal.dumps(value, 2)
    except ValueError:
        return False
    return True
