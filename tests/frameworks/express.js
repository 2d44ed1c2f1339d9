// Express under @vendia/serverless-express, as its documentation has it.
const serverlessExpress = require("@vendia/serverless-express");
const compression = require("compression");
const cookieParser = require("cookie-parser");
const express = require("express");
const multer = require("multer");

const IMAGE = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
]);

const app = express();
app.use(compression());
app.use(cookieParser());

app.post("/upload", express.raw({ type: () => true }), (request, response) => {
  response.json({ hex: request.body.toString("hex") });
});

app.post("/form", multer().single("file"), (request, response) => {
  const { originalname, buffer } = request.file;
  response.json({ title: request.body.title, name: originalname, hex: buffer.toString("hex") });
});

app.get("/image", (_, response) => response.type("image/png").send(IMAGE));

app.get("/cookies", (request, response) => {
  response.cookie("one", "1").cookie("two", "2");
  response.json({ sent: Object.entries(request.cookies).map(([name, value]) => `${name}=${value}`) });
});

app.get("/redirect", (_, response) => response.redirect(302, "/image"));
app.get("/gzip", (_, response) => response.json({ text: "again and ".repeat(1000) }));
app.get("/names/:name", (request, response) => response.json({ name: request.params.name }));
app.get("/keys", (request, response) => response.json({ k: [request.query.k].flat() }));
app.get("/teapot", (_, response) => response.status(418).type("text/plain").send("Tëa"));

// Express's own 404 page asks the request's socket for events, and serverless-express's socket has none.
app.use((_, response) => response.status(404).json({ message: "there is no such page" }));

exports.handler = serverlessExpress({ app, binarySettings: { contentTypes: ["image/*"] } });
