// The main job with the types of openapi-typescript: store a secret, use it, and see its value masked.
// usage: node main_job_of_fetch.js ADDRESS API_KEY UPSTREAM
import createClient from "openapi-fetch";
import type { paths } from "./made/schema.js";

const [address = "", key = "", upstream = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${key}` } });

function given<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

given(await client.POST("/api/v1/secrets", { body: { name: "fetch.token", value: "of-the-client-of-fetch" } }));
const connection = given(
  await client.POST("/api/v1/integrations", {
    body: {
      kind: "api_connection",
      name: "Connection of fetch",
      environments: ["staging"],
      config: { base_url: upstream, headers: [{ name: "Authorization", value: "Bearer {secrets.fetch.token}" }] },
    },
  }),
);
const action = given(
  await client.POST("/api/v1/integrations", {
    body: {
      kind: "api_action",
      name: "Action of fetch",
      environments: ["staging"],
      config: { connection: connection.id, method: "GET", path: "/patients" },
    },
  }),
);
const result = given(
  await client.POST("/api/v1/integrations/{integration_id}/run", {
    params: { path: { integration_id: action.id } },
    body: { environment: "staging" },
  }),
);
if (typeof result === "string" || !("masked" in result)) throw new Error("It streams, or a person was asked.");
const refused = await client.GET("/api/v1/secrets/by-name/{secret_name}", {
  params: { path: { secret_name: "nothing" } },
});
console.log(JSON.stringify({ masked: result.masked, body: result.body, code: refused.error?.code }));
