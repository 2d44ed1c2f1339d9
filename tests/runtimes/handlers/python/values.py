"""Handlers by what they answer with: one a kind of value."""
import collections
import datetime
import decimal
import enum


class Colour(enum.Enum):
    RED = 1


class Word(str, enum.Enum):
    HELLO = "hello"


class Level(enum.IntEnum):
    LOW = 3


class Reading(float):
    def __repr__(self):
        return "a reading"


class Name(str):
    pass


class Bag(dict):
    pass


class Record:
    def _asdict(self):
        return {"made": ["of", self.__class__.__name__]}


Point = collections.namedtuple("Point", "x y")


def echo(event, context):
    return event


def kind(event, context):
    return type(event).__name__


def nothing(event, context):
    pass


def not_a_number(event, context):
    return {"nan": float("nan"), "inf": float("inf"), "minus": float("-inf")}


def unicode(event, context):
    return {"é": "日本語 \u2028 \U0001f600 \x7f \x00 \" \\ / \n"}


def half_a_pair(event, context):
    return "\ud800"


def raw_bytes(event, context):
    return b'{"already": "bytes"}'


def bytes_inside(event, context):
    return {"bytes": b"text"}


def bytes_that_are_no_text(event, context):
    return [b"\xff\xfe"]


def bytes_as_key(event, context):
    return {b"key": 1, "other": [2]}


def a_set(event, context):
    return {1}


def a_set_deep_inside(event, context):
    return {"a": [{"b": ({1, 2},)}]}


def a_date(event, context):
    return {"when": datetime.datetime(2024, 1, 2)}


def decimals(event, context):
    return [decimal.Decimal("1.10"), {"e": decimal.Decimal("1E+2")}, decimal.Decimal("-0"), decimal.Decimal("NaN")]


def decimal_as_key(event, context):
    return {decimal.Decimal("1"): 1}


def named_tuple(event, context):
    return {"point": Point(1, [Point("é", None)]), "plain": (1, 2)}


def as_dict(event, context):
    return [Record()]


def enums(event, context):
    return [Word.HELLO, Level.LOW, {Word.HELLO: 1, Level.LOW: 2}]


def an_enum(event, context):
    return Colour.RED


def subclasses(event, context):
    return [Reading(1.5), Name("n\"é"), Bag(a=Bag()), collections.OrderedDict(z=1, a=2), True, collections.defaultdict(int)]


def keys(event, context):
    return {1: "int", 1.5: "float", None: "none", False: "bool"}


def tuple_as_key(event, context):
    return {(1, 2): 3}


def circle(event, context):
    ring = []
    ring.append({"ring": ring})
    return ring


def circle_of_subclasses(event, context):
    bag = Bag()
    bag["bag"] = bag
    return bag


def shared(event, context):
    twice = Bag(a=1)
    return [twice, twice]


def numbers(event, context):
    return [0, -1, 2**70, 1.0, 1e22, 1e-7, 0.1 + 0.2, -0.0, 10**400]


def generator(event, context):
    return (n for n in [1])


def large(event, context):
    return "é" * 200_000


def text(event, context):
    return "plain"


def empty(event, context):
    return {}
