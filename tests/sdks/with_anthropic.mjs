// What applications do with Anthropic's SDK; prints all that arrived as JSON. Address and key come from its variables.

import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ maxRetries: 0, timeout: 30_000 });
const asked = { model: "claude-sonnet-5", max_tokens: 100, messages: [{ role: "user", content: "When?" }] };
const told = []; // the pieces of all that flowed, also of what broke off
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

const results = {};
for (const step of [message, streamedMessage, failure]) {
  try {
    results[step.name] = await step();
  } catch (error) {
    results[step.name] = { raised: `${error.name}: ${error.message}` };
  }
}
console.log(JSON.stringify({ ...results, arrived: told.join("") }));
