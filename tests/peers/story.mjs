// What an agent on the TypeScript SDK does at Coffer, told as JSON: node story.mjs URL KEY MODE
// MODE: "legacy" or "auto" for version 2 of the SDK, "1" for version 1.
const [url, key, mode] = process.argv.slice(2);
const library =
  mode === "1"
    ? {
        ...(await import("@modelcontextprotocol/sdk/client/index.js")),
        ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
      }
    : await import("@modelcontextprotocol/client");

async function open(bearer) {
  const options = mode === "1" ? {} : { versionNegotiation: { mode } };
  const client = new library.Client({ name: "story", version: "1" }, options);
  const headers = { Authorization: `Bearer ${bearer}` };
  await client.connect(new library.StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

async function failure(doing) {
  try {
    await doing();
  } catch (error) {
    return `${error.code ?? ""} ${error.message}`;
  }
  return "";
}

const client = await open(key);
const call = (name, args = {}) => client.callTool({ name, arguments: args });
const { tools } = await client.listTools();
const told = [];
const slow = await client.callTool(
  { name: "look_up", arguments: { id: "7" } },
  ...(mode === "1" ? [undefined] : []),
  { onprogress: (progress) => told.push(progress.message) },
);
const story = {
  server: client.getServerVersion()?.name,
  tools: Object.fromEntries(tools.map((tool) => [tool.name, tool.description])),
  called: await call("look_up", { id: "7" }),
  slow,
  told,
  refused: await call("look_up", { id: "much too long" }),
  unready: await call("send"),
  unknown: await failure(() => call("no_such_tool")),
  stranger: await failure(() => open("cof_wrong")),
};
await client.close();
console.log(JSON.stringify(story));
