// Makes the Lambda calls that standard input lists through the AWS SDK for JavaScript, and prints what came of each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.CLIENT_FOLDER + "/package.json");
const sdk = require("@aws-sdk/client-lambda");
const client = new sdk.LambdaClient({ maxAttempts: 1 });
const text = (bytes) => new TextDecoder().decode(bytes);

async function plain(answer) {
  if (answer.Payload) answer.Payload = text(answer.Payload);
  if (answer.EventStream) {
    const events = [];
    for await (const event of answer.EventStream) {
      events.push(event.PayloadChunk ? text(event.PayloadChunk.Payload) : event);
    }
    answer.EventStream = events;
  }
  return answer;
}

async function call([command, parameters]) {
  try {
    return await plain(await client.send(new sdk[command](parameters)));
  } catch (error) {
    return { error: { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode, type: error.Type } };
  }
}

const answers = [];
for (const asked of JSON.parse(readFileSync(0, "utf8"))) answers.push(await call(asked));
console.log(JSON.stringify(answers));
