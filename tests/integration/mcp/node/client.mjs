// The TypeScript SDK's second generation, which negotiates the revision. Prints one JSON object.
//
// node client.mjs URL MODE: MODE is auto, legacy, or the revision to pin.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, mode] = process.argv.slice(2);
const negotiation = { mode: mode === "auto" || mode === "legacy" ? mode : { pin: mode } };
const client = new Client({ name: "test", version: "1" }, { versionNegotiation: negotiation });
await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
const { tools } = await client.listTools();
const answer = await client.callTool({ name: "stub", arguments: { command: "read say hello" } });
const refusal = await client.callTool({ name: "stub", arguments: { command: "read say 'x" } });
console.log(JSON.stringify({ era: client.getProtocolEra(), tools, answer, refusal }));
await client.close();
