// Runs components on component_host.mjs in plain Node: a JSON request a line on stdin, a JSON result a line on stdout.
import { createInterface } from "node:readline";
import { KeyStream, run } from "../../workers/edge/component_host.mjs";

const limits = { maxStdoutBytes: 1024, maxStderrBytes: 64, maxRequestBytes: 1024, maxReplyBytes: 1024, fuel: 20_000 };

for await (const line of createInterface({ input: process.stdin })) {
  const { wasm, stdin = "", seed = "00".repeat(32), nowMs = 0, keystreamBytes } = JSON.parse(line);
  if (keystreamBytes) {
    const keystream = new Uint8Array(keystreamBytes);
    new KeyStream(seed).fill(keystream);
    console.log(JSON.stringify(Buffer.from(keystream).toString("hex")));
    continue;
  }
  const module = new WebAssembly.Module(Buffer.from(wasm, "base64"));
  console.log(JSON.stringify(await run(module, stdin, limits, seed, nowMs, null)));
}
