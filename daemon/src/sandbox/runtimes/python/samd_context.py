"""The context object that a handler receives, and what log lines know of the invocation that runs.

Owns the shapes of AWS's Python client: names, attributes and `repr` are its contract with user code.
"""
import sys
import time

from samd_imports import environ

# What the log formatters ask for; set at each invocation.
request_id = None
tenant_id = None

W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class Fault(Exception):
    """A failure that the client names itself, as in `Runtime.UnmarshalError`."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind, self.message, self.trace = kind, message, trace


def begin(invoke_id, headers):
    global request_id, tenant_id
    request_id, tenant_id = invoke_id, headers.get("lambda-runtime-aws-tenant-id")
    trace = headers.get("lambda-runtime-trace-id")
    if trace:
        environ["_X_AMZN_TRACE_ID"] = trace
    elif "_X_AMZN_TRACE_ID" in environ:
        del environ["_X_AMZN_TRACE_ID"]


class Shape:
    """An object with fixed attributes, filled from a mapping; absent ones are None."""

    __slots__ = ()

    def __init__(self, values=None):
        for name in self.__slots__:
            setattr(self, name, values.get(name) if values is not None else None)

    def __repr__(self):
        return describe(self, self.__slots__)


class Client(Shape):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(Shape):
    __slots__ = ("custom", "env", "client")


class CognitoIdentity(Shape):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class LambdaContext:
    def __init__(self, headers):
        client = parsed(headers.get("lambda-runtime-client-context"), "Client Context")
        identity = parsed(headers.get("lambda-runtime-cognito-identity"), "Cognito Identity")
        self.aws_request_id = request_id
        self.log_group_name = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = tenant_id
        self._w3c_fields = {}
        if isinstance(client, dict) and "w3c" in client:
            self._w3c_fields = w3c_fields(client.pop("w3c"))
        self.client_context = None
        if client is not None:
            self.client_context = ClientContext(client)
            if self.client_context.client is not None:
                self.client_context.client = Client(self.client_context.client)
        self.identity = CognitoIdentity()
        if identity is not None:
            self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = int(headers.get("lambda-runtime-deadline-ms") or 0)

    def get_remaining_time_in_millis(self):
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def w3c(self):
        return dict(self._w3c_fields)

    def log(self, msg):
        # One call is one log event on AWS, so the line is ended here when the message does not.
        line = str(msg)
        sys.stdout.write(line if line.endswith("\n") else line + "\n")

    def __repr__(self):
        return describe(self, (
            "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
            "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id",
        ))


def describe(thing, names):
    return "%s([%s])" % (type(thing).__name__, ",".join("%s=%s" % (name, getattr(thing, name)) for name in names))


def w3c_fields(values):
    if not isinstance(values, dict):
        return {}
    return {name: values[name] for name in W3C_FIELDS if isinstance(values.get(name), str)}


def parsed(header, name):
    if not header:
        return None
    import samd_json

    try:
        return samd_json.parse(header)
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, error)) from None
