"""What the context object and the environment say."""
import os
import sys


def fields(event, context):
    return {name: repr(value) for name, value in sorted(vars(context).items()) if not name.startswith("_")}


def described(event, context):
    return repr(context)


def remaining(event, context):
    left = context.get_remaining_time_in_millis()
    return [type(left).__name__, left > 1_000_000]


def trace(event, context):
    return os.environ.get("_X_AMZN_TRACE_ID")


def variables(event, context):
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_LAMBDA_F") or name == "_HANDLER"}


def standard_input(event, context):
    return sys.stdin.read()


def client(event, context):
    sent = context.client_context
    return sent and [sent.custom, sent.env, sent.client and [sent.client.app_title, sent.client.installation_id]]


def identity(event, context):
    return [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id, repr(context.identity)]


def search_path(event, context):
    return sys.path[0] == os.environ["LAMBDA_TASK_ROOT"]


def working_directory(event, context):
    return os.getcwd() == os.environ["LAMBDA_TASK_ROOT"]
