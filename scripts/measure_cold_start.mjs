// Measures cold starts in Node's V8: compile, instantiate and first call of components/<id>/<id>.wasm, in milliseconds.
// It is the median of 9.
//   node --experimental-wasm-jspi measure_cold_start.mjs < JSON {id: {"path", "stdin"}}   ->   JSON {id: ms}
import { readFileSync } from "node:fs";
import { run } from "../workers/edge/component_host.mjs";

const limits = { maxStdoutBytes: 4 << 20, maxStderrBytes: 1 << 16, maxReplyBytes: 8 << 20 };
const refuse = async () => ['{"ok":false,"error":{"code":"NO_STUB","message":"measuring"}}', 0];
const components = JSON.parse(readFileSync(0, "utf8"));
const results = {};
for (const [id, { path, stdin }] of Object.entries(components)) {
  const bytes = readFileSync(path);
  const times = [];
  for (let i = 0; i < 9; i += 1) {
    const fresh = Uint8Array.from([...bytes, 0, 2, 1, i]); // a custom section: V8 must not have seen these bytes
    const started = performance.now();
    await run(new WebAssembly.Module(fresh), stdin, limits, "00".repeat(32), Date.now(), refuse);
    times.push(performance.now() - started);
  }
  results[id] = times.sort((a, b) => a - b)[4];
}
console.log(JSON.stringify(results));
