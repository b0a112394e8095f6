// Runs components on component_host.mjs in plain Node: a JSON request a line on stdin, a JSON result a line on stdout.
import { createInterface } from "node:readline";
import { chacha20, run } from "../../workers/edge/component_host.mjs";

const limits = { maxStdoutBytes: 1024, maxStderrBytes: 64, maxReplyBytes: 1024, fuel: 20_000 };

for await (const line of createInterface({ input: process.stdin })) {
  const { wasm, stdin = "", seed = "00".repeat(32), nowMs = 0, keystreamBytes } = JSON.parse(line);
  if (keystreamBytes) {
    const bytes = chacha20(seed);
    const keystream = Uint8Array.from({ length: keystreamBytes }, () => bytes.next().value);
    console.log(JSON.stringify(Buffer.from(keystream).toString("hex")));
    continue;
  }
  const module = new WebAssembly.Module(Buffer.from(wasm, "base64"));
  console.log(JSON.stringify(await run(module, stdin, limits, seed, nowMs, null)));
}
