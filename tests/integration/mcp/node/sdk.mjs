// The TypeScript SDK's first generation: what most clients are built with. Prints one JSON object.
//
// node sdk.mjs URL HASTY_URL: a gateway, and one that waits for no command.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, hastyUrl] = process.argv.slice(2);

async function connected(base) {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${base}/mcp`));
  await client.connect(transport);
  return { client, revision: transport.protocolVersion };
}

async function streamed(client, command) {
  const messages = [];
  const params = { name: "stub", arguments: { command } };
  for await (const message of client.experimental.tasks.callToolStream(params, undefined, { task: {} })) {
    messages.push(message);
  }
  return messages;
}

const { client, revision } = await connected(url);
const { tools } = await client.listTools();
const answer = await client.callTool({ name: "stub", arguments: { command: "read say hello" } });
const failure = await client.callTool({ name: "stub", arguments: { command: "read fail 3" } });

const hasty = (await connected(hastyUrl)).client;
await hasty.listTools();
const handedOver = await hasty.callTool({ name: "stub", arguments: { command: "read say done" } });
const ended = await hasty.callTool({
  name: "get_job",
  arguments: { job_id: handedOver.structuredContent.job_id, wait: 30 },
});
const succeeded = await streamed(hasty, "read say task");
const failed = await streamed(hasty, "read fail 3");
const toCancel = await hasty.experimental.tasks
  .callToolStream({ name: "stub", arguments: { command: "read hang" } }, undefined, { task: {} })
  .next();
const cancelled = await hasty.experimental.tasks.cancelTask(toCancel.value.task.taskId);

console.log(
  JSON.stringify({ revision, tools, answer, failure, handedOver, ended, succeeded, failed, cancelled }),
);
await client.close();
await hasty.close();
