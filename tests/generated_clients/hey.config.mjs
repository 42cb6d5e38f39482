export default {
  input: "./made/openapi.json",
  output: { path: "made/hey", module: { extension: ".js" } },
};
