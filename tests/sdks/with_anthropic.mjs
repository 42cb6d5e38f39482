// What applications do with Anthropic's SDK; prints all that arrived as JSON, once for each line of variables
// that it reads. Address and key come from the SDK's own variables.

import { createInterface } from "node:readline";

import Anthropic from "@anthropic-ai/sdk";

const asked = { model: "claude-sonnet-5", max_tokens: 100, messages: [{ role: "user", content: "When?" }] };
let client, told; // those of one round; `told` has the pieces of all that flowed, also of what broke off
const tools = [{ name: "book", input_schema: { type: "object" } }];

async function message() {
  const { data, response } = await client.messages.create({ ...asked, tools }).withResponse();
  return { body: data, headers: Object.fromEntries(response.headers) };
}

async function streamedMessage() {
  const stream = client.messages.stream({ ...asked, tools });
  stream.on("inputJson", (delta) => told.push(delta));
  stream.on("text", (delta) => told.push(delta));
  return { message: await stream.finalMessage(), told: told.join("") };
}

async function failure() {
  try {
    await client.messages.create({ ...asked, model: "broken" });
  } catch (error) {
    return { status: error.status, body: error.error, headers: Object.fromEntries(error.headers) };
  }
}

async function results() {
  client = new Anthropic({ maxRetries: 0, timeout: 30_000 });
  told = [];
  const got = {};
  for (const step of [message, streamedMessage, failure]) {
    try {
      got[step.name] = await step();
    } catch (error) {
      got[step.name] = { raised: `${error.name}: ${error.message}` };
    }
  }
  return { ...got, arrived: told.join("") };
}

for await (const line of createInterface({ input: process.stdin })) {
  Object.assign(process.env, JSON.parse(line));
  console.log(JSON.stringify(await results()));
}
