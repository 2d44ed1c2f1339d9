"""One set of routes under each of Powertools' resolvers; every event must also fit the parser's model of it."""

from aws_lambda_powertools.event_handler import (
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    LambdaFunctionUrlResolver,
    Response,
)
from aws_lambda_powertools.shared.cookies import Cookie
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventModel,
    APIGatewayProxyEventV2Model,
    LambdaFunctionUrlModel,
)

IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def routes(app):
    @app.post("/upload")
    def upload():
        event = app.current_event
        body = event.body or ""
        import base64

        raw = base64.b64decode(body) if event.is_base64_encoded else body.encode()
        return {"hex": raw.hex()}

    @app.get("/image")
    def image():
        return Response(200, "image/png", IMAGE)

    @app.get("/cookies")
    def cookies():
        headers = app.current_event.headers
        sent = getattr(app.current_event, "cookies", None) or headers.get("cookie", "").split("; ")
        own = [Cookie(name="one", value="1", secure=False), Cookie(name="two", value="2", secure=False)]
        return Response(200, "application/json", {"sent": list(sent)}, cookies=own)

    @app.get("/redirect")
    def redirect():
        return Response(302, "text/plain", "", headers={"Location": "/image"})

    @app.get("/gzip", compress=True)
    def gzip():
        return {"text": "again and " * 1000}

    @app.get("/names/<name>")
    def names(name):
        from urllib.parse import unquote

        return {"name": unquote(name)}

    @app.get("/keys")
    def keys():
        values = app.current_event.get_multi_value_query_string_values("k", [])
        # HTTP APIs and URLs join repeated keys by commas, and so does Powertools hand them on.
        return {"k": values}

    @app.get("/teapot")
    def teapot():
        return Response(418, "text/plain; charset=utf-8", "Tëa")

    return app


rest = routes(APIGatewayRestResolver())
http = routes(APIGatewayHttpResolver())
url = routes(LambdaFunctionUrlResolver())


def rest_handler(event, context):
    APIGatewayProxyEventModel.model_validate(event)
    return rest.resolve(event, context)


def http_handler(event, context):
    APIGatewayProxyEventV2Model.model_validate(event)
    return http.resolve(event, context)


def url_handler(event, context):
    LambdaFunctionUrlModel.model_validate(event)
    return url.resolve(event, context)
