"""JSON for values that the C encoder would write otherwise than AWS's Python client does.

Named tuples and other things with `_asdict` are objects, Decimal is a number with its own digits, bytes are text, also
as keys. Loaded when such a value is first met.
"""
import sys


def encode(value, quote, unknown):
    decimal = sys.modules.get("decimal")
    number = decimal.Decimal if decimal else ()
    out, open_ones = [], set()

    def write(item):
        if isinstance(item, str):
            out.append(quote(item))
        elif item is None or item is True or item is False:
            out.append(CONSTANTS[item])
        elif isinstance(item, int):
            out.append(int.__repr__(item))
        elif isinstance(item, float):
            out.append(real(item))
        elif isinstance(item, number):
            out.append("NaN" if item.is_nan() else str(item))
        else:
            container(item)

    def container(item):
        if id(item) in open_ones:
            raise ValueError("Circular reference detected")
        open_ones.add(id(item))
        if callable(getattr(item, "_asdict", None)) and not isinstance(item, type):
            members(item._asdict())
        elif isinstance(item, dict):
            members(item)
        elif isinstance(item, (list, tuple)):
            elements(item)
        else:
            write(unknown(item))
        open_ones.discard(id(item))

    def members(mapping):
        out.append("{")
        for at, (name, item) in enumerate(mapping.items()):
            out.append((", " if at else "") + quote(key(name)) + ": ")
            write(item)
        out.append("}")

    def elements(items):
        out.append("[")
        for at, item in enumerate(items):
            if at:
                out.append(", ")
            write(item)
        out.append("]")

    write(value)
    return "".join(out)


CONSTANTS = {None: "null", True: "true", False: "false"}


def real(value):
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float.__repr__(value)


def key(name):
    if isinstance(name, str):
        return name
    if isinstance(name, bytes):
        return name.decode("utf-8")
    if name is None or name is True or name is False:
        return CONSTANTS[name]
    if isinstance(name, int):
        return int.__repr__(name)
    if isinstance(name, float):
        return real(name)
    raise TypeError("keys must be str, int, float, bool or None, not %s" % type(name).__name__)
