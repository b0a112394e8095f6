// Runs components on component_host.mjs in plain Node: a JSON request a line on stdin, a JSON result a line on stdout.
// The host that a component asks gives `reply` to everything, and its clock goes on by a millisecond each time.
import { createInterface } from "node:readline";
import { KeyStream, draws, run, waits } from "../../workers/edge/component_host.mjs";

const small = { maxStdoutBytes: 1024, maxStderrBytes: 64, maxRequestBytes: 1024, maxReplyBytes: 1024, fuel: 20_000 };

for await (const line of createInterface({ input: process.stdin })) {
  const { wasm, stdin = "", seed = "00".repeat(32), nowMs = 0, reply = "", keystreamBytes, needs, options } = JSON.parse(line);
  if (keystreamBytes) {
    const keystream = new KeyStream(seed);
    const parts = keystreamBytes.map((size) => new Uint8Array(size));
    parts.forEach((part) => keystream.fill(part));
    console.log(JSON.stringify(parts.map((part) => Buffer.from(part).toString("hex")).join("")));
    continue;
  }
  if (needs) {
    const module = new WebAssembly.Module(Buffer.from(wasm, "base64"));
    console.log(JSON.stringify([waits(module), draws(module)]));
    continue;
  }
  let asked = 0;
  const callHost = async () => [reply, nowMs + (asked += 1)];
  const module = new WebAssembly.Module(Buffer.from(wasm, "base64"));
  console.log(JSON.stringify(await run(module, stdin, { ...small, ...options }, seed, nowMs, callHost)));
}
