"""Imports `logging` only in the handler."""


def handler(event, context):
    import logging

    logging.getLogger().warning("late")
    return [type(handler).__name__ for handler in logging.getLogger().handlers]
