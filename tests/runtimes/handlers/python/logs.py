"""What is printed and logged."""
import logging
import sys

logger = logging.getLogger("my.logger")
logging.warning("at import")
print("printed at import")


def prints(event, context):
    print("one", "two", sep="-")
    print("no newline", end="")
    print()
    print("a\nb\r c")
    sys.stdout.write("written\n")
    print("é 日本")
    print("to stderr", file=sys.stderr)
    sys.stdout.writelines(["x", "y\n"])
    print("the end has no newline", end="")


def levels(event, context):
    logger.debug("debug")
    logger.info("info")
    logger.warning("warning %s", 1)
    logger.error("error")
    logging.critical("critical")
    logging.getLogger().setLevel(logging.INFO)
    logger.info("info, now wanted")


def failures(event, context):
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("it failed")
    logger.error("many\nlines")


def extra(event, context):
    logger.warning("with extra", extra={"order": 5, "thing": {"a": object}})
    logger.warning({"a": "dict", "n": 1})
    logger.warning("%s and %s", "one", "two")
    logger.log(35, "between levels")


def basic(event, context):
    logging.basicConfig(level=logging.DEBUG)
    logging.debug("basicConfig has no effect on a configured root")


def own_handler(event, context):
    own = logging.StreamHandler(sys.stdout)
    own.setFormatter(logging.Formatter("own %(aws_request_id)s %(message)s"))
    quiet = logging.getLogger("quiet")
    quiet.propagate = False
    own.addFilter(logging.getLogger().handlers[0].filters[0])
    quiet.addHandler(own)
    quiet.warning("x")
    quiet.removeHandler(own)


def by_context(event, context):
    context.log("logged by the context\n")


def fails(event, context):
    logging.error("before")
    raise ValueError("logged\nerror")
