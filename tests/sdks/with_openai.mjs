// What applications do with OpenAI's SDK; prints all that arrived as JSON, once for each line of variables that
// it reads. Address and key come from the SDK's own variables.

import { createInterface } from "node:readline";

import OpenAI, { toFile } from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const messages = [{ role: "user", content: "When can I come?" }];
let client, arrived; // those of one round; `arrived` has the pieces of all that flowed, also of what broke off
const tools = [{ type: "function", function: { name: "book", parameters: { type: "object" } } }];

async function chat() {
  const { data, response } = await client.chat.completions.create({ model: "gpt-5", messages, tools }).withResponse();
  return { body: data, headers: Object.fromEntries(response.headers) };
}

async function streamedChat() {
  const stream = await client.chat.completions.create({ model: "gpt-5", messages, tools, stream: true });
  let text = "", args = "";
  for await (const chunk of stream) {
    arrived.push(chunk.choices[0].delta.content ?? "");
    text += chunk.choices[0].delta.content ?? "";
    for (const call of chunk.choices[0].delta.tool_calls ?? []) {
      args += call.function?.arguments ?? "";
      arrived.push(call.function?.arguments ?? "");
    }
  }
  return { text, args };
}

async function upload() {
  const content = '{"a": 1}\n'.repeat(20_000);
  return await client.files.create({ file: await toFile(Buffer.from(content), "answers.jsonl"), purpose: "batch" });
}

async function speech() {
  const answer = await client.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "alloy", input: "Good morning." });
  return Buffer.from(await answer.arrayBuffer()).toString("hex");
}

async function transcription() {
  const file = await toFile(Buffer.from("RIFF" + "sound".repeat(9_000)), "call.wav");
  return (await client.audio.transcriptions.create({ model: "whisper-1", file })).text;
}

async function failure() {
  try {
    await client.chat.completions.create({ model: "broken", messages });
  } catch (error) {
    return { status: error.status, body: error.error, headers: Object.fromEntries(error.headers) };
  }
}

/** One session over the socket of the package `ws`, which sends the key in a header, and over the platform's own,
 *  which sends it as a sub-protocol. */
function session(realtime) {
  return new Promise((resolve, reject) => {
    const texts = {};
    const socket = realtime.socket;
    let ready = false;
    socket.addEventListener("close", (event) => resolve({ texts, ready, code: event.code, reason: event.reason }));
    realtime.on("error", reject);
    realtime.on("event", (event) => {
      arrived.push(event.delta ?? "");
      texts[event.type] = (texts[event.type] ?? "") + (event.delta ?? ".");
      if (event.type === "session.created") {
        ready = socket.protocol;
        realtime.send({ type: "response.create" });
      }
      if (event.type === "response.done") realtime.send({ type: "leave" });
    });
  });
}

const realtimeOfPackage = () => session(new OpenAIRealtimeWS({ model: "gpt-realtime" }, client));
const realtimeOfPlatform = () => session(new OpenAIRealtimeWebSocket({ model: "gpt-realtime" }, client));

const steps = [chat, streamedChat, upload, speech, transcription, failure, realtimeOfPackage, realtimeOfPlatform];

async function results() {
  client = new OpenAI({ maxRetries: 0, timeout: 30_000 });
  arrived = [];
  const got = {};
  for (const step of steps) {
    try {
      got[step.name] = await step();
    } catch (error) {
      got[step.name] = { raised: `${error.name}: ${error.message}` };
    }
  }
  return { ...got, arrived: arrived.join("") };
}

for await (const line of createInterface({ input: process.stdin })) {
  Object.assign(process.env, JSON.parse(line));
  console.log(JSON.stringify(await results()));
}
