// The main job with the client of @hey-api/openapi-ts: store a secret, use it, and see its value masked.
// usage: node main_job_of_hey.js ADDRESS API_KEY UPSTREAM
import { client } from "./made/hey/client.gen.js";
import { createIntegration, createSecret, getSecretByName, runIntegration } from "./made/hey/sdk.gen.js";

const [address = "", key = "", upstream = ""] = process.argv.slice(2);
client.setConfig({ baseUrl: address, auth: () => key });

await createSecret({ body: { name: "hey.token", value: "of-the-client-of-hey" }, throwOnError: true });
const connection = await createIntegration({
  body: {
    kind: "api_connection",
    name: "Connection of hey",
    environments: ["staging"],
    config: { base_url: upstream, headers: [{ name: "Authorization", value: "Bearer {secrets.hey.token}" }] },
  },
  throwOnError: true,
});
const action = await createIntegration({
  body: {
    kind: "api_action",
    name: "Action of hey",
    environments: ["staging"],
    config: { connection: connection.data.id, method: "GET", path: "/patients" },
  },
  throwOnError: true,
});
const result = await runIntegration({
  path: { integration_id: action.data.id },
  body: { environment: "staging" },
  throwOnError: true,
});
if (!("masked" in result.data)) throw new Error("A person was asked.");
const refused = await getSecretByName({ path: { secret_name: "nothing" } });
console.log(JSON.stringify({ masked: result.data.masked, body: result.data.body, code: refused.error?.code }));
