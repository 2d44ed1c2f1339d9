"""FastAPI under Mangum, as its documentation has it."""

from fastapi import FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse, RedirectResponse
from mangum import Mangum

IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))

app = FastAPI()
app.add_middleware(GZipMiddleware, minimum_size=1000)


@app.post("/upload")
async def upload(request: Request):
    return {"hex": (await request.body()).hex()}


@app.post("/form")
async def form(title: str = Form(), file: UploadFile = File()):
    return {"title": title, "name": file.filename, "hex": (await file.read()).hex()}


@app.get("/image")
def image():
    return Response(IMAGE, media_type="image/png")


@app.get("/cookies")
def cookies(request: Request, response: Response):
    response.set_cookie("one", "1")
    response.set_cookie("two", "2")
    return {"sent": [f"{name}={value}" for name, value in request.cookies.items()]}


@app.get("/redirect")
def redirect():
    return RedirectResponse("/image", 302)


@app.get("/gzip")
def gzip():
    return {"text": "again and " * 1000}


@app.get("/names/{name}")
def names(name: str):
    return {"name": name}


@app.get("/keys")
def keys(k: list[str] = Query([])):
    return {"k": k}


@app.get("/teapot")
def teapot():
    return PlainTextResponse("Tëa", 418)


handler = Mangum(app, lifespan="off")
